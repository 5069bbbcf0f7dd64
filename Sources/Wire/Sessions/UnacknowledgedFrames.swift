/// The sequence numbers of the data frames that no ACK has covered, oldest first.
///
/// ACK counts all frames, credit only data frames, so somebody has to remember which was which.
struct UnacknowledgedFrames: Sendable {
    private var sequences: [UInt64] = []
    private var first = 0

    /// How many there are.
    var count: Int { sequences.count - first }

    /// Adds a frame that was sent or received after all others.
    mutating func append(_ sequence: UInt64) {
        sequences.append(sequence)
    }

    /// Removes all up to `sequence`; returns how many that were.
    @discardableResult
    mutating func remove(throughSequence sequence: UInt64) -> Int {
        let before = first
        while first < sequences.count, sequences[first] <= sequence { first += 1 }
        let removed = first - before
        // Moved only when half is gone, so each number is moved about once.
        if first * 2 >= sequences.count {
            sequences.removeFirst(first)
            first = 0
        }
        return removed
    }
}
