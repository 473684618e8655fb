// Files written whole: a reader sees the old file or the new one, never a half.
import Foundation
package import Model

package enum ExportWriter {
    /// Writes each file whole, making the folder where there is none; returns the paths written.
    /// - Parameter isOneDocument: `path` is then the file itself, or a folder that is there already.
    package static func write(
        _ files: [ExportedFile], to path: String, isOneDocument: Bool
    ) throws(UserError) -> [String] {
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
        if isOneDocument, let file = files.first, !(exists && isFolder.boolValue) {
            let url = URL(fileURLWithPath: path)
            try makeFolder(url.deletingLastPathComponent())
            try write(file.text, to: url)
            return [path]
        }
        guard !exists || isFolder.boolValue else {
            throw failure(path, "it is a file, and a folder is wanted for \(files.count) files", .usage)
        }
        let folder = URL(fileURLWithPath: path)
        try makeFolder(folder)
        var written: [String] = []
        for file in files {
            try write(file.text, to: folder.appending(path: file.name))
            written.append(path.hasSuffix("/") ? path + file.name : "\(path)/\(file.name)")
        }
        return written
    }

    private static func makeFolder(_ folder: URL) throws(UserError) {
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw failure(folder.path, reason(error), .configuration)
        }
    }

    /// Under another name beside it, which then takes its place.
    private static func write(_ text: String, to url: URL) throws(UserError) {
        do {
            try Data(text.utf8).write(to: url, options: .atomic)
        } catch {
            throw failure(url.path, reason(error), .configuration)
        }
    }

    private static func reason(_ error: any Error) -> String {
        guard let error = error as? CocoaError else { return "it cannot be written" }
        return switch error.code {
        case .fileWriteNoPermission, .fileReadNoPermission: "we may not write there"
        case .fileWriteOutOfSpace: "no space is left"
        case .fileWriteVolumeReadOnly: "the file system is read-only"
        case .fileWriteFileExists: "a file stands where a folder is wanted"
        default: "it cannot be written"
        }
    }

    private static func failure(_ path: String, _ cause: String, _ status: ExitStatus) -> UserError {
        UserError(
            action: "writing", subject: path, cause: cause, nextStep: "name another place after --out", status: status)
    }
}
