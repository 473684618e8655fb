// Where a file's bytes come from.
import Foundation
package import Model

/// Bytes in their order, once.
package protocol ByteSource: AnyObject {
    /// Fills `buffer` as far as it can; 0 at the end. Throws where the file cannot be read any further.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(UserError) -> Int
}

/// A file, or standard input.
package final class FileSource: ByteSource {
    /// As the user named it; `standard input` for `-`.
    package let name: String
    /// Nil where it is not known beforehand, as in a pipe.
    package let byteCount: Int64?
    private let descriptor: Int32

    /// - Parameter path: `-` is standard input.
    /// Throws where there is no such file, it may not be read, or it is a folder.
    package init(path: String) throws(UserError) {
        name = path == "-" ? "standard input" : path
        descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY)
        guard descriptor >= 0 else { throw Self.failure(path, Self.cause(errno)) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Self.failure(name, Self.cause(errno)) }
        guard status.st_mode & S_IFMT != S_IFDIR else {
            throw Self.failure(name, "it is a folder", nextStep: "name one of the files in it")
        }
        byteCount = status.st_mode & S_IFMT == S_IFREG ? Int64(status.st_size) : nil
    }

    deinit {
        if descriptor > STDIN_FILENO { close(descriptor) }
    }

    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(UserError) -> Int {
        while true {
            let count = Foundation.read(descriptor, buffer.baseAddress, buffer.count)
            if count >= 0 { return count }
            if errno != EINTR { throw Self.failure(name, Self.cause(errno)) }
        }
    }

    private static func cause(_ code: Int32) -> String { String(cString: strerror(code)) }

    private static func failure(
        _ name: String, _ cause: String, nextStep: String = "check its path and your permission to read it"
    ) -> UserError {
        UserError(action: "reading", subject: name, cause: cause, nextStep: nextStep, status: .usage)
    }
}
