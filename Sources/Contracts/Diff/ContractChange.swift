// What differs between two states of a topic, and whom it hurts.

/// One difference. Names, limits and code values of contracts only, never a record's value.
package struct ContractChange: Sendable, Hashable {
    package enum Severity: String, Sendable, CaseIterable {
        /// What was right is refused now, lands nowhere or means something else: not allowed under the same topic.
        case breaking
        /// Nothing that was right is refused, but readers may be surprised, or a protection falls.
        case dangerous
        case compatible
    }

    /// What the change is about.
    package enum Subject: Sendable, Hashable {
        case topic
        /// Path, such as `address.provinceCode`, `parts[].name`, `aliases[]` for the items themselves.
        case field(String)
        /// As the contract names it: `version`, `kafkaPartitions`, `slaProperties.freshness`, `roles.publisher`.
        case setting(String)
        /// A rule between fields; `index` counts the enforced rules of the newer contract from 0, nil for one removed.
        case rule(String, index: Int?)
        /// A key of `mapping.yaml`, such as `revision` or `columns.kind`.
        case mapping(String)
        /// A file of `code-lists/` without its ending.
        case codeList(String)

        package var kind: String {
            switch self {
            case .topic: "topic"
            case .field: "field"
            case .setting: "setting"
            case .rule: "rule"
            case .mapping: "mapping"
            case .codeList: "code list"
            }
        }

        /// Without the kind; empty for the topic itself.
        package var path: String {
            switch self {
            case .topic: ""
            case .field(let path), .setting(let path), .rule(let path, index: _), .mapping(let path),
                .codeList(let path):
                path
            }
        }
    }

    package let severity: Severity
    /// The topic's name; `code-lists` for what all topics share.
    package let topic: String
    package let subject: Subject
    /// What it was, what it is now, and whom that hurts.
    package let sentence: String
    /// Nothing but words, examples or contacts for people changed.
    package let isForPeopleOnly: Bool
    /// False where the older contract was a proposal or a draft.
    package let wasPromised: Bool
    /// In the newer state; nil where nothing of it is left there.
    package internal(set) var file: String?
    /// From 1.
    package internal(set) var line: Int?

    init(
        _ severity: Severity, topic: String, _ subject: Subject, _ sentence: String, isForPeopleOnly: Bool = false,
        wasPromised: Bool = true
    ) {
        self.severity = severity
        self.topic = topic
        self.subject = subject
        self.sentence = sentence
        self.isForPeopleOnly = isForPeopleOnly
        self.wasPromised = wasPromised
    }

    /// Such as `field sex: was optional, is now required: …`.
    package var message: String {
        subject.path.isEmpty ? "\(subject.kind): \(sentence)" : "\(subject.kind) \(subject.path): \(sentence)"
    }
}

extension ContractChange.Severity: Comparable {
    private var rank: Int {
        switch self {
        case .breaking: 0
        case .dangerous: 1
        case .compatible: 2
        }
    }

    /// The graver one comes first.
    package static func < (left: Self, right: Self) -> Bool { left.rank < right.rank }
}
