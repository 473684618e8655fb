// One way in to the identifiers' checks. Each is a shape, and a check digit where there is one: too strict a check
// would send good records to the dead letters, so whatever is in doubt passes.

extension IdentifierKind {
    /// - Parameter text: trimmed and in NFC.
    @inline(__always)
    func isValid(_ text: TextBytes) -> Bool {
        switch self {
        case .personalNumber: PersonalNumber.isValid(text)
        case .oldIdentityNumber: OldIdentityNumber.isValid(text)
        case .taxCode: TaxCode.isValid(text)
        case .enterpriseCode: TaxCode.isValid(text) || PersonalNumber.isValid(text)
        case .socialInsuranceNumber: SocialInsuranceNumber.isValid(text)
        case .insuranceCard: InsuranceCard.isValid(text)
        case .stateAgencyCode: StateAgencyCode.isValid(text)
        case .practiceLicence: PracticeLicence.isValid(text)
        case .facilityCode: FacilityCode.isValid(text)
        }
    }

    /// The same for a string, for settings and tests.
    package func isValid(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { bytes in
            guard let start = bytes.baseAddress else { return false }
            return isValid(TextBytes(start, bytes.count))
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
}
