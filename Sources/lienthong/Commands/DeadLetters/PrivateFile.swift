// A file that holds a person's data for as long as an editor is open, and not a moment longer.
import Dispatch
import Foundation
import Model
import Synchronization

/// A file of mode 0600 in a folder of mode 0700, both in memory. The folder takes in what editors write beside a file,
/// and goes with all that is in it: when `body` returns or throws, and on SIGINT, SIGTERM and SIGHUP.
final class PrivateFile: Sendable {
    /// Memory, on Linux: what is written there reaches no disk but swap.
    private static let root = "/dev/shm"

    let path: String
    private let folder: String
    private let keyboard = isatty(STDIN_FILENO) == 1
    /// The editor, while it runs; it is asked to end before this process does.
    private let editor = Mutex<pid_t?>(nil)

    static func with<Output>(_ bytes: [UInt8], name: String, _ body: (PrivateFile) throws -> Output) throws -> Output {
        let file = try PrivateFile(name: name)
        let signals = file.watchSignals()
        defer {
            file.remove()
            for signal in signals { signal.cancel() }
        }
        try file.write(bytes)
        return try body(file)
    }

    private init(name: String) throws(UserError) {
        var template = Array("\(Self.root)/lienthong-XXXXXX".utf8CString)
        // An array of one or more has an address.
        guard template.withUnsafeMutableBufferPointer({ $0.baseAddress.flatMap { mkdtemp($0) } }) != nil else {
            throw Self.fault("making a folder in", Self.root, "give this user the right to write there")
        }
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        path = "\(folder)/\(name)"
    }

    private func write(_ bytes: [UInt8]) throws(UserError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.fault("making the file", path, "nothing was done") }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        do { try handle.write(contentsOf: Data(bytes)) } catch {
            throw Self.fault("writing the file", path, "check the space left in \(Self.root)")
        }
    }

    func read(bytesMax: Int) throws(UserError) -> [UInt8] {
        if let data = InputFile.read(path, bytesMax: bytesMax) { return [UInt8](data) }
        throw UserError(
            action: "reading back", subject: path, cause: "it is gone, or larger than \(bytesMax) bytes",
            nextStep: "nothing was sent", status: .no)
    }

    /// To be told as long as the process runs.
    func setEditor(_ process: pid_t?) { editor.withLock { $0 = process } }

    private func remove() { try? FileManager.default.removeItem(atPath: folder) }

    /// Ends the process where a signal of the keyboard ended its editor: the person meant both, and whichever of the
    /// two hears of it first, callers see the same.
    func editorEnded(by number: Int32) {
        if keyboard, number == SIGINT || number == SIGQUIT { editor.withLock { _ in end(by: number) } }
    }

    /// What the signal does to a process that does not catch it, once the file is gone.
    private func end(by number: Int32) -> Never {
        remove()
        signal(number, SIG_DFL)
        // To this thread: what is sent to the process the source may take, and it would never be delivered.
        var only = sigset_t()
        sigemptyset(&only)
        sigaddset(&only, number)
        pthread_sigmask(SIG_UNBLOCK, &only, nil)
        raise(number)
        _exit(128 + number)
    }

    /// A signal of the keyboard goes to the editor as well: while one runs on the terminal, it is the one to decide.
    private func watchSignals() -> [any DispatchSourceSignal] {
        return [SIGINT, SIGQUIT, SIGTERM, SIGHUP].map { number in
            // Without this the process would end before the source hears of it.
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { [self] in
                // Under the lock, at which whoever waits for the editor stops: this process ends by the signal, and not
                // with what an editor's end would have it say.
                editor.withLock { process in
                    if keyboard, process != nil, number == SIGINT || number == SIGQUIT { return }
                    if let process { kill(process, SIGTERM) }
                    end(by: number)
                }
            }
            source.setCancelHandler { signal(number, SIG_DFL) }
            source.resume()
            return source
        }
    }

    private static func fault(_ action: String, _ subject: String, _ nextStep: String) -> UserError {
        UserError(
            action: action, subject: subject, cause: String(cString: strerror(errno)), nextStep: nextStep,
            status: .configuration)
    }
}
