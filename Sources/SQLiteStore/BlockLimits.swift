import MemoryModel

/// How much an hour of minutes may be when it is packed, so that its block can always be read.
struct BlockLimits: Sendable {
    /// Runs of an hour: 262,144, which is 72 that begin in each second of it.
    var runs = 1 << 18
    /// The bytes of a block that is packed: 16 MiB.
    var bytes = 16 << 20

    /// Those of the store's specification.
    static let usual = BlockLimits()

    /// The bytes of a block that is read: twice as many, as one that went on from another hour
    /// takes more where that hour changes or goes.
    var readBytes: Int { 2 * bytes }
}

extension WindowHour {
    /// Leaves the `count` runs that held most, the first by key of equal ones.
    ///
    /// Returns how many went.
    mutating func keepLargest(_ count: Int) -> Int {
        guard runs.count > count else { return 0 }
        let largest = runs.map { (key: $0.key, bytes: $0.value.mostBytes) }
            .sorted { ($1.bytes, $0.key) < ($0.bytes, $1.key) }
        for run in largest.dropFirst(count) { runs[run.key] = nil }
        return largest.count - count
    }
}

extension RunMinutes {
    /// The most that it is known to have held.
    fileprivate var mostBytes: UInt64 {
        let windows = [carried, hour].compactMap { $0 } + own.map(\.window)
        return windows.map(\.atLeastBytes).max() ?? 0
    }
}
