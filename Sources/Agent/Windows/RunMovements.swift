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

    /// What it takes in memory, in bytes.
    var bytes: Int {
        HeldBytes.table(
            capacity: runs.capacity,
            strideBytes: MemoryLayout<ProcessKey>.stride + MemoryLayout<Movement>.stride)
    }

    /// The run that moved, as it stood before.
    func movement(of key: ProcessKey, before: RunLevel) -> Movement {
        runs[key] ?? Movement(last: before.window, atLeastBytes: before.residentBytes ?? 0)
    }

    /// Takes note of what a run did.
    mutating func set(_ movement: Movement, of key: ProcessKey) { runs[key] = movement }

    /// Takes note that a run moved to a level.
    mutating func moved(_ key: ProcessKey, from before: RunLevel, to after: RunLevel) {
        var movement = movement(of: key, before: before)
        movement.atLeastBytes = max(movement.atLeastBytes, after.residentBytes ?? 0)
        runs[key] = movement
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
