// How a publisher goes on, decided from what the source's slot and the progress topic say. No I/O.
import Model
import Postgres

/// How far a feed came, kept in the compacted topic `PublisherProgress.topic` under the feed's name.
struct PublisherProgress: Codable, Equatable, Sendable {
    enum Phase: String, Codable, Sendable {
        case snapshot
        case stream
    }

    var slot: String
    var phase: Phase
    /// The identity of the last snapshot row that Kafka has acknowledged, and all before it; nil before the first page.
    var identity: [String]?
    /// The log position from which the slot holds every change: the snapshot's floor.
    var consistentLSN: String
}

/// The slot as the source shows it.
struct SlotState: Equatable, Sendable {
    var confirmed: LSN?
    /// The source has thrown away log that the slot still needed (`max_slot_wal_keep_size`).
    var isLost: Bool
    /// It decodes by `pgoutput`, in this database.
    var isOurs: Bool
}

enum ResumeStep: Equatable {
    /// The slot comes first, the snapshot after it: whatever changes meanwhile is in the slot's stream.
    case createSlotAndSnapshot(dropFirst: Bool)
    /// From the identity after this one; nil from the first.
    case snapshot(after: [String]?, consistentLSN: LSN)
    case stream

    static func decide(
        slot: SlotState?, progress: PublisherProgress?, definition: FeedDefinition, resnapshot: Bool
    ) throws(UserError) -> Self {
        func question(_ cause: String) -> UserError {
            UserError(
                action: "publishing feed", subject: definition.feed, cause: cause,
                nextStep: "run it with --resnapshot to publish every record again (records deleted at the source "
                    + "in between stay in the topic: compare them with the source afterwards)",
                status: .no
            )
        }
        guard let slot else {
            if let progress, !resnapshot {
                throw question(
                    "the source has no replication slot \(progress.slot) any more, though this feed was published from it; "
                        + "the changes since then are lost"
                )
            }
            return .createSlotAndSnapshot(dropFirst: false)
        }
        guard slot.isOurs else {
            throw UserError(
                action: "publishing feed", subject: definition.feed,
                cause: "replication slot \(definition.slot) belongs to another database or another output plugin",
                nextStep: "name another slot in the feed", status: .configuration
            )
        }
        if slot.isLost || slot.confirmed == nil {
            if !resnapshot {
                throw question("the source has thrown away log that replication slot \(definition.slot) needed")
            }
            return .createSlotAndSnapshot(dropFirst: true)
        }
        let confirmed = slot.confirmed ?? LSN(0)
        if resnapshot { return .snapshot(after: nil, consistentLSN: confirmed) }
        guard let progress else {
            // The publisher died between making the slot and saying so, or the progress topic is new: the slot holds
            // every change since it was made, so a snapshot from the first row is enough.
            return .snapshot(after: nil, consistentLSN: confirmed)
        }
        guard let consistent = LSN(progress.consistentLSN), progress.slot == definition.slot, confirmed >= consistent
        else {
            throw question(
                "replication slot \(definition.slot) is not the one from which this feed was published; "
                    + "changes may be lost between the two"
            )
        }
        switch progress.phase {
        case .snapshot: return .snapshot(after: progress.identity, consistentLSN: consistent)
        case .stream: return .stream
        }
    }
}
