// The file that metrics are written to: whole at every moment, and no burden where it cannot be written.
import Foundation
import Logging
import Synchronization
import Testing

@testable import lienthong

struct MetricsFileTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)

    /// Keeps what is told.
    private final class Ear: Sendable {
        let told = Mutex<[String]>([])
        var logger: Logger { Logger(label: "tests") { _ in Handler(ear: self) } }
        var sentences: [String] { told.withLock { $0 } }
    }

    private struct Handler: LogHandler {
        let ear: Ear
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.info
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }
        func log(event: LogEvent) { ear.told.withLock { $0.append("\(event.level): \(event.message)") } }
    }

    @Test(
        "whoever reads while the file is replaced sees the old text or the new one, whole, and no file is left beside it"
    )
    func replacement() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let path = folder.appendingPathComponent("work.prom").path
        let ear = Ear()
        var file = MetricsFile(path, logger: ear.logger)
        #expect(file.worker == "work")
        // Longer than any buffer on the way, and of different lengths.
        let texts = ["one\n", "two\n"].enumerated().map { String(repeating: $1, count: 100_000 * ($0 + 1)) }
        file.replace(with: texts[0])
        let reader = Task.detached {
            try (0..<500).reduce(into: Set<String>()) { seen, _ in
                seen.insert(try String(contentsOfFile: path, encoding: .utf8))
            }
        }
        let isRead = Box<Bool>()
        let watch = Task.detached {
            _ = await reader.result
            isRead.value = true
        }
        var number = 0
        while isRead.value != true {
            number += 1
            file.replace(with: texts[number % 2])
            // The reader may need this thread to begin.
            await Task.yield()
        }
        await watch.value
        let seen = try await reader.value
        #expect(seen.subtracting(texts).map(\.utf8.count) == [])
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["work.prom"])
        #expect(ear.sentences.isEmpty)
    }

    @Test("a place that cannot be written to is told once, and once more when it can")
    func failure() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("work.prom").path
        let ear = Ear()
        var file = MetricsFile(path, logger: ear.logger)
        for _ in 0..<3 { file.replace(with: "a\n") }
        #expect(ear.sentences.count == 1)
        #expect(ear.sentences[0].hasPrefix("warning: writing metrics to \(path): No such file or directory;"))
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for _ in 0..<3 { file.replace(with: "a\n") }
        #expect(ear.sentences.count == 2)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "a\n")
        // A folder where the file should be: what was written beside it is taken away again.
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        for _ in 0..<3 { file.replace(with: "a\n") }
        #expect(ear.sentences.count == 3)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["work.prom"])
    }
}
