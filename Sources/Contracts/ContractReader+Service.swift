// What a contract promises beside its records: who may do what, where to ask, how fresh and how many.
import Foundation
import Model
import Yams

extension ContractReader {
    /// Somebody must be allowed to write, or the topic has no owner, and somebody to read.
    func roles(_ root: DocumentMapping) -> [Contract.Role] {
        var roles: [Contract.Role] = []
        for node in root.list("roles", required: true) ?? [] {
            guard let role = DocumentMapping(node, of: "a role", keys: ContractKeys.role, log: log) else { continue }
            let name = role.text("role", required: true)
            if role["access"] == nil { role.fail("access", "access is missing: \(Self.accessWords)") }
            let access = role.choice("access", of: Contract.Role.Access.self, what: "access")
            guard let name, let access else { continue }
            if roles.contains(where: { $0.name == name }) { role.fail("role", "two roles of the name \(name)") }
            roles.append(
                Contract.Role(
                    name: name, access: access, description: role.text("description") ?? "",
                    principals: principals(role, name)))
        }
        for access in [Contract.Role.Access.read, .write]
        where root["roles"] != nil && !log.hasErrors && !roles.contains(where: { $0.access == access }) {
            root.fail("roles", "expected a role with access \(access.rawValue)")
        }
        if let node = root["roles"], !roles.contains(where: { $0.access == .readDeadLetters }) {
            log.note(
                node,
                "no role has access read-dead-letters: say who reads the topic's dead letters for the owner")
        }
        return roles
    }

    private static let accessWords =
        Contract.Role.Access.allCases.map(\.rawValue).formatted(.list(type: .or).locale(Locale(identifier: "en_GB")))

    /// Those of Kafka's authorizer: a type and a name, and nobody by a wildcard, which would open the topic to all.
    private func principals(_ role: DocumentMapping, _ name: String) -> [String] {
        let custom = DocumentMapping(
            customProperties: role["customProperties"], of: role.node, subject: "the role \(name)",
            known: ContractKeys.roleProperties, log: log)
        guard custom["kafkaPrincipals"] != nil else {
            log.note(
                role.node, "the role \(name) names no kafkaPrincipals: `topics plan` cannot check who has its access")
            return []
        }
        let principals = custom.texts("kafkaPrincipals", required: true) ?? []
        for principal in principals {
            let parts = principal.split(separator: ":", maxSplits: 1)
            if parts.count < 2 || parts[1] == "*" || principal.contains(where: \.isNewline) {
                custom.fail(
                    "kafkaPrincipals", "expected each of kafkaPrincipals to be a type and one name, such as User:feed")
            }
        }
        return principals
    }

    func support(_ root: DocumentMapping) -> [Contract.SupportContact] {
        let nodes = root.list("support", required: true) ?? []
        if nodes.isEmpty, root["support"] != nil { root.fail("support", "expected at least one place to ask") }
        return nodes.compactMap { node -> Contract.SupportContact? in
            guard
                let contact = DocumentMapping(node, of: "a support contact", keys: ContractKeys.support, log: log),
                let channel = contact.text("channel", required: true), let url = contact.text("url", required: true)
            else { return nil }
            if !["mailto:", "https://"].contains(where: { url.hasPrefix($0) && url.count > $0.count }) {
                contact.fail("url", "expected url to begin with mailto: or https://")
            }
            return Contract.SupportContact(
                channel: channel, description: contact.text("description") ?? "", url: url)
        }
    }

    // MARK: Service levels

    private static let secondsOfUnit: [String: Int64] = ["minutes": 60, "hours": 3_600, "days": 86_400]

    /// - Parameter kafka: the topic's settings, which a promise of retention must agree with.
    func serviceLevels(_ root: DocumentMapping, kafka: Contract.KafkaSettings?) -> ServicePromise {
        var levels = ServicePromise()
        var given: Set<String> = []
        for node in root.list("slaProperties") ?? [] {
            guard let level = DocumentMapping(node, of: "a service level", keys: ContractKeys.serviceLevel, log: log),
                let name = level.text("property", required: true)
            else { continue }
            if !given.insert(name).inserted { level.fail("property", "\(name) given twice") }
            switch name {
            case "freshness": levels.freshnessSeconds = freshness(level)
            case "volume": levels.recordsPerDayMinimum = volume(level)
            case "retention": checkRetention(level, kafka)
            default:
                if let near = Spelling.nearest(to: name, among: ["freshness", "volume", "retention"]) {
                    level.fail("property", "unknown service level \(name): did you mean \(near)?")
                } else {
                    log.note(node, "service level \(name) is not enforced: freshness, volume and retention are")
                }
            }
        }
        if levels.freshnessSeconds == nil, !given.contains("freshness") {
            root.fail("slaProperties", "expected the service level freshness: how old the newest record may be")
        }
        if levels.recordsPerDayMinimum == nil, !given.contains("volume") {
            root.fail("slaProperties", "expected the service level volume: how many records a day are expected")
        }
        return levels
    }

    private func freshness(_ level: DocumentMapping) -> Int64? {
        guard let value = level.integer("value", in: 1...100_000, required: true),
            let unit = level.text("unit", required: true)
        else { return nil }
        guard let seconds = Self.secondsOfUnit[unit] else {
            let units = Set(Self.secondsOfUnit.keys)
            level.fail("unit", "unknown unit \(unit)\(Spelling.suggestion(for: unit, among: units))")
            return nil
        }
        return value * seconds
    }

    private func volume(_ level: DocumentMapping) -> Int64? {
        if level.text("unit", required: true).map({ $0 != "records/day" }) ?? false {
            level.fail("unit", "expected unit to be records/day")
        }
        return level.integer("value", in: 0...10_000_000_000, required: true)
    }

    /// `unlimited`, or days: what is promised must be what the topic is made with.
    private func checkRetention(_ level: DocumentMapping, _ kafka: Contract.KafkaSettings?) {
        guard let kafka else { return }
        let promised: Int64
        if level["value"]?.scalar?.string == "unlimited" {
            promised = -1
        } else if let days = level.integer("value", in: 1...100_000, required: true) {
            if level.text("unit", required: true) != "days" { level.fail("unit", "expected unit to be days") }
            promised = days * 86_400_000
        } else {
            return
        }
        if promised != kafka.retentionMilliseconds {
            level.fail(
                "value",
                "expected the promised retention to be kafkaRetentionMilliseconds, \(kafka.retentionMilliseconds)")
        }
    }
}
