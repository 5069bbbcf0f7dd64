/// Counts different things without keeping them.
///
/// They are told apart by their hashes. There is a bound on those, too; what comes when it is
/// reached is not counted any more, so that the same thing is never counted twice.
struct DistinctCount {
    /// How many there were.
    private(set) var count: UInt64 = 0
    private var hashes: Set<Int> = []
    private let maximumHashes: Int

    init(maximumHashes: Int = 65_536) {
        self.maximumHashes = maximumHashes
    }

    /// Counts `thing` unless it was counted before.
    mutating func note(_ thing: some Hashable) {
        guard hashes.count < maximumHashes, hashes.insert(thing.hashValue).inserted else { return }
        count += 1
    }

    /// Counts what comes next anew, and goes on counting.
    mutating func forget() {
        hashes = []
    }
}
