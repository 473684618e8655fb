// What a broker refuses, in words and with a next step.
import Kafka
import Model

enum ProvisioningFault {
    /// No answer, or an answer that such requests are unknown: the next topic would fare no better.
    static func isSilence(_ error: KafkaError) -> Bool {
        error.isTransient
            || [
                KafkaErrorCode.unsupportedFeature, KafkaErrorCode.unsupportedVersion, KafkaErrorCode.notController,
                KafkaErrorCode.closed,
            ].contains(error.code)
    }

    static func cause(of error: KafkaError) -> String {
        switch error.code {
        case KafkaErrorCode.topicAuthorizationFailed, KafkaErrorCode.clusterAuthorizationFailed:
            "this client's user may not read or change them"
        case _ where isSilence(error): "the broker answers no requests of administration (\(error.name))"
        default: "\(error.detail) (\(error.name))"
        }
    }

    /// - Parameter action: such as `creating`, before the topic's name.
    static func describe(_ error: KafkaError, doing action: String, _ wanted: WantedTopic) -> UserError {
        let (cause, nextStep) = words(error, wanted)
        return UserError(
            action: action, subject: "\(wanted.name)", cause: cause,
            nextStep: nextStep, status: isSilence(error) ? .unavailable : .no)
    }

    private static func words(_ error: KafkaError, _ wanted: WantedTopic) -> (cause: String, nextStep: String) {
        let told = "\(error.detail) (\(error.name))"
        switch error.code {
        case KafkaErrorCode.topicAuthorizationFailed, KafkaErrorCode.clusterAuthorizationFailed:
            return (
                "this client's user may not do that",
                """
                let the cluster's operators grant it Create, Alter, AlterConfigs and DescribeConfigs on the topic, and, \
                to grant access, Alter and Describe on the cluster
                """
            )
        case KafkaErrorCode.securityDisabled:
            return (
                "the cluster has no authorizer: whoever reaches it may do everything",
                "let its operators set authorizer.class.name, or leave kafkaPrincipals out of the contract"
            )
        case KafkaErrorCode.policyViolation:
            return (
                "a rule of the cluster forbids it: \(told)",
                "ask the cluster's operators, or change the contract of \(wanted.contract)"
            )
        case KafkaErrorCode.invalidReplicationFactor:
            return (
                "the cluster cannot hold \(wanted.replicationFactor) replicas: \(told)",
                "start or add brokers, or change kafkaReplicationFactor in the contract of \(wanted.contract)"
            )
        case KafkaErrorCode.invalidPartitions:
            return ("the cluster does not accept that number of partitions: \(told)", "run `lienthong topics plan`")
        case KafkaErrorCode.invalidConfiguration:
            return (
                "the broker does not accept a setting: \(told)",
                "see which keys and values its version knows, and its operators' bounds"
            )
        case KafkaErrorCode.invalidRequest:
            return (
                told,
                """
                use Kafka's own `kafka-configs.sh --alter --entity-type topics --entity-name \(wanted.name)`, which \
                changes one setting alone
                """
            )
        case _ where isSilence(error):
            return (
                "the broker answers no requests of administration (\(error.name))",
                """
                is the cluster's controller up? An embedded broker (`demo`, tests) never answers them: its host makes \
                the topics by itself
                """
            )
        default: return (told, "see the broker's log")
        }
    }
}
