// A file of metrics that another program reads: Prometheus' node_exporter, with its textfile collector.
import Dispatch
import Foundation
import Ingestion
import Logging

/// Replaced whole: a reader sees the metrics of one moment, never half of them.
struct MetricsFile {
    let path: String
    private let logger: Logger
    private var isFailing = false

    init(_ path: String, logger: Logger) {
        self.path = path
        self.logger = logger
    }

    /// The file's name without its ending: two processes of one machine write two files, so it tells their series apart,
    /// and it stays the same when they start anew.
    var worker: String { URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent }

    /// A failure is told when it begins and when it has passed: the work goes on without metrics, and the log is not
    /// filled with one sentence every few seconds.
    mutating func replace(with text: String) {
        let reason = write(text)
        switch (reason, isFailing) {
        case (let reason?, false):
            logger.warning("writing metrics to \(path): \(reason); the work goes on, and so do the attempts")
        case (nil, true): logger.notice("metrics are written to \(path) again")
        case (_?, true), (nil, false): break
        }
        isFailing = reason != nil
    }

    /// What kept it from being written; nil where it was.
    private func write(_ text: String) -> String? {
        // Not the ending that a collector looks for. The next attempt overwrites what a killed process has left.
        let beside = "\(path).new"
        guard let stream = fopen(beside, "we") else { return String(cString: strerror(errno)) }
        let isWritten = fputs(text, stream) >= 0
        // What was buffered may fail only now.
        guard fclose(stream) == 0, isWritten, rename(beside, path) == 0 else {
            let reason = String(cString: strerror(errno))
            unlink(beside)
            return reason
        }
        return nil
    }
}

/// Writes the worker's metrics at the beginning of `body`, every few seconds while it runs, and once it has ended.
func withMetrics(
    of worker: Worker, in file: MetricsFile?, every interval: DispatchTimeInterval,
    _ body: () async throws -> Void
) async throws {
    guard let file else { return try await body() }
    let startSeconds = Clock.nowSeconds
    let isOver = DispatchSemaphore(value: 0)
    let keeper = Task {
        try? await onThread("lienthong-metrics") {
            var file = file
            var lastBatch: (at: ContinuousClock.Instant, seconds: Double)?
            func replace() {
                let metrics = worker.metrics(name: file.worker, startSeconds: startSeconds) { instant in
                    // Asked of the wall clock once: else each asking would give another fraction of a second.
                    let known = lastBatch.flatMap { $0.at == instant ? $0.seconds : nil }
                    let seconds = known ?? Clock.nowSeconds - (ContinuousClock.now - instant) / .seconds(1)
                    lastBatch = (instant, seconds)
                    return seconds
                }
                file.replace(with: metrics.text)
            }
            repeat { replace() } while isOver.wait(timeout: .now() + interval) == .timedOut
            replace()
        }
    }
    let outcome: Result<Void, any Error>
    do { outcome = .success(try await body()) } catch { outcome = .failure(error) }
    isOver.signal()
    await keeper.value
    try outcome.get()
}
