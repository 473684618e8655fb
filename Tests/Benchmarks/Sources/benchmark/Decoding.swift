// Judging and encoding alone: no Kafka, no database.
import Contracts
import Foundation
import Model

enum Decoding {
    /// Records per second of processor time on one core, over `count` distinct citizens.
    static func rate(_ world: World, count: Int) throws -> Double {
        let decoder = try RecordDecoder(world.definition, codeLists: world.codeLists)
        let records = (0..<count).map { Citizens.record($0, .first) }
        var best = Double.infinity
        for _ in 0..<5 {
            let start = Measure.ownProcessorSeconds()
            for (index, record) in records.enumerated() {
                // As a batch is forgotten.
                if index % 10_000 == 0 { decoder.reset() }
                let verdict = record.key.withUnsafeBytes { key in
                    record.value.withUnsafeBytes { value in
                        decoder.decode(
                            key: key, value: value, valueIsPadded: false, headersByteCount: 0,
                            timestampMilliseconds: nil, tombstoneVersion: nil)
                    }
                }
                guard case .record = verdict else { throw Failure("citizen \(index) is not accepted") }
            }
            best = min(best, Measure.ownProcessorSeconds() - start)
        }
        return Double(count) / best
    }
}
