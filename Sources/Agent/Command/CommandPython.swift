import MemoryModel
import ProcessSampler
import PythonStacks

/// Watches the Python programs among a command and its descendants, on the thread that runs it.
final class CommandPython {
    private final class Found {
        var largest = LargestGrowths(maximumCount: CommandPython.maximumProcesses)
    }

    private let found = Found()
    private let watcher: PythonWatcher

    /// So many processes are told of, those that grew most.
    static let maximumProcesses = 16
    /// A process that has grown by less is not watched; an interpreter alone takes about twice as
    /// much.
    static let thresholdBytes: UInt64 = 4 << 20
    /// How often a collector is told of a program that goes on growing.
    private static let tellMilliseconds: Int64 = 10_000
    /// How long one turn may keep the command's own looks waiting.
    private static let turnMilliseconds: Int64 = 5

    /// Takes a tree of processes, and whom to tell what is found while the command runs; nil
    /// where its end is soon enough.
    init(root: ProcRoot, tell: ((PythonGrowth, ProcessKey) -> Void)?) {
        var plan = PythonPlan.Settings()
        plan.thresholdBytes = CommandPython.thresholdBytes
        plan.tellIntervalMilliseconds = tell == nil ? .max / 4 : CommandPython.tellMilliseconds
        plan.yieldAfterMilliseconds = 2_000
        var ledger = GrowthLedger.Settings()
        // The command's own waits are for its end and its signals, and not for page faults.
        ledger.faultSamples = .off
        ledger.maximumLines = 4_096
        watcher = PythonWatcher(
            root: root, plan: plan, ledger: ledger, maximumLines: 1_024,
            tell: { [found] key, growth in
                found.largest.keep(growth, of: key)
                tell?(growth, key)
            })
    }

    /// Takes in what a look found.
    func noted(_ snapshot: HostSnapshot) {
        let sight = PythonSight(snapshot)
        watcher.noted(sight)
        // Of those that are watched their end is told.
        for key in sight.ended where !watcher.isWatching(key) { found.largest.end(key) }
    }

    /// Does what is due; returns how long nothing is, nil for until the next look.
    func turn() -> Int64? {
        let end = BootClock.nowMilliseconds() + CommandPython.turnMilliseconds
        while BootClock.nowMilliseconds() < end {
            let wait = watcher.step()
            if wait != 0 { return wait }
        }
        return 0
    }

    /// What was found in the end.
    func finish() -> CommandPythonGrowth {
        watcher.stop()
        var result = CommandPythonGrowth(
            processes: found.largest.growths.values.sorted {
                ($1.grownBytes, $0.pid) < ($0.grownBytes, $1.pid)
            })
        result.leftOutCount = found.largest.leftOutCount
        // That most of a tree is no Python goes without saying.
        result.problems = PythonRefusal.allCases.filter { $0 != .notPython && $0 != .failed }
            .compactMap { reason in
                watcher.counts[reason].map {
                    PythonGrowth.Fault(reason: reason.phrase, count: Int(clamping: $0))
                }
            }
        return result
    }
}
