// A contract and its mapping compiled to flat tables of trivial values, so that judging a record follows no reference
// and counts none. Made once a topic and lane; read-only afterwards.
import Model

/// A short text to compare with: its first and last eight bytes as words, so that most texts need no call.
struct Word {
    var text: TextBytes
    private var prefix: UInt64
    private var mask: UInt64
    /// The last eight bytes of a longer text; they overlap the prefix in one of less than 16.
    private var suffix: UInt64 = 0

    init(_ text: TextBytes) {
        self.text = text
        mask = text.count >= 8 ? .max : (1 << (UInt64(text.count) * 8)) &- 1
        prefix = 0
        for index in 0..<min(8, text.count) { prefix |= UInt64(text[index]) << (UInt64(index) * 8) }
        if text.count > 8 {
            for index in 0..<8 { suffix |= UInt64(text[text.count - 8 + index]) << (UInt64(index) * 8) }
        }
    }

    @inline(__always)
    func isEqual(toReadable other: TextBytes) -> Bool {
        guard other.count == text.count else { return false }
        let bytes = UnsafeRawPointer(other.start)
        if (UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self)) ^ prefix) & mask != 0 { return false }
        if text.count <= 8 { return true }
        let last = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: text.count &- 8, as: UInt64.self))
        return last == suffix && (text.count <= 16 || other.isEqual(to: text))
    }
}

enum StepKind: UInt8 {
    case text, integer, boolean, decimal, date, timestamp, object, list
}

/// One field: how its value is judged and where it is put.
struct FieldStep {
    /// The name as JSON writes it, with the colon, for jsonb.
    var jsonName: TextBytes
    var kind: StepKind
    var isRequired: Bool
    var isVersion = false
    /// Root of a value that a column takes as jsonb.
    var isJSON = false
    var path: Int32
    /// The field's own slot; those of what is nested follow it, to `slotEnd`.
    var slot: Int
    var slotEnd: Int

    // text
    var minimumLength = 0
    var maximumLength = 0
    var pattern: PatternTable?
    var values = 0..<0
    var identifier: IdentifierKind?
    var codeList: CodeListKind?
    /// Index within the object of the date at which the code list is judged; -1 without.
    var dateSibling = -1
    // integer; decimal; date, in days since 1970
    var minimum = Int64.min
    var maximum = Int64.max
    var hasMinimum = false
    var scale = 0
    // date
    var isPartial = false
    /// Index of the object's or list's own table.
    var nested = -1
}

struct ObjectStep {
    /// Into `fields`, and alike into the engine's table of what was found.
    var fields: Range<Int>
}

struct ListStep {
    var itemCount: ClosedRange<Int>
    /// The slot whose value no two items share; -1 without.
    var uniqueSlot: Int
    var uniquePath: Int32
    var children: Range<Int>
    /// Into `listRules`.
    var rules: Range<Int>
}

/// A rule that looks at each item of a list, and is judged after all fields.
struct ListRuleStep {
    var isFlagCount: Bool
    /// Into `ruleSlots`.
    var slots: Range<Int>
    var state: Int
}

struct ColumnStep {
    var slot: Int
    var type: ColumnType
    var scale: Int
    var isUppercase: Bool
}

struct ChildStep {
    var columns: Range<Int>
    /// Of a list within another's items: the rows begin with the position of the item around them.
    var isNested: Bool
}

/// A rule between fields; which members it uses depends on the rule.
struct RuleStep {
    enum Kind: UInt8 {
        case dateOrder, requireOneOf, atMostOneFlagged, eachRequiresOneOf, insuranceCardAgrees, identifierByValue
        case warnAbsent, warnPersonalNumberDiffers, warnCardNumberDiffers
    }
    var kind: Kind
    var path: Int32 = -1
    var secondPath: Int32 = -1
    var first = -1
    var second = -1
    var third = -1
    /// Into `ruleSlots` or `ruleCases`.
    var range = 0..<0
    var identifier = IdentifierKind.personalNumber
    /// Index of the first of its warnings.
    var warning = -1
}

struct RuleCase {
    var value: TextBytes
    var identifier: IdentifierKind
}

/// Owns the tables.
final class RecordProgram {
    let topic: String
    let codeLists: CodeLists
    let paths: [String]
    let warnings: [QualityWarning]
    let fields: UnsafeMutableBufferPointer<FieldStep>
    /// The names of `fields`.
    let names: UnsafeMutableBufferPointer<Word>
    let objects: UnsafeMutableBufferPointer<ObjectStep>
    let lists: UnsafeMutableBufferPointer<ListStep>
    /// The items of `lists`, one each.
    let items: UnsafeMutableBufferPointer<FieldStep>
    let columns: UnsafeMutableBufferPointer<ColumnStep>
    let children: UnsafeMutableBufferPointer<ChildStep>
    let rules: UnsafeMutableBufferPointer<RuleStep>
    let listRules: UnsafeMutableBufferPointer<ListRuleStep>
    let ruleSlots: UnsafeMutableBufferPointer<Int>
    let ruleCases: UnsafeMutableBufferPointer<RuleCase>
    let values: UnsafeMutableBufferPointer<Word>
    /// Indices of the key's fields among the root's, in the key's order.
    let keyFields: UnsafeMutableBufferPointer<Int>
    let slotCount: Int
    let ruleStateCount: Int
    /// Ranges of `columns`.
    let keyColumns: Range<Int>
    let contentColumns: Range<Int>
    /// The root's index in `objects`.
    let root: Int
    /// Index of the version's field in `fields`.
    let versionField: Int
    let versionSlot: Int
    let versionIsTimestamp: Bool
    let versionMaximum: Int64

    /// Kept for the memory that the tables point into.
    private let patterns: [Pattern]
    private let texts: [UnsafeMutableBufferPointer<UInt8>]

    /// Throws where contract and mapping do not fit each other or a rule names what is not there.
    init(_ definition: TopicDefinition, codeLists: CodeLists) throws(UserError) {
        var compiler = RecordCompiler(definition)
        let root = try compiler.compile(definition)
        topic = definition.name.rawValue
        self.codeLists = codeLists
        paths = compiler.paths
        warnings = compiler.warnings
        fields = Self.table(compiler.fields)
        names = Self.table(compiler.names)
        objects = Self.table(compiler.objects)
        lists = Self.table(compiler.lists)
        items = Self.table(compiler.items)
        columns = Self.table(compiler.columns)
        children = Self.table(compiler.children)
        rules = Self.table(compiler.rules)
        listRules = Self.table(compiler.listRules)
        ruleSlots = Self.table(compiler.ruleSlots)
        ruleCases = Self.table(compiler.ruleCases)
        values = Self.table(compiler.values)
        keyFields = Self.table(compiler.keyFields)
        slotCount = compiler.slotCount
        ruleStateCount = compiler.ruleStateCount
        keyColumns = compiler.keyColumns
        contentColumns = compiler.contentColumns
        self.root = root
        let version = compiler.fields[compiler.versionField]
        versionField = compiler.versionField
        versionSlot = version.slot
        versionIsTimestamp = version.kind == .timestamp
        versionMaximum = version.maximum
        patterns = compiler.patterns
        texts = compiler.texts
    }

    deinit {
        fields.deinitialize().deallocate()
        names.deinitialize().deallocate()
        objects.deinitialize().deallocate()
        lists.deinitialize().deallocate()
        items.deinitialize().deallocate()
        columns.deinitialize().deallocate()
        children.deinitialize().deallocate()
        rules.deinitialize().deallocate()
        listRules.deinitialize().deallocate()
        ruleSlots.deinitialize().deallocate()
        ruleCases.deinitialize().deallocate()
        values.deinitialize().deallocate()
        keyFields.deinitialize().deallocate()
        for text in texts { text.deallocate() }
    }

    private static func table<Element>(_ elements: [Element]) -> UnsafeMutableBufferPointer<Element> {
        let table = UnsafeMutableBufferPointer<Element>.allocate(capacity: elements.count)
        _ = table.initialize(from: elements)
        return table
    }
}
