// The command line: parses, runs one command, and ends with an exit status that tells what happened.
import ArgumentParser
import Foundation
import Kafka
import Model
import Postgres

@main
struct Lienthong: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lienthong",
        abstract: "Brings the records of other ministries into the National Health Database.",
        discussion: """
            Settings come from the command line, then --config FILE (YAML), then the environment: LIENTHONG_KAFKA \
            (bootstrap servers), LIENTHONG_DATABASE (PostgreSQL URL of the national database) and LIENTHONG_TOPICS \
            (folder, default Topics) suffice for a start.

            Exit status: 0 done, 1 the answer is no, 64 wrong usage, 69 broker or database unavailable, 70 a bug, \
            78 wrong settings.
            """,
        subcommands: [
            DemoCommand.self, SampleCommand.self, TopicsCommand.self, CheckCommand.self, PublishCommand.self,
            WorkCommand.self,
            DeadLettersCommand.self, ReplayCommand.self, LagCommand.self, TraceCommand.self, KeyCommand.self,
            DatabaseCommand.self,
            DoctorCommand.self, BrokerCommand.self,
        ]
    )

    static func main() async {
        // A reader that goes away (`lienthong lag | head`) must not kill a worker in the middle of a batch.
        signal(SIGPIPE, SIG_IGN)
        ParentWatch.start()
        do {
            var command = try await asyncParseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            end(with: error)
        }
    }

    /// Says what went wrong in one sentence and ends the process with the status of its kind.
    static func end(with error: any Error) -> Never {
        guard let failure = Failure(error) else { exit(withError: error) }
        Terminal.error(failure.sentence)
        Foundation.exit(failure.status.rawValue)
    }
}

/// An error of ours in words for a person. Errors of the argument parser, and its requests to show help, are not ours.
struct Failure {
    let sentence: String
    let status: ExitStatus

    init?(_ error: any Error) {
        switch error {
        case let error as UserError:
            sentence = error.description
            status = error.status
        case let error as KafkaError:
            sentence = "\(error)"
            // A property that librdkafka does not know, or a value that it does not accept: no broker was asked.
            status = error.code == KafkaErrorCode.invalidArgument ? .configuration : .unavailable
        case let error as PostgresError:
            sentence = Self.sentence(error)
            status = Self.status(error)
        case is CleanExit, is ExitCode, is ValidationError:
            return nil
        case is CancellationError:
            sentence = "stopped before it was done"
            status = .no
        default:
            // The parser's own errors are of a type it does not export.
            if String(reflecting: type(of: error)).hasPrefix("ArgumentParser.") { return nil }
            // Named by type alone: the text of an unforeseen error may quote a record.
            sentence = "an unforeseen error of type \(type(of: error)); please report it"
            status = .bug
        }
    }

    private static func sentence(_ error: PostgresError) -> String {
        // No server was asked: neither a code of its nor a password is to blame.
        if error.isUnreadableURL { return "\(error.action): \(error.primary ?? "it is no PostgreSQL URL")" }
        let nextStep =
            switch error.fault {
            case .world: "check that the database runs and can be reached, then try again"
            case .ours where error.sqlState?.hasPrefix("28") == true: "check user and password in the database URL"
            case .ours where error.sqlState?.hasPrefix("3D") == true: "create the database, or correct its URL"
            case .ours: "run `lienthong database migrate` and check the user's permissions"
            case .record, .unknown: "please report it"
            }
        return "\(error); \(nextStep)"
    }

    private static func status(_ error: PostgresError) -> ExitStatus {
        switch error.fault {
        case .world: .unavailable
        case .ours: .configuration
        case .record, .unknown: .bug
        }
    }
}
