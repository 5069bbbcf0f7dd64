/// The small numbers that stand for runs within one session; one that was given back is taken
/// again before a new one.
struct SlotTable {
    /// How many there are.
    let count: UInt32
    private var next: UInt32 = 0
    private var freed: [UInt32] = []

    /// How many slots are in use.
    private(set) var usedCount = 0

    /// Slots 0 to `count` - 1, all free.
    init(count: UInt32) {
        self.count = count
    }

    /// Whether all are in use.
    var isFull: Bool { freed.isEmpty && next >= count }

    /// How many are free.
    var freeCount: Int { Int(count) - usedCount }

    /// Takes a slot; nil if all are in use.
    mutating func take() -> UInt32? {
        if let slot = freed.popLast() {
            usedCount += 1
            return slot
        }
        guard next < count else { return nil }
        defer { next += 1 }
        usedCount += 1
        return next
    }

    /// Gives a slot back.
    mutating func free(_ slot: UInt32) {
        freed.append(slot)
        usedCount -= 1
    }
}
