// An error a person reads: action, subject, cause, next step; with the exit status of the command line.

/// Exit statuses of the command line (sysexits.h where it has one).
package enum ExitStatus: Int32, Sendable {
    case done = 0
    /// The answer is no: lint failed, records refused where none may be.
    case no = 1
    case usage = 64
    /// Broker or database unavailable.
    case unavailable = 69
    /// A bug of ours.
    case bug = 70
    /// Wrong settings.
    case configuration = 78
}

/// Says what was being done, to what, why it failed and what to do next. No personal value may enter any part.
package struct UserError: Error, Hashable, Sendable, CustomStringConvertible {
    package let action: String
    package let subject: String
    package let cause: String
    package let nextStep: String
    package let status: ExitStatus

    package init(action: String, subject: String, cause: String, nextStep: String, status: ExitStatus) {
        self.action = action
        self.subject = subject
        self.cause = cause
        self.nextStep = nextStep
        self.status = status
    }

    package var description: String { "\(action) \(subject): \(cause); \(nextStep)" }
}
