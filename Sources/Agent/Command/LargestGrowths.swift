import MemoryModel

/// What was found of the programs of a command that grew most, and how many others there were.
///
/// However many come and go, it keeps the largest, and of others that live only which they are.
struct LargestGrowths {
    /// How many programs are kept.
    let maximumCount: Int
    /// What was found of each that is kept.
    private(set) var growths: [ProcessKey: PythonGrowth] = [:]
    private var leftOutAndLive: Set<ProcessKey> = []
    private var leftOutAndEnded = 0

    init(maximumCount: Int) {
        self.maximumCount = maximumCount
    }

    /// How many programs are not kept.
    var leftOutCount: Int { leftOutAndLive.count + leftOutAndEnded }

    /// How many programs it holds anything of, for tests of the bound.
    var heldCount: Int { growths.count + leftOutAndLive.count }

    /// Takes what was found of a program until now.
    mutating func keep(_ growth: PythonGrowth, of run: ProcessKey) {
        growths[run] = growth
        leftOutAndLive.remove(run)
        guard growths.count > maximumCount,
            let least = growths.min(by: {
                ($0.value.grownBytes, $0.key) < ($1.value.grownBytes, $1.key)
            })
        else { return }
        growths[least.key] = nil
        if least.value.hasEnded {
            leftOutAndEnded += 1
        } else {
            leftOutAndLive.insert(least.key)
        }
    }

    /// Takes note that a program has ended of which nothing more is found.
    mutating func end(_ run: ProcessKey) {
        growths[run]?.hasEnded = true
        if leftOutAndLive.remove(run) != nil { leftOutAndEnded += 1 }
    }
}
