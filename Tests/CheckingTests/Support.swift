// What the tests of checking share: the repository's own topics, and sources of bytes that need no file.
import Contracts
import Foundation
import Model
import Testing

@testable import Checking

let repositoryRoot = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

let catalogue: Result<Catalogue, any Error> = Result {
    try Catalogue.load(folder: repositoryRoot.appending(path: "Topics").path)
}

func definition(_ name: String) throws -> TopicDefinition {
    try #require(try TopicName(name).flatMap { try catalogue.get()[$0] })
}

/// Bytes that come as a pipe gives them: at most so many at once.
final class BytesSource: ByteSource {
    private let bytes: [UInt8]
    private var position = 0
    private let chunkBytes: Int

    init(_ bytes: [UInt8], chunkBytes: Int = .max) {
        self.bytes = bytes
        self.chunkBytes = chunkBytes
    }

    convenience init(_ text: String) { self.init(Array(text.utf8)) }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(UserError) -> Int {
        let count = min(buffer.count, bytes.count - position, chunkBytes)
        bytes.withUnsafeBytes {
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[position..<position + count]))
        }
        position += count
        return count
    }
}

/// All that a check tells.
struct Outcome: Equatable {
    let account: CheckAccount
    let findings: [CheckFinding]
}

/// In 2026, long after every version in the tests.
let someTimeMilliseconds: Int64 = 1_790_000_000_000

func check(
    _ bytes: [UInt8], topic: String = "population.citizen.v1", name: String = "records", format: InputFormat? = nil,
    withKey: Bool = false, now: Int64 = someTimeMilliseconds, blockBytes: Int = 1 << 16,
    recordBytesMax: Int = CheckOptions.recordBytesStandard, chunkBytes: Int = .max
) throws -> Outcome {
    var options = CheckOptions(format: format, withKey: withKey, nowMilliseconds: now)
    options.blockBytes = blockBytes
    options.recordBytesMax = recordBytesMax
    let checker = try Checker(try definition(topic), codeLists: try catalogue.get().codeLists, options: options)
    var findings: [CheckFinding] = []
    let account = try checker.check(
        BytesSource(bytes, chunkBytes: chunkBytes), name: name, tell: { findings.append($0) })
    return Outcome(account: account, findings: findings)
}

func check(
    _ text: String, name: String = "records", format: InputFormat? = nil, withKey: Bool = false,
    blockBytes: Int = 1 << 16, recordBytesMax: Int = CheckOptions.recordBytesStandard
) throws -> Outcome {
    try check(
        Array(text.utf8), name: name, format: format, withKey: withKey, blockBytes: blockBytes,
        recordBytesMax: recordBytesMax)
}

extension CheckFinding {
    /// `line: reason field`, for short expectations.
    var short: String {
        switch kind {
        case .refused(let refusal): "\(place.line): \(refusal.reason.rawValue) \(refusal.field ?? "-")"
        case .malformed(let malformation): "\(place.line): \(malformation.rawValue)"
        case .warning(let warning): "\(place.line): warning \(warning.rule)"
        }
    }
}

/// A record of population.citizen.v1 that is accepted; the number makes its key.
func citizen(_ number: Int, version: Int = 1, name: String = "Lều Thị Thử", extra: String = "") -> String {
    let digits = String(1_000_000 + number).dropFirst()
    return """
        {"personalId":"001190\(digits)","fullName":"\(name)","birthDate":"1990-04-15","sex":"female",\
        "permanentAddress":{"text":"Số 8, phường Ba Đình","provinceCode":"01"},"identityStatus":"active",\
        "version":\(version)\(extra)}
        """
}
