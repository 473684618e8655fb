// A graceful stop: SIGTERM and SIGINT ask the running work to finish what it holds.
import Logging
import ServiceLifecycle
import UnixSignals

/// Long work that knows how to be stopped from outside.
private struct StoppableService: Service {
    let body: @Sendable () async throws -> Void
    let stop: @Sendable () -> Void

    func run() async throws {
        try await withGracefulShutdownHandler {
            try await body()
        } onGracefulShutdown: {
            stop()
        }
    }
}

/// Runs `body` until it returns. On SIGTERM or SIGINT calls `stop`, upon which `body` should soon return.
func runUntilStopped(
    _ logger: Logger, stop: @escaping @Sendable () -> Void, body: @escaping @Sendable () async throws -> Void
) async throws {
    // The group tells of its own steps; what a person wants to hear is told by the work itself.
    var quiet = logger
    quiet.logLevel = max(logger.logLevel, .error)
    let configuration = ServiceGroupConfiguration(
        services: [
            .init(
                service: StoppableService(body: body, stop: stop), successTerminationBehavior: .gracefullyShutdownGroup)
        ],
        gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet)
    try await ServiceGroup(configuration: configuration).run()
}
