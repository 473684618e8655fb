// The same bytes give the same account, however they come.
import Contracts
import Foundation
import Model
import Testing

@testable import Checking

@Suite struct StreamTests {
    static let lines = [
        citizen(1), "", citizen(2, name: #"a\"b\\"#), "{}", "oops", citizen(3, extra: #","x":[1,{"y":"]"}]"#),
        citizen(4, version: 0), "[1,2]",
    ]
    static let csv = """
        personalId;fullName;birthDate;sex;permanentAddress.text;permanentAddress.provinceCode;identityStatus;version;note\r
        001190000001;Lều Thị Thử;1990-04-15;female;"Số 8; ""phố""
        Thử";01;active;1;x\r

        001190000002;Lều;1990;female;a;01;active;2;\r
        001190000003;"open
        001190000004;Lều;1990;female;"a"b;01;active;2;\r
        001190000005;Lều
        001190000006;Lều;;female;a;01;active;;"y"
        """
    static let documents: [(InputFormat, String)] = [
        (.ndjson, lines.joined(separator: "\r\n")),
        (.array, "\u{FEFF} [\n" + lines.filter { !$0.isEmpty }.joined(separator: " ,\n") + ", [ \"a\\\\\" ] ]\n "),
        (.csv, "\u{FEFF}" + csv),
    ]

    @Test("the borders of blocks change nothing", arguments: documents)
    func borders(format: InputFormat, text: String) throws {
        let bytes = Array(text.utf8)
        let whole = try check(bytes, format: format)
        #expect(whole.account.records > 5)
        #expect(whole.account.accepted > 1)
        #expect(whole.account.refused > 2)
        for blockBytes in 1...200 {
            #expect(try check(bytes, format: format, blockBytes: blockBytes) == whole, "blocks of \(blockBytes)")
        }
        for chunkBytes in [1, 2, 3, 7, 50] {
            #expect(try check(bytes, format: format, chunkBytes: chunkBytes) == whole, "chunks of \(chunkBytes)")
        }
    }

    @Test("a document that is cut anywhere is read to its end", arguments: documents)
    func cut(format: InputFormat, text: String) throws {
        let bytes = Array(text.utf8)
        for count in stride(from: 1, to: bytes.count, by: 3) {
            // A header that is cut off is an error in words; all else gives an account.
            guard let outcome = try? check(Array(bytes.prefix(count)), format: format, blockBytes: 32) else { continue }
            #expect(outcome == (try check(Array(bytes.prefix(count)), format: format)))
        }
    }

    @Test("lines, array and rows of the same records give the same account", arguments: 0..<20)
    func sameRecords(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let records = (0..<50).map { _ in RandomCitizen(&random) }
        let lines = try check(records.map(\.json).joined(separator: "\n"), format: .ndjson)
        let array = try check("[\n" + records.map(\.json).joined(separator: ",\n") + "\n]", format: .array)
        let rows = try check(
            ([RandomCitizen.header] + records.map(\.row)).joined(separator: "\r\n"), format: .csv)
        #expect(Self.counts(array.account) == Self.counts(lines.account))
        #expect(Self.counts(rows.account) == Self.counts(lines.account))
        #expect(array.findings.map(\.place.record) == lines.findings.map(\.place.record))
        #expect(rows.findings.map(\.place.record) == lines.findings.map(\.place.record))
        #expect(rows.findings.map(\.kind) == lines.findings.map(\.kind))
        #expect(lines.account.accepted > 0)
        #expect(lines.account.refused > 0)
    }

    /// All but the places.
    private static func counts(_ account: CheckAccount) -> [String: Int] {
        var counts = [
            "accepted": account.accepted, "refused": account.refused, "unknown": account.unknownMembers,
        ]
        for (refusal, tally) in account.refusals { counts["\(refusal)"] = tally.count }
        for (warning, tally) in account.warnings { counts["\(warning)"] = tally.count }
        return counts
    }
}

/// A seed gives the same numbers on every machine (Steele, Lea, Flood: SplitMix64).
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// A record with perhaps a fault, as JSON and as a row.
struct RandomCitizen {
    static let header =
        "personalId,fullName,birthDate,sex,previousPersonalIds,permanentAddress.text,permanentAddress.provinceCode,"
        + "representatives[0].fullName,identityStatus,version,stateSecret,remark"
    let json: String
    let row: String

    init(_ random: inout SplitMix) {
        // Good in most fields, or hardly a record would be.
        func pick(good: String?, _ others: String?...) -> String? {
            Int.random(in: 0..<6, using: &random) > 0 ? good : others.randomElement(using: &random) ?? nil
        }
        let id = pick(good: "001190000001", "001190000002", "79", nil)
        let name = pick(good: "Lều Thị Thử", "a \"b\", c", "x\\y", "dòng\nhai", nil)
        let birth = pick(good: "1990-04-15", "1990", "15/04/1990", "1985-01-01")
        let sex = pick(good: "female", "male", "f", "other")
        let former = pick(good: "[]", #"["001190009999"]"#, #"["001190009999","001190009999"]"#, nil)
        let text = pick(good: "Số 8; phường", "phố, Thử", nil)
        let province = pick(good: "01", "02", "99")
        let helper = pick(good: "Lều Văn Mẫu", nil)
        let version = pick(good: "1", "2", "-3", "9000000000000000000", nil)
        let secret = pick(good: nil, "true", "false")
        let remark = pick(good: nil, "zzz")

        func quoted(_ text: String) -> String { JSON.string(text).text }
        var members: [String] = []
        if let id { members.append("\"personalId\":" + quoted(id)) }
        if let name { members.append("\"fullName\":" + quoted(name)) }
        if let birth { members.append("\"birthDate\":" + quoted(birth)) }
        if let sex { members.append("\"sex\":" + quoted(sex)) }
        if let former { members.append("\"previousPersonalIds\":" + former) }
        let address = [
            text.map { "\"text\":" + quoted($0) }, province.map { "\"provinceCode\":" + quoted($0) },
        ].compactMap { $0 }
        members.append("\"permanentAddress\":{" + address.joined(separator: ",") + "}")
        if let helper { members.append("\"representatives\":[{\"fullName\":" + quoted(helper) + "}]") }
        members.append("\"identityStatus\":\"active\"")
        if let version { members.append("\"version\":" + version) }
        if let secret { members.append("\"stateSecret\":" + secret) }
        if let remark { members.append("\"remark\":" + quoted(remark)) }
        json = "{" + members.joined(separator: ",") + "}"
        row = [id, name, birth, sex, former, text, province, helper, "active", version, secret, remark]
            .map { cell in
                let cell = cell ?? ""
                guard cell.contains(where: { ",\"\n".contains($0) }) else { return cell }
                return "\"" + cell.replacing("\"", with: "\"\"") + "\""
            }.joined(separator: ",")
    }
}
