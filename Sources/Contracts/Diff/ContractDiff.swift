// Two states of one contract compared, key by key. Pure: files and git are the callers'.
// A change is judged from both sides: the owner whose records were right, and those who read the topic and its tables.
import Model

struct ContractDiff {
    /// What today's rules cannot read of one of the two, so that it says nothing about a change.
    struct Unsure {
        /// Paths of fields whose type is not known.
        var fields: Set<String> = []
        /// Whether some rule is not known.
        var rules = false
    }

    let topic: String
    let old: Contract
    let new: Contract
    /// Columns by the path of the field that lands in them, to see a renamed field by its column.
    let oldColumns: [String: Set<String>]
    let newColumns: [String: Set<String>]
    let unsure: Unsure
    var changes: [ContractChange] = []

    /// The changes in the contract's order.
    static func changes(
        topic: String, from old: Contract, to new: Contract, mappings: (old: Mapping?, new: Mapping?) = (nil, nil),
        unsure: Unsure = Unsure()
    ) -> [ContractChange] {
        var diff = ContractDiff(
            topic: topic, old: old, new: new, oldColumns: mappings.old?.columnsByField ?? [:],
            newColumns: mappings.new?.columnsByField ?? [:], unsure: unsure)
        diff.compareStanding()
        diff.compareKafka()
        diff.compareBreaker()
        diff.compareServiceLevels()
        diff.compareWords()
        diff.compareKey()
        diff.compareFields(old.fields, new.fields, under: "")
        diff.compareRules()
        return diff.changes
    }

    mutating func add(
        _ severity: ContractChange.Severity, _ subject: ContractChange.Subject, _ sentence: String,
        isForPeopleOnly: Bool = false
    ) {
        changes.append(
            ContractChange(
                severity, topic: topic, subject, sentence, isForPeopleOnly: isForPeopleOnly,
                wasPromised: old.status.isPromise))
    }

    // MARK: Key and version

    private mutating func compareKey() {
        if old.key != new.key {
            let was = old.key.joined(separator: ":")
            let isNow = new.key.joined(separator: ":")
            add(
                .breaking, .setting("primaryKey"),
                "was \(was), is now \(isNow): owners' keys no longer match (key-mismatch), and older records of a "
                    + "thing lie under another key: their rows stay, their order is lost")
        }
        if old.versionField != new.versionField {
            add(
                .breaking, .field(new.versionField),
                "the record's version was \(old.versionField), is now \(new.versionField): versions of the rows "
                    + "and of new records cannot be compared, so that newer records may lose to older ones")
        }
    }

    // MARK: Standing, owner, place

    private mutating func compareStanding() {
        compareVersion()
        compareStatus()
        if old.owner != new.owner {
            add(
                .dangerous, .setting("team.name"),
                "was \(old.owner), is now \(new.owner): another body answers for the data (Decree 102/2025 art. 16.2)")
        }
        if old.server != new.server {
            add(
                .dangerous, .setting("servers"),
                "was \(old.server), is now \(new.server): a feed that keeps the older address publishes elsewhere")
        }
        if Set(old.dataGroups) != Set(new.dataGroups) {
            let was = old.dataGroups.sorted().map(String.init).joined(separator: ", ")
            let isNow = new.dataGroups.sorted().map(String.init).joined(separator: ", ")
            add(
                .dangerous, .setting("dataGroups"),
                "was \(was), is now \(isNow): who may read the data, and on what ground, goes by these groups (art. 9.2)"
            )
        }
        compareRoles()
    }

    private mutating func compareVersion() {
        guard let was = ContractVersion(old.version), let isNow = ContractVersion(new.version), isNow < was else {
            return
        }
        add(
            .dangerous, .setting("version"),
            "was \(old.version), is now \(new.version): a version only grows; dead letters and readers name it")
    }

    private mutating func compareStatus() {
        guard old.status != new.status else { return }
        let words = "was \(old.status.rawValue), is now \(new.status.rawValue)"
        switch (old.status, new.status) {
        case (_, .deprecated), (_, .retired):
            if old.status == .retired {
                add(.compatible, .setting("status"), words)
            } else {
                add(.dangerous, .setting("status"), "\(words): readers must look for what takes its place")
            }
        case (.active, .draft), (.active, .proposed), (.deprecated, .draft), (.deprecated, .proposed),
            (.retired, .draft), (.retired, .proposed):
            add(
                .breaking, .setting("status"),
                "\(words): what was promised to readers is promised no longer, so that it could be broken unseen; what "
                    + "ends is deprecated, then retired")
        case (_, .active), (.proposed, .draft), (.draft, .proposed), (.draft, .draft), (.proposed, .proposed):
            add(.compatible, .setting("status"), words)
        }
    }

    private mutating func compareRoles() {
        for role in old.roles {
            let subject = ContractChange.Subject.setting("roles.\(role.name)")
            guard let now = new.roles.first(where: { $0.name == role.name }) else {
                add(
                    .dangerous, subject,
                    "was there with access \(role.access.rawValue), is gone: whoever has it loses the topic")
                continue
            }
            if now.access != role.access {
                add(
                    .dangerous, subject,
                    "access was \(role.access.rawValue), is now \(now.access.rawValue): whoever has the role can do "
                        + "other things than before")
            }
            comparePrincipals(role, now, subject)
            if now.description != role.description {
                add(.compatible, subject, "its description changed", isForPeopleOnly: true)
            }
        }
        for role in new.roles where !old.roles.contains(where: { $0.name == role.name }) {
            add(.compatible, .setting("roles.\(role.name)"), "a new role with access \(role.access.rawValue)")
        }
    }

    private mutating func comparePrincipals(
        _ was: Contract.Role, _ now: Contract.Role, _ subject: ContractChange.Subject
    ) {
        let gone = was.principals.filter { !now.principals.contains($0) }
        let new = now.principals.filter { !was.principals.contains($0) }
        if !gone.isEmpty {
            add(.dangerous, subject, "no longer names \(gone.joined(separator: ", ")), who may lose the access")
        }
        if !new.isEmpty { add(.compatible, subject, "now names \(new.joined(separator: ", "))") }
    }

    // MARK: Words for people

    private mutating func compareWords() {
        let words: [(String, Bool)] = [
            ("description.purpose", old.descriptionEnglish != new.descriptionEnglish),
            ("description.usage", old.usage != new.usage),
            ("description.limitations", old.limitations != new.limitations),
            ("usageVi", old.usageVietnamese != new.usageVietnamese),
            ("limitationsVi", old.limitationsVietnamese != new.limitationsVietnamese),
            ("descriptionVi", old.descriptionVietnamese != new.descriptionVietnamese),
            ("team.description", old.ownerDescription != new.ownerDescription),
            ("articles", old.articles != new.articles),
            ("support", old.support != new.support),
        ]
        for (name, differs) in words where differs {
            add(.compatible, .setting(name), "its text changed", isForPeopleOnly: true)
        }
    }
}

/// `major.minor.patch`.
package struct ContractVersion: Comparable {
    let major: Int
    let minor: Int
    let patch: Int

    package init?(_ text: String) {
        let numbers = text.split(separator: ".", omittingEmptySubsequences: false).compactMap { Int($0) }
        guard numbers.count == 3 else { return nil }
        (major, minor, patch) = (numbers[0], numbers[1], numbers[2])
    }

    package static func < (left: Self, right: Self) -> Bool {
        (left.major, left.minor, left.patch) < (right.major, right.minor, right.patch)
    }

    /// What the changes ask of the version, where it was not given; nil where it was, or nothing was promised yet.
    /// - Parameter changes: of the contract alone: a mapping has its own revision.
    static func finding(from old: Contract, to new: Contract, changes: [ContractChange]) -> LintFinding? {
        guard old.status.isPromise, !changes.isEmpty, let was = Self(old.version), let isNow = Self(new.version) else {
            return nil
        }
        // What breaks is a matter of the topic's name, not of its version.
        guard !changes.contains(where: { $0.severity == .breaking }) else { return nil }
        let wantsMinor = changes.contains { !$0.isForPeopleOnly }
        if isNow <= was {
            let wanted = wantsMinor ? "\(was.major).\(was.minor + 1).0" : "\(was.major).\(was.minor).\(was.patch + 1)"
            let what = wantsMinor ? "the contract changed" : "texts of the contract changed"
            let message = "version was \(old.version), is now \(new.version), and \(what): expected \(wanted) or higher"
            return LintFinding(.warning, file: "", line: nil, message: message)
        }
        guard wantsMinor, (isNow.major, isNow.minor) == (was.major, was.minor) else { return nil }
        let message =
            "version was \(old.version), is now \(new.version), and more than texts changed: "
            + "expected \(was.major).\(was.minor + 1).0 or higher"
        return LintFinding(.note, file: "", line: nil, message: message)
    }
}

extension Contract.Status {
    /// A proposal and a draft have promised nothing yet.
    var isPromise: Bool {
        switch self {
        case .proposed, .draft: false
        case .active, .deprecated, .retired: true
        }
    }
}
