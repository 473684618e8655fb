// A moving window on a source of any length: the record at hand lies in one piece of padded memory, as the decoder's
// parser wants it, and no more than a bound is ever kept.
import Contracts
import Foundation
import Model

struct ByteWindow: ~Copyable {
    enum Growth {
        case grown
        /// The source has no more.
        case atEnd
        /// The bound is reached: something must be consumed first.
        case full
    }

    private let source: any ByteSource
    private var memory: UnsafeMutableRawPointer
    private var capacity: Int
    private let capacityMax: Int
    private var start = 0
    private var end = 0
    private var sourceIsAtEnd = false
    /// From the source's beginning up to what was consumed.
    private(set) var consumedBytes: Int64 = 0

    /// - Parameters:
    ///   - blockBytes: what is read at once.
    ///   - bytesMax: of one record; at least `blockBytes`.
    init(_ source: any ByteSource, blockBytes: Int, bytesMax: Int) {
        precondition(blockBytes > 0 && bytesMax >= blockBytes, "a window has room for a block")
        self.source = source
        capacity = blockBytes
        capacityMax = bytesMax
        memory = Self.allocate(blockBytes)
    }

    deinit { memory.deallocate() }

    /// Memory that simdjson may read beyond a record's end.
    private static func allocate(_ capacity: Int) -> UnsafeMutableRawPointer {
        let byteCount = capacity + RecordDecoder.paddingBytes
        let memory = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        return memory
    }

    /// Bytes read and not consumed.
    var count: Int { end &- start }
    /// The first of them; good until `grow`.
    var bytes: UnsafePointer<UInt8> { UnsafePointer((memory + start).assumingMemoryBound(to: UInt8.self)) }

    func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "a slice lies within the window")
        return UnsafeRawBufferPointer(start: memory + start + range.lowerBound, count: range.count)
    }

    mutating func consume(_ count: Int) {
        precondition(count <= self.count, "only what was read can be consumed")
        start += count
        consumedBytes += Int64(count)
    }

    /// Reads until the memory is full or the source at its end. Pointers into the window are void then.
    mutating func grow() throws(UserError) -> Growth {
        if sourceIsAtEnd { return .atEnd }
        if start > 0 {
            memmove(memory, memory + start, count)
            end -= start
            start = 0
        }
        if end == capacity {
            guard capacity < capacityMax else { return .full }
            let larger = min(capacityMax, capacity * 2)
            let moved = Self.allocate(larger)
            moved.copyMemory(from: memory, byteCount: end)
            memory.deallocate()
            memory = moved
            capacity = larger
        }
        let before = end
        // A pipe gives little at once, and every look at an unfinished record begins anew in CSV.
        while end < capacity {
            let count = try source.read(
                into: UnsafeMutableRawBufferPointer(start: memory + end, count: capacity - end))
            if count == 0 {
                sourceIsAtEnd = true
                break
            }
            end += count
        }
        return end > before ? .grown : .atEnd
    }
}
