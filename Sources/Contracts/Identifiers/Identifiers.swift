// One way in to the identifiers. Each is a file of this folder: its structure, where that is known from, a shape to
// check (with a check digit where there is one), and a table of examples. Too strict a check would send good records
// to the dead letters, so whatever is in doubt passes.

/// What an identifier's file tells of it. Its name in contracts is the `IdentifierKind`.
protocol Identifier {
    /// A phrase for people who read contracts: name, then structure.
    static var summaryEnglish: String { get }
    static var summaryVietnamese: String { get }
    static var sureness: Sureness { get }
    static var examples: [IdentifierExample] { get }
    /// Reads bytes only and allocates nothing: every record comes through here.
    /// - Parameter text: trimmed and in NFC.
    static func isValid(_ text: TextBytes) -> Bool
}

/// What an identifier's structure is known from.
package enum Sureness: String, Sendable, CaseIterable {
    /// The official text was read.
    case officialText = "official text read"
    /// Public code, data or guidance agrees.
    case publicData = "public code or data agrees"
    /// Only the rough form is known, and checked.
    case shapeOnly = "weak: shape only"
}

/// A line of an identifier's table. Numbers of people are invented; codes of enterprises are those they publish.
package struct IdentifierExample: Sendable {
    package let text: String
    package let isValid: Bool
    package let why: String

    static func valid(_ text: String, _ why: String) -> Self { Self(text: text, isValid: true, why: why) }
    static func invalid(_ text: String, _ why: String) -> Self { Self(text: text, isValid: false, why: why) }
}

extension IdentifierKind {
    /// - Parameter text: trimmed and in NFC.
    @inline(__always)
    func isValid(_ text: TextBytes) -> Bool {
        switch self {
        case .personalNumber: PersonalNumber.isValid(text)
        case .oldIdentityNumber: OldIdentityNumber.isValid(text)
        case .passportNumber: PassportNumber.isValid(text)
        case .taxCode: TaxCode.isValid(text)
        case .enterpriseCode: EnterpriseCode.isValid(text)
        case .personalTaxCode: PersonalTaxCode.isValid(text)
        case .socialInsuranceNumber: SocialInsuranceNumber.isValid(text)
        case .insuranceCard: InsuranceCard.isValid(text)
        case .stateAgencyCode: StateAgencyCode.isValid(text)
        case .practiceLicence: PracticeLicence.isValid(text)
        case .facilityCode: FacilityCode.isValid(text)
        case .medicineRegistrationNumber: MedicineRegistrationNumber.isValid(text)
        case .deviceCirculationNumber: DeviceCirculationNumber.isValid(text)
        case .icd10: ICD10.isValid(text)
        }
    }

    /// The same for a string, for settings, tests and pages.
    package func isValid(_ text: String) -> Bool { text.withTextBytes(isValid) }

    package var summaryEnglish: String { definition.summaryEnglish }
    package var summaryVietnamese: String { definition.summaryVietnamese }
    package var sureness: Sureness { definition.sureness }
    package var examples: [IdentifierExample] { definition.examples }

    private var definition: any Identifier.Type {
        switch self {
        case .personalNumber: PersonalNumber.self
        case .oldIdentityNumber: OldIdentityNumber.self
        case .passportNumber: PassportNumber.self
        case .taxCode: TaxCode.self
        case .enterpriseCode: EnterpriseCode.self
        case .personalTaxCode: PersonalTaxCode.self
        case .socialInsuranceNumber: SocialInsuranceNumber.self
        case .insuranceCard: InsuranceCard.self
        case .stateAgencyCode: StateAgencyCode.self
        case .practiceLicence: PracticeLicence.self
        case .facilityCode: FacilityCode.self
        case .medicineRegistrationNumber: MedicineRegistrationNumber.self
        case .deviceCirculationNumber: DeviceCirculationNumber.self
        case .icd10: ICD10.self
        }
    }
}

extension String {
    /// The string's UTF-8; it must not leave `body`.
    func withTextBytes<Result>(_ body: (TextBytes) -> Result) -> Result {
        // A NUL behind the text gives an empty one an address as well.
        withCString { start in
            start.withMemoryRebound(to: UInt8.self, capacity: utf8.count + 1) { body(TextBytes($0, utf8.count)) }
        }
    }
}

extension TextBytes {
    @inline(__always)
    func isDigit(_ index: Int) -> Bool { start[index] &- UInt8(ascii: "0") <= 9 }

    /// The digit at `index`, which `isDigit` has found to be one.
    @inline(__always)
    func digit(_ index: Int) -> Int { Int(start[index] &- UInt8(ascii: "0")) }

    @inline(__always)
    func areDigits(_ range: Range<Int>) -> Bool {
        for index in range where !isDigit(index) { return false }
        return true
    }

    @inline(__always)
    func isCapital(_ index: Int) -> Bool { start[index] &- UInt8(ascii: "A") < 26 }

    @inline(__always)
    func isSmallLetter(_ index: Int) -> Bool { start[index] &- UInt8(ascii: "a") < 26 }

    /// Whether Đ, of two bytes, begins at `index`.
    @inline(__always)
    func isBarredD(_ index: Int) -> Bool {
        start[index] == 0xC4 && index + 1 < count && start[index + 1] == 0x90
    }

    /// The bytes of the capital at `index`, A to Z or Đ; 0 where there is none.
    @inline(__always)
    func capitalLength(_ index: Int) -> Int { isCapital(index) ? 1 : isBarredD(index) ? 2 : 0 }

    @inline(__always)
    func hasSuffix(_ suffix: StaticString) -> Bool {
        let length = suffix.utf8CodeUnitCount
        guard count >= length else { return false }
        return TextBytes(start + (count - length), length).isEqual(to: TextBytes(suffix.utf8Start, length))
    }
}
