import Postgres
import Testing

@Suite("a log position")
struct LSNTests {
    @Test("reads and writes PostgreSQL's form", arguments: ["0/0", "16/B374D848", "FFFFFFFF/FFFFFFFF", "1/A"])
    func roundTrip(text: String) throws {
        #expect(try #require(LSN(text)).description == text)
    }

    @Test(
        "refuses anything else",
        arguments: ["", "/", "16", "16/", "/16", "1/2/3", "x/1", "-1/1", "+1/1", "123456789/0"])
    func refuses(text: String) {
        #expect(LSN(text) == nil)
    }

    @Test("orders by both halves")
    func order() throws {
        #expect(try #require(LSN("1/0")) > #require(LSN("0/FFFFFFFF")))
    }
}
