// The structure of identifiers as patterns, and what the decoder checks beyond it.
import Contracts

extension SchemaPattern {
    /// Bodies as `SchemaPattern` has them; a text of the identifier's structure matches each of them.
    static func identifier(_ kind: IdentifierKind) -> [String] {
        switch kind {
        case .personalNumber: [personalNumber]
        case .oldIdentityNumber: ["[0-9]{9}"]
        case .passportNumber:
            [
                #"[0-9A-Za-z]+(?:[ \-/][0-9A-Za-z]+)*"#, #"[0-9A-Za-z][0-9A-Za-z \-/]{1,18}[0-9A-Za-z]"#,
                #"[A-Za-z \-/]*[0-9][0-9A-Za-z \-/]*"#,
            ]
        case .taxCode: [taxCode]
        case .enterpriseCode, .personalTaxCode: ["\(taxCode)|\(personalNumber)"]
        case .socialInsuranceNumber: ["[0-9]{10}|\(personalNumber)"]
        case .insuranceCard: ["[A-Z]{2}[1-5](?:\(insuranceCardIssuers.joined(separator: "|")))[0-9]{10}"]
        case .stateAgencyCode:
            [
                #"[A-Y][0-9]{2}(?:\.[0-9A-Z]+)*|Z(?:\#(digitsNotAllZero(2)))[0-9A-Za-z.\-/_]+"#,
                #"[0-9A-Za-z.\-/_]{3,35}"#,
            ]
        case .practiceLicence: ["[0-9]{6,7}/[A-ZĐ][0-9A-Za-zĐ]{1,9}-(?:CCHN|GPHN)"]
        case .facilityCode: ["[0-9]{2}[0-9A-Z]{3}|[0-9]{13}"]
        case .medicineRegistrationNumber:
            [
                "[0-9]{12}|[A-ZĐ][0-9A-ZĐ]*(?:-[0-9A-ZĐ]+){1,4}",
                #"[0-9]{12}|[0-9A-ZĐ\-]*-[0-9]+(?:-[0-9A-ZĐ\-]*)?"#, #"[0-9A-ZĐ\-]{1,40}"#,
            ]
        case .deviceCirculationNumber:
            [
                #"[0-9](?: ?[0-9A-Za-zĐđ.\-])* ?/(?: ?[0-9A-Za-zĐđ.\-])+"#, #"[^/]*/[^/]*[A-Za-zĐđ][^/]*"#,
                #"[0-9][0-9A-Za-zĐđ.\-/ ]{3,39}"#,
            ]
        case .icd10: [#"[A-Z][0-9]{2}(?:\.?[0-9]{1,2})?[*†]?"#]
        }
    }

    /// What is checked of an identifier that no pattern says.
    static func identifierComment(_ kind: IdentifierKind) -> String? {
        switch kind {
        case .taxCode, .enterpriseCode, .personalTaxCode:
            "Beyond the pattern, the tenth digit of a tax code is checked: it is a check digit."
        case .medicineRegistrationNumber: "Its bound of 40 is counted in bytes of UTF-8."
        case .deviceCirculationNumber: "Its bound of 40 is counted in bytes of UTF-8."
        case .personalNumber, .oldIdentityNumber, .passportNumber, .socialInsuranceNumber, .insuranceCard,
            .stateAgencyCode, .practiceLicence, .facilityCode, .icd10:
            nil
        }
    }

    private static let personalNumber = "\(digitsNotAllZero(3))[0-9]{9}"
    private static let taxCode = "[0-9]{2}\(digitsNotAllZero(7))[0-9](?:-\(digitsNotAllZero(3)))?"

    /// Asked of the decoder's own check, so that the list stands in one place.
    private static let insuranceCardIssuers: [String] = (0...99).map { twoDigits($0) }.filter {
        IdentifierKind.insuranceCard.isValid("DN1\($0)0000000000")
    }

    static func twoDigits(_ number: Int) -> String { number < 10 ? "0\(number)" : String(number) }
}
