// Vietnamese identifiers: real and made-up codes, each with the reason it passes or not.
import Contracts
import Testing

@Suite("Identifiers")
struct IdentifierTests {
    @Test(
        "what is an identifier passes",
        arguments: [
            (IdentifierKind.personalNumber, "001085012345"), (.personalNumber, "079399999999"),
            (.personalNumber, "221800000000"),
            (.oldIdentityNumber, "012345678"),
            // Real enterprises' codes, as the tax authority publishes them.
            (.taxCode, "0300588569"), (.taxCode, "0101248141"), (.taxCode, "0100112437"), (.taxCode, "0100109106"),
            (.taxCode, "0100109106-001"), (.taxCode, "0100109106-999"),
            (.enterpriseCode, "0300588569"), (.enterpriseCode, "0100109106-001"), (.enterpriseCode, "001085012345"),
            (.socialInsuranceNumber, "7912345678"), (.socialInsuranceNumber, "001085012345"),
            (.insuranceCard, "DN4797912345678"), (.insuranceCard, "TE1010000000001"),
            (.insuranceCard, "QN5970123456789"),
            (.insuranceCard, "CA5980123456789"), (.insuranceCard, "CY5990123456789"),
            (.stateAgencyCode, "G01"), (.stateAgencyCode, "H26.12"), (.stateAgencyCode, "G01.02.034.A1"),
            (.stateAgencyCode, "Y99"),
            (.stateAgencyCode, "A01." + String(repeating: "9", count: 31)),
            (.practiceLicence, "000123/HNO-GPHN"), (.practiceLicence, "0001234/BYT-CCHN"),
            (.practiceLicence, "001234/ĐNA-CCHN"),
            (.facilityCode, "79001"), (.facilityCode, "01A23"), (.facilityCode, "1234567890123"),
        ])
    func valid(_ kind: IdentifierKind, _ text: String) {
        #expect(kind.isValid(text))
    }

    @Test(
        "what is none does not",
        arguments: [
            (IdentifierKind.personalNumber, ""), (.personalNumber, "00108501234"), (.personalNumber, "0010850123456"),
            (.personalNumber, "00108501234a"),
            (.personalNumber, "000085012345"), (.personalNumber, "٠٠١٠٨٥"),
            (.oldIdentityNumber, "12345678"), (.oldIdentityNumber, "0123456789"), (.oldIdentityNumber, "A23456789"),
            // Each digit of a real code changed by one, and two of them swapped.
            (.taxCode, "0300588568"), (.taxCode, "1300588569"), (.taxCode, "0300588659"), (.taxCode, "030058856"),
            (.taxCode, "03005885690"),
            (.taxCode, "0100109106-000"), (.taxCode, "0100109106-1"), (.taxCode, "0100109106001"),
            (.taxCode, "0100109106_001"),
            (.taxCode, "0000000000"), (.taxCode, "001085012345"), (.taxCode, "0300588569-00a"),
            (.enterpriseCode, "0300588568"), (.enterpriseCode, "00108501234"),
            (.socialInsuranceNumber, "791234567"), (.socialInsuranceNumber, "79123456789"),
            (.insuranceCard, "DN479791234567"), (.insuranceCard, "DN47979123456789"),
            (.insuranceCard, "dn4797912345678"),
            (.insuranceCard, "DN0797912345678"), (.insuranceCard, "DN6797912345678"),
            (.insuranceCard, "DN4037912345678"),
            (.insuranceCard, "DN479791234567X"), (.insuranceCard, "D14797912345678"),
            (.stateAgencyCode, "Z01"), (.stateAgencyCode, "G1"), (.stateAgencyCode, "g01"), (.stateAgencyCode, "G01."),
            (.stateAgencyCode, "G01..02"),
            (.stateAgencyCode, "G012"), (.stateAgencyCode, "G01-02"),
            (.stateAgencyCode, "A01." + String(repeating: "9", count: 32)),
            (.practiceLicence, "00123/HNO-GPHN"), (.practiceLicence, "00001234/HNO-GPHN"),
            (.practiceLicence, "000123HNO-GPHN"),
            (.practiceLicence, "000123/H-GPHN"), (.practiceLicence, "000123/HNO-XXXX"),
            (.practiceLicence, "000123/-GPHN"), (.practiceLicence, "000123"),
            (.practiceLicence, "000123/"), (.practiceLicence, "000123/hno-GPHN"),
            (.facilityCode, "7900"), (.facilityCode, "A9001"), (.facilityCode, "79 01"),
            (.facilityCode, "123456789012"),
        ])
    func invalid(_ kind: IdentifierKind, _ text: String) {
        #expect(!kind.isValid(text))
    }

    @Test("of the ten last digits at most one makes a tax code, and none where the sum leaves ten")
    func checkDigit() {
        var without = 0
        for number in stride(from: 10_000_001, to: 999_999_999, by: 7_654_321) {
            let digits = String(number)
            let nine = String(repeating: "0", count: 9 - digits.count) + digits
            let valid = (0...9).filter { IdentifierKind.taxCode.isValid(nine + String($0)) }
            #expect(valid.count <= 1)
            if valid.isEmpty { without += 1 }
        }
        #expect(without > 0)
    }

    @Test("every kind answers for an empty text")
    func empty() {
        for kind in IdentifierKind.allCases { #expect(!kind.isValid("")) }
    }
}
