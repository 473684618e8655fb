// The version of a record that is refused: told where key and version are good for themselves.
import Contracts
import Model
import Testing

@Suite("the version of a refused record")
struct RefusedVersionTests {
    private let id = "001085012345"

    private func citizen(_ members: String, version: String = "7") -> String {
        """
        {\(members),"personalId":"\(id)","fullName":"Trần A","birthDate":"1985-03-14","sex":"male",\
        "currentAddress":{"text":"Phố B","provinceCode":"01"},"identityStatus":"active","version":\(version)}
        """
    }

    /// Judges a record that must be refused.
    private func told(_ bench: inout Bench, _ value: String?, key: String?, header: String? = nil) -> Int64? {
        let verdict = bench.verdict(
            value.map { Array($0.utf8) }, key: key.map { Array($0.utf8) }, tombstoneVersion: header)
        guard case .refused = verdict else {
            Issue.record("it was not refused: \(verdict)")
            return nil
        }
        return bench.decoder.refusedVersion
    }

    @Test("it is told whichever other field breaks the contract", arguments: RecordDecoderTests.badFields)
    func anyField(_ example: Example) throws {
        var bench = try Bench(Fixtures.citizen)
        bench.expectRefusal(example)
        #expect(bench.decoder.refusedVersion == (example.field == "version" ? nil : 7))
    }

    @Test("it is told of padded values as well, and of each record for itself")
    func eachForItself() throws {
        var bench = try Bench(Fixtures.citizen)
        bench.isPadded = true
        let name = #""fullName":null"#
        #expect(told(&bench, citizen(name, version: "8"), key: id) == 8)
        #expect(told(&bench, "{", key: id) == nil)
        #expect(told(&bench, citizen(name, version: "9"), key: id) == 9)
        #expect(told(&bench, nil, key: "abc", header: "3") == nil)
        #expect(told(&bench, citizen(name, version: "0"), key: id) == nil)
    }

    @Test("a refused record leaves nothing in the decoder's arena, though its key was judged twice")
    func nothingLeft() throws {
        var bench = try Bench(Fixtures.citizen)
        let good = try bench.record(citizen(#""x":1"#), key: id)
        let before = bench.decoder.arena.count
        let columns = bench.columns(good.key)
        for example in RecordDecoderTests.badFields { bench.expectRefusal(example) }
        #expect(bench.decoder.arena.count == before)
        #expect(bench.columns(good.key) == columns)
        #expect(bench.decoder.childRows.isEmpty)
    }

    @Test("it is not told of a bad key, a bad version, a state secret, or what is no record")
    func notTold() throws {
        var bench = try Bench(Fixtures.citizen)
        let good = #""x":1"#
        #expect(told(&bench, citizen(good), key: nil) == nil)
        #expect(told(&bench, citizen(good), key: "") == nil)
        #expect(told(&bench, citizen(good), key: "001085012346") == nil)
        #expect(told(&bench, citizen(#""personalId":null"#), key: id) == nil)
        #expect(told(&bench, citizen(#""personalId":" ""#), key: id) == nil)
        // Equal to the value's, and yet no key.
        #expect(told(&bench, citizen(#""personalId":"abc""#), key: "abc") == nil)
        #expect(told(&bench, citizen(#""fullName":null,"personalId":"abc""#), key: "abc") == nil)
        for secret in [#""stateSecret":true"#, #""fullName":null,"stateSecret":1"#] {
            #expect(told(&bench, citizen(secret), key: id) == nil)
        }
        for value in ["", "{", "[7]", "7", "\"\\ud800\"", citizen(#""fullName":null"#) + "}"] {
            #expect(told(&bench, value, key: id) == nil)
        }
        for version in ["0", "-1", "7.0", "\"7\"", "9223372036854775808", "null", "{}"] {
            #expect(told(&bench, citizen(#""fullName":null"#, version: version), key: id) == nil)
        }
    }

    @Test("of a record too large by its headers it is told, of one too large by its value it is not")
    func tooLarge() throws {
        var bench = try Bench(Fixtures.citizen)
        let long = #""x":"\#(String(repeating: "a", count: 1_100_000))""#
        #expect(told(&bench, citizen(long), key: id) == nil)
        #expect(told(&bench, citizen(#""stateSecret":true,\#(long)"#), key: id) == nil)
        bench.headersByteCount = 2_000_000
        #expect(told(&bench, citizen(#""x":1"#), key: id) == 7)
        #expect(told(&bench, citizen(#""x":1"#, version: "0"), key: id) == nil)
        #expect(told(&bench, citizen(#""stateSecret":true"#), key: id) == nil)
        #expect(told(&bench, nil, key: id, header: "7") == 7)
        #expect(told(&bench, nil, key: id, header: "0") == nil)
        #expect(told(&bench, nil, key: id) == nil)
        #expect(told(&bench, nil, key: "abc", header: "7") == nil)
        #expect(told(&bench, nil, key: String(repeating: "a", count: 2_000_000), header: "7") == nil)
    }

    @Test("a timestamp version is told in microseconds, beside a key of two parts, and not where it is too far ahead")
    func timestamp() throws {
        var bench = try Bench(RecordDecoderTests.card)
        let key = "DN4797912345678:2025-01-01"
        let bad = RecordDecoderTests.cardValue.replacing("\"benefitLevel\":4", with: "\"benefitLevel\":6")
        #expect(told(&bench, bad, key: key) == 1_751_328_000_250_000)
        // Refused by a rule between fields, after all of them.
        let rule = RecordDecoderTests.cardValue.replacing("\"benefitLevel\":4", with: "\"benefitLevel\":3")
        #expect(told(&bench, rule, key: key) == 1_751_328_000_250_000)
        #expect(told(&bench, bad, key: "DN4797912345678:2025-01-02") == nil)
        #expect(told(&bench, bad.replacing("2025-07-01T", with: "2025-07-03T"), key: key) == nil)
        #expect(told(&bench, bad.replacing("2025-07-01T", with: "2025-07-01X"), key: key) == nil)
    }
}
