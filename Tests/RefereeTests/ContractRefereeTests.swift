// `datacontract lint` (datacontract-cli), which checks contracts against the standard's own JSON Schema, passes on
// every contract: what partners read with their own tools is what the product reads.
import Foundation
import TestSupport
import Testing

@Suite(
    "Referee of contracts",
    .enabled(if: Referee.isThere, "\(Referee.absence)"))
struct ContractRefereeTests {
    private static let topics = "\(PackageFolder.path)/Topics"
    private static let contracts: [String] = {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: topics)) ?? []
        return names.map { "\(topics)/\($0)/contract.odcs.yaml" }.filter(FileManager.default.fileExists(atPath:))
            .sorted()
    }()

    @Test("datacontract lint passes on every contract")
    func passes() throws {
        try #require(Self.contracts.count >= 5)
        for contract in Self.contracts {
            let result = try Referee.run(program: "datacontract", ["lint", contract])
            #expect(result.status == 0, "\(contract)\n\(result.output)\(result.errors)")
        }
    }

    @Test(
        "datacontract lint fails on a spoilt contract",
        arguments: [
            ("logicalType: date\n", "logicalType: dat\n"), ("kind: DataContract\n", "kind: Contract\n"),
            ("version: 1.2.0\n", ""),
        ])
    func fails(_ good: String, _ bad: String) throws {
        let contract = try #require(Self.contracts.first)
        let text = try String(contentsOfFile: contract, encoding: .utf8)
        let spoilt = text.replacingOccurrences(of: good, with: bad)
        try #require(spoilt != text)
        let file = FileManager.default.temporaryDirectory.appending(path: "spoilt-\(UUID().uuidString).odcs.yaml")
        try Data(spoilt.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let result = try Referee.run(program: "datacontract", ["lint", file.path])
        #expect(result.status == 1, "\(result.output)\(result.errors)")
        #expect(result.output.contains("invalid"))
    }
}
