// A topic's contract and mapping as values: what the YAML in `Topics/` says, read and checked.
package import Model

/// The classes of mission and Decree 102/2025 art. 9.2; `internal` where the contract says nothing.
package enum Classification: String, Sendable, CaseIterable {
    case `internal`
    case businessSecret = "business-secret"
    case personal
    case health
    case family
    case open
}

/// One topic: its contract, its mapping and where they were read.
package struct TopicDefinition: Sendable {
    package let name: TopicName
    package let folder: String
    package let contract: Contract
    package let mapping: Mapping

    package init(name: TopicName, folder: String, contract: Contract, mapping: Mapping) {
        self.name = name
        self.folder = folder
        self.contract = contract
        self.mapping = mapping
    }
}

/// What a partner promises about a topic's records (Open Data Contract Standard v3.1).
package struct Contract: Sendable {
    /// The contract's own version, such as `1.0.0`.
    package var version: String
    package var status: Status
    package var owner: String
    /// What the owner answers for, in its own words.
    package var ownerDescription: String
    package var descriptionEnglish: String
    package var descriptionVietnamese: String
    /// On what ground the data may be read, and what they do not tell.
    package var usage: String
    package var usageVietnamese: String
    package var limitations: String
    package var limitationsVietnamese: String
    /// Groups of Decree 102/2025 art. 5, and the article that asks for the data.
    package var dataGroups: [Int]
    package var articles: [String]
    package var fields: [Field]
    /// Names of the top-level fields whose text, joined by `:`, is the record's key.
    package var key: [String]
    /// The top-level field that holds the record's version: an integer, or a timestamp.
    package var versionField: String
    package var rules: [RecordRule]
    package var kafka: KafkaSettings
    package var breaker: BreakerSettings
    /// `host:port` of the brokers that the owner publishes to, for readers; workers have their own settings.
    package var server: String
    package var roles: [Role]
    package var support: [SupportContact]
    package var serviceLevels: ServicePromise
    package var deadLetterStore: DeadLetterStoreSettings

    /// A boolean that every record may carry, and that no contract declares.
    package static let stateSecret = "stateSecret"

    package enum Status: String, Sendable, CaseIterable {
        /// Nothing is promised yet: a contract of these two may still break.
        case proposed, draft
        case active, deprecated, retired
    }

    /// Who may do what with the topic, and with that of its dead letters.
    package struct Role: Sendable, Equatable {
        package enum Access: String, Sendable, CaseIterable {
            case read, write
            /// Of `<topic>.dead-letter`: the owner's.
            case readDeadLetters = "read-dead-letters"
            /// Of `<topic>.dead-letter`: the workers', who tell the owner.
            case writeDeadLetters = "write-dead-letters"

            package var isOfDeadLetters: Bool {
                switch self {
                case .read, .write: false
                case .readDeadLetters, .writeDeadLetters: true
                }
            }
        }
        package var name: String
        package var access: Access
        package var description: String
        /// As Kafka's authorizer names them, `User:CN=feed.example`. None: who has the role is not checked.
        package var principals: [String]

        package init(name: String, access: Access, description: String = "", principals: [String] = []) {
            self.name = name
            self.access = access
            self.description = description
            self.principals = principals
        }
    }

    /// Where to ask.
    package struct SupportContact: Sendable, Equatable {
        package var channel: String
        package var description: String
        /// `mailto:` or `https:`.
        package var url: String

        package init(channel: String, description: String = "", url: String) {
            self.channel = channel
            self.description = description
            self.url = url
        }
    }

    package struct KafkaSettings: Sendable, Equatable {
        package var partitions: Int32
        package var replicationFactor: Int16
        /// Milliseconds; -1 keeps for ever.
        package var retentionMilliseconds: Int64
        /// `delete` or `compact`.
        package var cleanupPolicy: String
        /// Of the owner's topic of dead letters, `<topic>.dead-letter`; milliseconds, -1 keeps for ever.
        package var deadLetterRetentionMilliseconds: Int64

        package init(
            partitions: Int32, replicationFactor: Int16, retentionMilliseconds: Int64, cleanupPolicy: String,
            deadLetterRetentionMilliseconds: Int64 = Self.deadLetterRetentionStandard
        ) {
            self.partitions = partitions
            self.replicationFactor = replicationFactor
            self.retentionMilliseconds = retentionMilliseconds
            self.cleanupPolicy = cleanupPolicy
            self.deadLetterRetentionMilliseconds = deadLetterRetentionMilliseconds
        }

        /// 90 days.
        package static let deadLetterRetentionStandard: Int64 = 90 * 86_400_000
        /// Of a topic of dead letters: enough for three readers at once, and few files for what is rare.
        package static let deadLetterPartitions: Int32 = 3
        /// Follows a topic's name in that of its topic of dead letters.
        package static let deadLetterSuffix = ".dead-letter"
        /// Nil where the name would be longer than Kafka accepts.
        package static func deadLetterTopic(of topic: TopicName) -> TopicName? {
            TopicName(topic.rawValue + deadLetterSuffix)
        }
        /// Headers and framing of a record beside key and value, in bytes: a producer's own headers, traces and
        /// CloudEvents stay far below.
        package static let headersAllowance: Int64 = 65_536
        /// Kafka bounds a batch, and a batch may hold one record: the largest that a contract admits must fit with its
        /// headers. Kafka's own default is 12 bytes above 1 MiB.
        package static let messageBytesMax = Int64(Limits.recordBytesMax) + headersAllowance
        /// A dead letter repeats key, value and headers, and adds its own.
        package static let deadLetterMessageBytesMax = messageBytesMax + headersAllowance
    }

    /// How long refused records stay in the national database; `dead-letters purge` removes them afterwards.
    package struct DeadLetterStoreSettings: Sendable, Equatable {
        /// Days after a letter was closed: its record applied, superseded or discarded. -1 keeps for ever; nil: as long
        /// as the owner's topic keeps it.
        package var closedDays: Int64?
        /// Days after the last refusal or redrive of a letter that is not closed. -1, and nil, keep for ever: what
        /// nobody has mended is not forgotten unless the contract says so.
        package var openDays: Int64?

        package init(closedDays: Int64? = nil, openDays: Int64? = nil) {
            self.closedDays = closedDays
            self.openDays = openDays
        }

        /// Nil: for ever.
        package func closedMilliseconds(ownersTopicKeeps milliseconds: Int64) -> Int64? {
            closedDays.map { Self.milliseconds(days: $0) } ?? (milliseconds < 0 ? nil : milliseconds)
        }

        /// Nil: for ever.
        package var openMilliseconds: Int64? { openDays.flatMap { Self.milliseconds(days: $0) } }

        private static func milliseconds(days: Int64) -> Int64? { days < 0 ? nil : days * 86_400_000 }

        /// A hundred years.
        package static let daysMax: Int64 = 36_500
    }

    /// Shares of a window of records, 0 to 1, above which the topic is paused.
    package struct BreakerSettings: Sendable, Equatable {
        package var maxRefusedShare: Double
        package var maxDeletedShare: Double
        /// Records looked back upon, and the fewest that can trip the breaker.
        package var windowRecords: Int
        package var minimumRecords: Int

        package init(
            maxRefusedShare: Double = 0.1, maxDeletedShare: Double = 0.1, windowRecords: Int = 2_000,
            minimumRecords: Int = 500
        ) {
            self.maxRefusedShare = maxRefusedShare
            self.maxDeletedShare = maxDeletedShare
            self.windowRecords = windowRecords
            self.minimumRecords = minimumRecords
        }
    }

    package init(
        version: String, status: Status = .active, owner: String, ownerDescription: String = "",
        descriptionEnglish: String, descriptionVietnamese: String, usage: String = "", usageVietnamese: String = "",
        limitations: String = "", limitationsVietnamese: String = "",
        dataGroups: [Int], articles: [String], fields: [Field], key: [String], versionField: String,
        rules: [RecordRule], kafka: KafkaSettings, breaker: BreakerSettings, server: String = "",
        roles: [Role] = [], support: [SupportContact] = [], serviceLevels: ServicePromise = ServicePromise(),
        deadLetterStore: DeadLetterStoreSettings = DeadLetterStoreSettings()
    ) {
        self.version = version
        self.status = status
        self.owner = owner
        self.ownerDescription = ownerDescription
        self.descriptionEnglish = descriptionEnglish
        self.descriptionVietnamese = descriptionVietnamese
        self.usage = usage
        self.usageVietnamese = usageVietnamese
        self.limitations = limitations
        self.limitationsVietnamese = limitationsVietnamese
        self.dataGroups = dataGroups
        self.articles = articles
        self.fields = fields
        self.key = key
        self.versionField = versionField
        self.rules = rules
        self.kafka = kafka
        self.breaker = breaker
        self.server = server
        self.roles = roles
        self.support = support
        self.serviceLevels = serviceLevels
        self.deadLetterStore = deadLetterStore
    }
}

/// A field of a record or of an object within it.
package struct Field: Sendable {
    package var name: String
    package var type: FieldType
    package var required: Bool
    package var classification: Classification
    package var descriptionEnglish: String
    package var descriptionVietnamese: String
    /// Invented values that the field takes.
    package var examples: [JSON]
    /// Where the contract's file declares it, from 1.
    package var line: Int?

    package init(
        name: String, type: FieldType, required: Bool, classification: Classification = .internal,
        descriptionEnglish: String = "", descriptionVietnamese: String = "", examples: [JSON] = [], line: Int? = nil
    ) {
        self.name = name
        self.type = type
        self.required = required
        self.classification = classification
        self.descriptionEnglish = descriptionEnglish
        self.descriptionVietnamese = descriptionVietnamese
        self.examples = examples
        self.line = line
    }
}

/// What a field's JSON value must be. JSON type first (`wrong-type`), then the rule's own reason.
package indirect enum FieldType: Sendable {
    /// A string: trimmed, NFC; empty counts as absent.
    case text(TextRule)
    /// A JSON number without fraction, within the bounds (`out-of-range`).
    case integer(minimum: Int64, maximum: Int64)
    case boolean
    /// A decimal as a string, such as `"1500000.50"`; at most `scale` decimals (`wrong-format`), not below `minimum` (`out-of-range`).
    case decimal(scale: Int, minimum: Int64?)
    /// `YYYY-MM-DD`, a real date; with `partial` also `YYYY` and `YYYY-MM`. Bounds are days since 1970-01-01, inclusive
    /// (`out-of-range`); a partial date is judged by the first day that it may mean against the maximum, by the last
    /// one against the minimum.
    case date(partial: Bool, minimum: Int32? = nil, maximum: Int32? = nil)
    /// RFC 3339 with an offset.
    case timestamp
    case object([Field])
    /// Items of one type. With `uniqueBy`, two items with the same value of that field (`""`: the item itself) are
    /// `inconsistent`; fewer or more items than the bounds are `out-of-range`.
    case list(FieldType, uniqueBy: String?, minimumItems: Int = 0, maximumItems: Int)
}

/// Rules of a text, in the order in which they are checked.
package struct TextRule: Sendable {
    /// Unicode scalars after NFC (`out-of-range`).
    package var minimumLength: Int
    package var maximumLength: Int
    /// An anchored pattern of the restricted language of `Pattern` (`wrong-format`).
    package var pattern: String?
    /// Allowed values (`not-in-list`).
    package var values: [String]?
    /// A named identifier (`invalid-identifier`).
    package var identifier: IdentifierKind?
    /// A code list (`not-in-list`), judged at the date in the sibling field `codeListDateField` where that is named.
    package var codeList: CodeListKind?
    package var codeListDateField: String?

    package init(
        minimumLength: Int = 1, maximumLength: Int = Limits.textLengthMax, pattern: String? = nil,
        values: [String]? = nil,
        identifier: IdentifierKind? = nil, codeList: CodeListKind? = nil, codeListDateField: String? = nil
    ) {
        self.minimumLength = minimumLength
        self.maximumLength = maximumLength
        self.pattern = pattern
        self.values = values
        self.identifier = identifier
        self.codeList = codeList
        self.codeListDateField = codeListDateField
    }
}

/// Identifiers that the product checks, named as contracts name them; each is one file of `Identifiers/`.
package enum IdentifierKind: String, Sendable, CaseIterable {
    case personalNumber = "personal-number"
    case oldIdentityNumber = "old-identity-number"
    case passportNumber = "passport-number"
    /// 10 digits or 10-3, with check digit.
    case taxCode = "tax-code"
    /// A tax code, or the 12 digits of a household business.
    case enterpriseCode = "enterprise-code"
    /// Of a person, household or household business.
    case personalTaxCode = "personal-tax-code"
    case socialInsuranceNumber = "social-insurance-number"
    case insuranceCard = "insurance-card"
    case stateAgencyCode = "state-agency-code"
    case practiceLicence = "practice-licence"
    case facilityCode = "facility-code"
    case medicineRegistrationNumber = "medicine-registration-number"
    case deviceCirculationNumber = "device-circulation-number"
    case icd10 = "icd-10"
}

/// Code lists, named as contracts name them. With a date field, `province` and `commune` are judged at that date:
/// before 2025-07-01 the 63 older provinces, else the 34 of today.
package enum CodeListKind: String, Sendable, CaseIterable {
    case province
    /// Today's or one of the older 63, whatever the date.
    case provinceOfAnyTime = "province-of-any-time"
    case commune
    /// ISO 3166-1 alpha-3.
    case country
}

/// Rules between fields, checked after all fields, in the contract's order. Paths are dotted: `permanentAddress.provinceCode`.
package enum RecordRule: Sendable {
    /// Both present and whole, `first` after `second`: `inconsistent` at `first`.
    case dateOrder(first: String, second: String)
    /// None present: `missing-field` at the first.
    case requireOneOf([String])
    /// More than one item of the list has `flag` true: `inconsistent`.
    case atMostOneFlagged(list: String, flag: String)
    /// An item has none of the fields: `missing-field`.
    case eachRequiresOneOf(list: String, fields: [String])
    /// The card's letters differ from the group, or its level digit from the level: `inconsistent`.
    case insuranceCardAgrees(card: String, group: String, level: String)
    /// The identifier of `field` is chosen by the value of `by`: `invalid-identifier`.
    case identifierByValue(field: String, by: String, cases: [String: IdentifierKind], otherwise: IdentifierKind)
    /// Warning: `absent` names nothing. Rule name is given by the contract.
    case warnAbsent(field: String, name: String)
    /// Warnings `birth-year-differs-from-number`, `sex-differs-from-number`.
    case warnPersonalNumberDiffers(number: String, birthDate: String?, sex: String?)
    /// Warning `social-insurance-number-differs-from-card`: the last ten digits of the card and a ten-digit number.
    case warnCardNumberDiffers(card: String, number: String)
}

/// How a record lands in the national database; the Ministry of Health's own, with a revision number.
package struct Mapping: Sendable {
    package var revision: Int32
    /// `schema.table` of the base table.
    package var table: String
    /// The view of the living that readers use.
    package var view: String
    /// In the order of the contract's key.
    package var key: [Column]
    package var columns: [Column]
    package var children: [Child]

    package struct Column: Sendable, Equatable {
        package var name: String
        /// Dotted path of the field; `.` is the item itself in a child of a list of scalars.
        package var field: String
        package var normaliser: Normaliser?

        package init(name: String, field: String, normaliser: Normaliser? = nil) {
            self.name = name
            self.field = field
            self.normaliser = normaliser
        }
    }

    /// A list that becomes rows: the parent's key columns (same names), of a list within another's items
    /// `parent_position`, `position` (integers, from 1), then these columns.
    package struct Child: Sendable, Equatable {
        package var table: String
        /// The list's path: `parts`, within objects `head.parts`, within the items of another list `parts[].labels`.
        package var list: String
        package var columns: [Column]

        package init(table: String, list: String, columns: [Column]) {
            self.table = table
            self.list = list
            self.columns = columns
        }
    }

    package enum Normaliser: String, Sendable, CaseIterable {
        /// Of a partial date: the date where it is whole, else null.
        case wholeDate = "whole-date"
        case uppercase
    }

    package init(revision: Int32, table: String, view: String, key: [Column], columns: [Column], children: [Child]) {
        self.revision = revision
        self.table = table
        self.view = view
        self.key = key
        self.columns = columns
        self.children = children
    }
}
