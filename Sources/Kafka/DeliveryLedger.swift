// Which messages of a producer are acknowledged: decided here without a broker.

/// Counts messages by tag. Tags must not fall from one message to the next; several messages may share one.
struct DeliveryLedger {
    private struct Entry {
        let tag: UInt64
        var outstanding: Int
    }

    /// In the order of sending, so of rising tags; entries before `head` are settled and swept from time to time.
    private var entries: [Entry] = []
    private var head = 0

    private(set) var outstanding = 0
    private(set) var acknowledged: UInt64 = 0
    private(set) var failed: UInt64 = 0
    /// Every message sent so far with a tag up to this one is acknowledged.
    private(set) var acknowledgedThrough: UInt64?

    /// False where the tag is lower than that of a message before it.
    func accepts(_ tag: UInt64) -> Bool {
        guard let last = entries.last?.tag ?? acknowledgedThrough else { return true }
        return tag >= last
    }

    mutating func sent(_ tag: UInt64) {
        outstanding += 1
        if let last = entries.indices.last, last >= head, entries[last].tag == tag {
            entries[last].outstanding += 1
        } else {
            entries.append(Entry(tag: tag, outstanding: 1))
        }
    }

    mutating func acknowledge(_ tag: UInt64) {
        outstanding -= 1
        acknowledged += 1
        guard let index = index(of: tag) else { return }
        entries[index].outstanding -= 1
        while head < entries.count, entries[head].outstanding == 0 {
            acknowledgedThrough = entries[head].tag
            head += 1
        }
        if head == entries.count || head > 4_096 {
            entries.removeFirst(head)
            head = 0
        }
    }

    /// The tag stays outstanding in the order for ever, so that nothing at or beyond it counts as acknowledged.
    mutating func fail(_ tag: UInt64) {
        outstanding -= 1
        failed += 1
    }

    private func index(of tag: UInt64) -> Int? {
        var low = head
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].tag < tag { low = middle + 1 } else { high = middle }
        }
        return low < entries.count && entries[low].tag == tag ? low : nil
    }
}
