// Where to read from, as it is written on a command line.
import Ingestion
import Testing

@testable import lienthong

struct RewindPlaceTests {
    @Test(
        "a place is a word, an offset, a number of records, or a time",
        arguments: [
            ("beginning", .beginning), ("end", .end), ("0", .offset(0)), ("20261122", .offset(20_261_122)),
            ("-1", .back(1)), ("-500", .back(500)), ("1970-01-02", .time(milliseconds: 86_400_000)),
            ("1970-01-01T07:00:01.500+07:00", .time(milliseconds: 1_500)),
            ("1970-01-01T07:00:01+0700", .time(milliseconds: 1_000)), ("2m", .time(milliseconds: 880_000)),
        ] as [(String, Rewind.Target)])
    func understood(text: String, target: Rewind.Target) throws {
        #expect(try #require(RewindPlace(argument: text)).target(now: 1_000_000) == target)
    }

    @Test(
        "what is nearly a place is none",
        arguments: [
            "", "-", "-0", "--1", "+1", "1.5", "1e3", "9223372036854775808", "-9223372036854775808", "Beginning",
            "1970-01-01T00:00:00Zx", "1970-01-01T00:00:00+07:00abc", "1970-01-01T00:00:00", "1970-13-01", "1970-01-0x",
            "5w",
        ])
    func refused(text: String) {
        #expect(RewindPlace(argument: text) == nil)
    }
}
