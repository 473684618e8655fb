// Ranges of a topic read again through today's mapping.
import ArgumentParser

struct ReplayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay", abstract: "Read a range of a topic again, beside the live workers.",
        discussion: """
            After a mapping was mended, and its revision raised: `replay plan --dry-run` tells what would change, `replay \
            start` changes it. A replay never puts an older record over a newer one, and moves no live position. Workers \
            carry replays on; `replay run` does so without one. With --into-shadow a copy of the tables is filled \
            from the log's start, compared, and swapped in.
            """,
        subcommands: [
            ReplayPlanCommand.self, ReplayStart.self, ReplayRunCommand.self, ReplayStatusCommand.self,
            ReplayResume.self, ReplayCancel.self, ReplayCompare.self, ReplaySwap.self, ReplayDropOld.self,
        ])
}
