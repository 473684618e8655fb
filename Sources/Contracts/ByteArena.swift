// A growing run of bytes that is written once per batch and forgotten as a whole.

/// Owns the encoded bytes of a batch. Ranges into it stay true until `removeAll` or `truncate` below them; pointers
/// only until the next append, which may move the bytes.
package struct ByteArena: ~Copyable {
    private(set) var base: UnsafeMutableRawPointer
    private(set) var capacity: Int
    package private(set) var count = 0

    package init(capacity: Int = 1 << 20) {
        precondition(capacity > 0, "an arena begins with some room")
        self.capacity = capacity
        base = .allocate(byteCount: capacity, alignment: 16)
    }

    deinit { base.deallocate() }

    /// The bytes of `range`; the pointer is good until the next append.
    package subscript(range: Range<Int>) -> UnsafeRawBufferPointer {
        precondition(range.upperBound <= count, "the range lies within what was written")
        return UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count)
    }

    /// Forgets everything and keeps the memory.
    package mutating func removeAll() { count = 0 }

    /// Forgets what was written since the arena held `count` bytes.
    package mutating func truncate(to count: Int) {
        precondition(count <= self.count, "an arena is truncated to a mark taken earlier")
        self.count = count
    }

    package mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        write(bytes.count) { $0.copyMemory(from: source, byteCount: bytes.count) }
    }

    /// Lends room for `size` bytes, which `body` must fill.
    @inline(__always)
    mutating func write(_ size: Int, _ body: (UnsafeMutableRawPointer) -> Void) {
        write(size, room: size, body)
    }

    /// Lends room for `room` bytes, of which the first `size` stay.
    @inline(__always)
    mutating func write(_ size: Int, room: Int, _ body: (UnsafeMutableRawPointer) -> Void) {
        if capacity &- count < room { grow(by: room) }
        body(base + count)
        count &+= size
    }

    @inline(never)
    private mutating func grow(by size: Int) {
        let larger = Swift.max(capacity * 2, count + size)
        let moved = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
        moved.copyMemory(from: base, byteCount: count)
        base.deallocate()
        base = moved
        capacity = larger
    }
}
