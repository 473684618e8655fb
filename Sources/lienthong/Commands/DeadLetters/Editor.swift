// The editor that a person has chosen, run on a file until it ends.
import Foundation
import Model

struct Editor {
    private let command: String
    private let environment: [String: String]

    /// - Throws: where neither VISUAL nor EDITOR names one.
    init(environment: [String: String] = ProcessInfo.processInfo.environment) throws(UserError) {
        guard
            let command = [environment["VISUAL"], environment["EDITOR"]].compactMap({ $0 }).first(where: { !$0.isEmpty }
            )
        else {
            throw UserError(
                action: "looking for", subject: "an editor", cause: "neither VISUAL nor EDITOR names one",
                nextStep: "set EDITOR, or give a patch on standard input with --patch -", status: .usage)
        }
        self.command = command
        self.environment = environment
    }

    /// - Returns: the file's content when the editor has ended.
    func edit(_ file: PrivateFile, bytesMax: Int) throws(UserError) -> [UInt8] {
        let status = try run(file)
        if status < 0 { file.editorEnded(by: -status) }
        guard status == 0 else {
            throw fault("it ended with \(status < 0 ? "signal \(-status)" : "status \(status)")")
        }
        return try file.read(bytesMax: bytesMax)
    }

    /// Not by Foundation's `Process`, which gives a child a process group of its own: on a terminal an editor there
    /// would be stopped as soon as it reads a key.
    private func run(_ file: PrivateFile) throws(UserError) -> Int32 {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var defaults = sigset_t()
        sigemptyset(&defaults)
        // Signals that this process ignores would stay ignored in the editor.
        for number in [SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGPIPE] { sigaddset(&defaults, number) }
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
        // What an editor writes beside the file is as private as the file.
        let mask = umask(0o077)
        defer { umask(mask) }
        var process: pid_t = 0
        // By the shell, since the variable may hold options: `code --wait`. The path is no part of the shell's text; the
        // shell makes way for the editor, so that a signal for the one is for the other.
        let arguments = ["sh", "-c", "exec \(command) \"$1\"", "sh", file.path]
        let code = Self.withStrings(arguments) { arguments in
            Self.withStrings(environment.map { "\($0.key)=\($0.value)" }) { environment in
                posix_spawn(&process, "/bin/sh", nil, &attributes, arguments, environment)
            }
        }
        guard code == 0 else { throw fault(String(cString: strerror(code))) }
        file.setEditor(process)
        defer { file.setEditor(nil) }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 {
            guard errno == EINTR else { throw fault(String(cString: strerror(errno))) }
        }
        // As wait(2) has it: the signal in the lower seven bits, else the exit status in the next eight.
        let signal = status & 0x7F
        return signal == 0 ? (status >> 8) & 0xFF : -signal
    }

    private func fault(_ cause: String) -> UserError {
        UserError(
            action: "running the editor", subject: command, cause: cause, nextStep: "nothing was sent", status: .no)
    }

    /// Lends C strings for the time of a call, a null pointer behind the last.
    private static func withStrings<Output>(
        _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Output
    ) -> Output {
        let copies = strings.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        let pointers = copies + [nil]
        return pointers.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { preconditionFailure("an array of one or more has an address") }
            return body(base)
        }
    }
}
