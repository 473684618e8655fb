// Who may do what with a topic, as the cluster's authorizer has it: read, and widened. Nothing is ever taken away.

import CRdkafka
package import Model

/// One rule of the cluster's authorizer (an ACL) that bears upon a topic.
package struct AccessRule: Hashable, Sendable {
    package enum Operation: Hashable, Sendable {
        case read, write, all
        /// Of a topic's metadata and settings.
        case describe, describeConfigs
        /// As librdkafka names it.
        case other(String)
    }

    package enum Pattern: Hashable, Sendable {
        /// Of the topic's own name.
        case literal
        /// Of all topics whose names begin so; of all topics, `*`.
        case wider(String)
    }

    package let principal: String
    /// `*` is any.
    package let host: String
    package let operation: Operation
    package let isAllowed: Bool
    package let pattern: Pattern

    package init(
        principal: String, host: String = "*", operation: Operation, isAllowed: Bool = true, pattern: Pattern = .literal
    ) {
        self.principal = principal
        self.host = host
        self.operation = operation
        self.isAllowed = isAllowed
        self.pattern = pattern
    }
}

extension KafkaErrorCode {
    /// The cluster has no authorizer: whoever reaches it may do everything.
    package static let securityDisabled = RD_KAFKA_RESP_ERR_SECURITY_DISABLED.rawValue
}

extension KafkaAdmin {
    /// All rules that bear upon the topic, whether it is there or not: its own, and those of wider patterns.
    /// - Throws: `KafkaErrorCode.securityDisabled` where the cluster has no authorizer.
    package func accessRules(
        of name: TopicName, timeoutMilliseconds: Int32
    ) throws(KafkaError) -> [AccessRule] {
        let action = "reading the access rules of \(name)"
        let client = try open(action)
        var reason = [CChar](repeating: 0, count: 512)
        guard
            let filter = rd_kafka_AclBindingFilter_new(
                RD_KAFKA_RESOURCE_TOPIC, name.rawValue, RD_KAFKA_RESOURCE_PATTERN_MATCH, nil, nil,
                RD_KAFKA_ACL_OPERATION_ANY, RD_KAFKA_ACL_PERMISSION_TYPE_ANY, &reason, reason.count)
        else { throw KafkaError(KafkaErrorCode.invalidArgument, action: action, detail: text(reason)) }
        defer { rd_kafka_AclBinding_destroy(filter) }
        let event = try AdminCall(client, RD_KAFKA_ADMIN_OP_DESCRIBEACLS, timeoutMilliseconds, action)
            .perform { options, queue in rd_kafka_DescribeAcls(client.pointer, filter, options, queue) }
        guard let answer = rd_kafka_event_DescribeAcls_result(event.pointer) else {
            throw KafkaError(RD_KAFKA_RESP_ERR__BAD_MSG, action: action)
        }
        var count = 0
        guard let rules = rd_kafka_DescribeAcls_result_acls(answer, &count) else { return [] }
        return (0..<count).compactMap { rules[$0].flatMap { AccessRule($0) } }
    }

    /// Lets the principal do it, from any host; one rule more, and none where it is there already.
    package func allow(
        _ principal: String, _ operation: AccessRule.Operation, on name: TopicName, timeoutMilliseconds: Int32
    ) throws(KafkaError) {
        let action = "granting access to \(name)"
        let client = try open(action)
        let binding = try AccessBinding(AccessRule(principal: principal, operation: operation), of: name, action)
        let event = try AdminCall(client, RD_KAFKA_ADMIN_OP_CREATEACLS, timeoutMilliseconds, action)
            .perform { options, queue in
                var rules: [OpaquePointer?] = [binding.pointer]
                rd_kafka_CreateAcls(client.pointer, &rules, 1, options, queue)
            }
        var count = 0
        guard let answer = rd_kafka_event_CreateAcls_result(event.pointer),
            let results = rd_kafka_CreateAcls_result_acls(answer, &count), count == 1, let result = results[0]
        else { throw KafkaError(RD_KAFKA_RESP_ERR__BAD_MSG, action: action) }
        // Null where all is well; the answer owns it.
        guard let error = rd_kafka_acl_result_error(result) else { return }
        throw KafkaError(
            rd_kafka_error_code(error), action: action, detail: String(cString: rd_kafka_error_string(error)))
    }
}

/// One rule as librdkafka holds it.
struct AccessBinding: ~Copyable {
    let pointer: OpaquePointer

    /// - Throws: `KafkaErrorCode.invalidArgument` for an operation that is not among those named here.
    init(_ rule: AccessRule, of topic: TopicName, _ action: String) throws(KafkaError) {
        guard let operation = rule.operation.number else {
            throw KafkaError(KafkaErrorCode.invalidArgument, action: action, detail: "unknown operation")
        }
        let (name, type) =
            switch rule.pattern {
            case .literal: (topic.rawValue, RD_KAFKA_RESOURCE_PATTERN_LITERAL)
            case .wider("*"): ("*", RD_KAFKA_RESOURCE_PATTERN_LITERAL)
            case .wider(let pattern): (String(pattern.dropLast()), RD_KAFKA_RESOURCE_PATTERN_PREFIXED)
            }
        var reason = [CChar](repeating: 0, count: 512)
        guard
            let pointer = rd_kafka_AclBinding_new(
                RD_KAFKA_RESOURCE_TOPIC, name, type, rule.principal, rule.host, operation,
                rule.isAllowed ? RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW : RD_KAFKA_ACL_PERMISSION_TYPE_DENY, &reason,
                reason.count)
        else { throw KafkaError(KafkaErrorCode.invalidArgument, action: action, detail: text(reason)) }
        self.pointer = pointer
    }

    deinit { rd_kafka_AclBinding_destroy(pointer) }

    var rule: AccessRule? { AccessRule(pointer) }
}

extension AccessRule {
    /// Nil for what is of no known form.
    fileprivate init?(_ raw: OpaquePointer) {
        guard let principal = rd_kafka_AclBinding_principal(raw), let host = rd_kafka_AclBinding_host(raw),
            let name = rd_kafka_AclBinding_name(raw)
        else { return nil }
        self.principal = String(cString: principal)
        self.host = String(cString: host)
        operation = Operation(rd_kafka_AclBinding_operation(raw))
        isAllowed = rd_kafka_AclBinding_permission_type(raw) == RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW
        let pattern = String(cString: name)
        let isOwn =
            rd_kafka_AclBinding_resource_pattern_type(raw) == RD_KAFKA_RESOURCE_PATTERN_LITERAL && pattern != "*"
        self.pattern = isOwn ? .literal : .wider(pattern == "*" ? pattern : pattern + "*")
    }
}

extension AccessRule.Operation {
    fileprivate init(_ raw: rd_kafka_AclOperation_t) {
        switch raw {
        case RD_KAFKA_ACL_OPERATION_READ: self = .read
        case RD_KAFKA_ACL_OPERATION_WRITE: self = .write
        case RD_KAFKA_ACL_OPERATION_ALL: self = .all
        case RD_KAFKA_ACL_OPERATION_DESCRIBE: self = .describe
        case RD_KAFKA_ACL_OPERATION_DESCRIBE_CONFIGS: self = .describeConfigs
        default: self = .other(String(cString: rd_kafka_AclOperation_name(raw)))
        }
    }

    /// Nil for what has no name here.
    fileprivate var number: rd_kafka_AclOperation_t? {
        switch self {
        case .read: RD_KAFKA_ACL_OPERATION_READ
        case .write: RD_KAFKA_ACL_OPERATION_WRITE
        case .all: RD_KAFKA_ACL_OPERATION_ALL
        case .describe: RD_KAFKA_ACL_OPERATION_DESCRIBE
        case .describeConfigs: RD_KAFKA_ACL_OPERATION_DESCRIBE_CONFIGS
        case .other: nil
        }
    }

    /// As Kafka's own tools write it.
    package var word: String {
        switch self {
        case .read: "Read"
        case .write: "Write"
        case .all: "All"
        case .describe: "Describe"
        case .describeConfigs: "DescribeConfigs"
        case .other(let name): name
        }
    }
}
