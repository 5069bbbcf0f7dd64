import MemoryModel

/// What was found of runs that are watched no more and go on, of so many of them as there is room.
struct KeptGrowths {
    /// So many runs are remembered.
    static let maximumRuns = 64

    private var growths: [ProcessKey: PythonGrowth] = [:]

    /// What was found of a run; nil where nothing is kept.
    subscript(run: ProcessKey) -> PythonGrowth? { growths[run] }

    /// How many runs are remembered.
    var count: Int { growths.count }

    /// Keeps what was found of a run, if it has a place or there is one.
    mutating func keep(_ growth: PythonGrowth, of run: ProcessKey) {
        guard growths[run] != nil || growths.count < KeptGrowths.maximumRuns else { return }
        growths[run] = growth
    }

    /// Forgets a run that is over.
    mutating func forget(_ run: ProcessKey) {
        growths[run] = nil
    }

    /// Forgets all runs but those that are still there.
    mutating func forgetAll(but isThere: (ProcessKey) -> Bool) {
        growths = growths.filter { isThere($0.key) }
    }
}
