// The secret that seals dead letters: read from a file or a setting, made anew, never printed.
import Crypto
import Foundation
package import Model

/// 32 random bytes, and the three keys derived from them by HKDF-SHA256, one a purpose.
package struct DeadLetterKey: Sendable {
    /// Length of the secret in bytes: AES-256.
    package static let byteCount = 32

    /// First eight hexadecimal digits of the SHA-256 of a derived value: names the key, tells nothing of it.
    package let id: String
    let sealing: SymmetricKey
    let fingerprinting: SymmetricKey
    let hintSeed: UInt64

    /// - Parameter bytes: exactly `byteCount` of them, or nil is returned.
    package init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        let secret = SymmetricKey(data: bytes)
        func derive(_ purpose: String) -> SymmetricKey {
            HKDF<SHA256>.deriveKey(
                inputKeyMaterial: secret, info: Data("lienthong dead letter \(purpose) 1".utf8),
                outputByteCount: Self.byteCount)
        }
        sealing = derive("sealing")
        fingerprinting = derive("fingerprint")
        hintSeed = derive("hint").withUnsafeBytes { $0.loadUnaligned(as: UInt64.self).littleEndian }
        let name = derive("name").withUnsafeBytes { SHA256.hash(data: Data($0)) }
        id = name.prefix(4).map { Hexadecimal.byte($0) }.joined()
    }

    /// Reads keys from text: one a line, base64 or hexadecimal, the sealing one first, then older ones that only open.
    /// Empty lines and lines that begin with `#` are passed over.
    /// - Parameter subject: where the text comes from, for the message.
    package static func parse(_ text: String, subject: String) throws(UserError) -> [DeadLetterKey] {
        var keys: [DeadLetterKey] = []
        for line in text.split(whereSeparator: \.isNewline).map({ $0.trimmingCharacters(in: .whitespaces) })
        where !line.isEmpty && !line.hasPrefix("#") {
            guard
                let bytes = Hexadecimal.decode(line) ?? Data(base64Encoded: line).map({ [UInt8]($0) }),
                let key = DeadLetterKey(bytes: bytes)
            else {
                throw UserError(
                    action: "reading the dead-letter key from", subject: subject,
                    cause: "a line is not \(byteCount) bytes in base64 or hexadecimal",
                    nextStep: "make one with `openssl rand -base64 \(byteCount)`", status: .configuration)
            }
            keys.append(key)
        }
        guard !keys.isEmpty else {
            throw UserError(
                action: "reading the dead-letter key from", subject: subject, cause: "it holds no key",
                nextStep: "make one with `openssl rand -base64 \(byteCount)`", status: .configuration)
        }
        return keys
    }

    /// Reads a key file, which nobody but its owner and group may read.
    package static func load(file: String) throws(UserError) -> [DeadLetterKey] {
        func failure(_ cause: String, _ nextStep: String) -> UserError {
            UserError(
                action: "reading the dead-letter key file", subject: file, cause: cause, nextStep: nextStep,
                status: .configuration)
        }
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: file) else {
            throw failure("there is no such file", "make one with `openssl rand -base64 \(byteCount) > \(file)`")
        }
        // A symbolic link has a mode of its own, open to all; the file it points to counts.
        let target = URL(fileURLWithPath: file).resolvingSymlinksInPath().path
        let resolved = (try? FileManager.default.attributesOfItem(atPath: target)) ?? attributes
        let mode = (resolved[.posixPermissions] as? NSNumber)?.intValue ?? 0
        guard mode & 0o007 == 0 else {
            throw failure("every user of this machine may read or change it", "run `chmod 600 \(file)`")
        }
        guard let text = try? String(contentsOfFile: target, encoding: .utf8) else {
            throw failure("it cannot be read as text", "check who owns it")
        }
        return try parse(text, subject: file)
    }

    /// Makes a new random key in a new file that only its owner may read; an existing file is never replaced.
    package static func generate(to file: String) throws(UserError) {
        let secret = SymmetricKey(size: .bits256).withUnsafeBytes { Data($0).base64EncodedString() }
        let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            let cause = String(cString: strerror(errno))
            throw UserError(
                action: "making the dead-letter key file", subject: file, cause: cause,
                nextStep: "name a new file in a folder that you may write", status: .configuration)
        }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        do {
            try handle.write(contentsOf: Data((secret + "\n").utf8))
            try handle.synchronize()
        } catch {
            throw UserError(
                action: "writing the dead-letter key file", subject: file, cause: "the write failed",
                nextStep: "check the space left, remove the file and try again", status: .configuration)
        }
    }
}
