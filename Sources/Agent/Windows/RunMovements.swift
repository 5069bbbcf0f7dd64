import MemoryModel

/// What the runs that moved lately did in the open minute.
///
/// A run that stands still has the same window in each minute: what it holds, and its mark. So only
/// those are here whose memory or mark changed in the open minute or in the one before it, and a
/// minute costs what moved in it.
struct RunMovements {
    /// One run that moved.
    struct Movement {
        /// Its window of the minute before; nil where it had none.
        var last: Window?
        /// The most that it held at a moment of the open minute, in bytes.
        var atLeastBytes: UInt64
    }

    private(set) var runs: [ProcessKey: Movement] = [:]
    /// During a look before which nobody saw the open minute begin: whose movements it has found.
    private var found: Set<ProcessKey>?

    /// What it takes in memory, in bytes.
    var bytes: Int {
        HeldBytes.table(
            capacity: runs.capacity,
            strideBytes: MemoryLayout<ProcessKey>.stride + MemoryLayout<Movement>.stride)
    }

    /// Takes note that a look begins; `isEdgeMissed` if the open minute began without a look.
    ///
    /// What a run held at the look before it may have let go before the minute began. Of one that
    /// stands where it stood, nothing is noted at this look, and it counts.
    mutating func beginLook(isEdgeMissed: Bool) { found = isEdgeMissed ? [] : nil }

    /// The run that moved, as it stood before.
    func movement(of key: ProcessKey, before: RunLevel) -> Movement {
        var movement =
            runs[key] ?? Movement(last: before.window, atLeastBytes: before.residentBytes ?? 0)
        if let found, !found.contains(key) { movement.atLeastBytes = 0 }
        return movement
    }

    /// Takes note of what a run did.
    mutating func set(_ movement: Movement, of key: ProcessKey) {
        runs[key] = movement
        found?.insert(key)
    }

    /// Takes note that a run moved to a level.
    mutating func moved(_ key: ProcessKey, from before: RunLevel, to after: RunLevel) {
        var movement = movement(of: key, before: before)
        movement.atLeastBytes = max(movement.atLeastBytes, after.residentBytes ?? 0)
        set(movement, of: key)
    }

    /// Lets a run go that is over.
    mutating func remove(_ key: ProcessKey) -> Movement? { runs.removeValue(forKey: key) }

    /// Ends the open minute, and gives the windows that differ from those of the minute before.
    ///
    /// `level` says where each run stands; nil for one that is not there any more.
    mutating func closeMinute(
        isWhole: Bool, level: (ProcessKey) -> RunLevel?
    ) -> [(key: ProcessKey, window: Window)] {
        var windows: [(key: ProcessKey, window: Window)] = []
        var moving: [ProcessKey: Movement] = [:]
        for (key, movement) in runs {
            guard let level = level(key), let standing = level.window else { continue }
            let window = Window(
                atLeastBytes: max(movement.atLeastBytes, standing.atLeastBytes),
                atMostBytes: standing.atMostBytes)
            if isWhole || window != movement.last { windows.append((key, window)) }
            // Should it stand still from now on, its next window is another one.
            if window != standing {
                moving[key] = Movement(last: window, atLeastBytes: standing.atLeastBytes)
            }
        }
        runs = moving
        return windows
    }

    /// Begins anew with where the runs stand, after peaks were forgotten.
    mutating func forget() { runs = [:] }
}
