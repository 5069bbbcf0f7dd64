import MemoryModel

/// What values take in memory, as the allocator and the standard library of Linux lay them out.
enum HeldBytes {
    /// A block on the heap: the allocator adds 8 bytes, and gives multiples of 16.
    static func block(_ bytes: Int) -> Int { (bytes + 8 + 15) & ~15 }

    /// A value in a block of its own, behind the 16 bytes that stand before every object.
    static func object<Value>(_: Value.Type) -> Int {
        block(16 + MemoryLayout<Value>.size)
    }

    /// The bytes of a name, behind the 32 that stand before every array's elements.
    static func text(_ name: RawText) -> Int {
        name.isEmpty ? 0 : block(32 + name.bytes.count)
    }

    /// A dictionary or set, of whose buckets three quarters may be in use.
    static func table(capacity: Int, strideBytes: Int) -> Int {
        capacity == 0 ? 0 : block(64 + capacity / 3 * 4 * strideBytes)
    }
}
