// Two states of the contracts compared: what would break for owners and readers.
import ArgumentParser
import Contracts
import Foundation
import Model

struct TopicsDiff: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "Compare two states of the contracts: breaking, dangerous, compatible.",
        discussion: """
            Each is a folder of topics, or a revision of git (HEAD~3, a tag, main) of the folder of --topics-folder. \
            Breaking: what was right is refused now, lands nowhere or means something else. Dangerous: readers may be \
            surprised, or a protection falls. Status 1 where something is \
            breaking, cannot be compared or is wrong in the newer state.
            """)

    @OptionGroup var common: CommonOptions

    @Argument(help: "The older state: a folder or a revision.")
    var old: String

    @Argument(help: "The newer state; the folder of topics as it is now by default.")
    var new: String?

    func run() async throws {
        let folder = try common.settings().topicsFolder
        let comparison = try Self.withState(old, of: folder) { older in
            guard let new else { return try CatalogueDiff.compare(older, CatalogueState(folder: folder)) }
            return try Self.withState(new, of: folder) { newer in try CatalogueDiff.compare(older, newer) }
        }
        let names = (old: old, new: new ?? folder)
        switch common.format {
        case .json:
            for object in comparison.objects { Terminal.line(object.text) }
            Terminal.line(comparison.summary(old: names.old, new: names.new).text)
        case .text:
            for line in comparison.lines { Terminal.line(line) }
            Terminal.line("\(names.old) to \(names.new): \(comparison.counts)")
        }
        if !comparison.isSafe { throw ExitCode(ExitStatus.no.rawValue) }
    }

    /// A folder goes before a revision of the same name.
    static func withState<Result>(
        _ name: String, of folder: String, _ body: (CatalogueState) throws -> Result
    ) throws -> Result {
        if isFolder(name) { return try body(CatalogueState(folder: name)) }
        let git = try GitFolder(folder)
        return try git.withState(of: git.revision(name), name: name, body)
    }

    private static func isFolder(_ name: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: name, isDirectory: &isFolder) && isFolder.boolValue
    }
}
