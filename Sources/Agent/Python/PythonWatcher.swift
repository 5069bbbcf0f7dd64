import MemoryModel
import ProcessSampler
import PythonStacks

/// Watches Python programs as a `PythonPlan` says, on the thread that calls it.
final class PythonWatcher {
    /// What it says of itself.
    enum Note: Hashable, Sendable {
        /// A process is watched from now on.
        case watching(pid: Int32, name: RawText?, version: String)
        /// A process that has grown is not: why, and for some reasons the details.
        case refused(pid: Int32, PythonRefusal, details: String)
    }

    /// Is told of each process that is about to be read, which may take long.
    var willRead: (Int32) -> Void = { _ in }
    /// Whether stacks and what functions held are handed over, too, and not the lines alone.
    var isWhole = true
    /// Is told what it says of itself.
    var note: (Note) -> Void = { _ in }

    private let root: ProcRoot
    private let maximumLines: Int
    private let ledger: GrowthLedger.Settings
    private let tell: (ProcessKey, PythonGrowth) -> Void
    private var plan: PythonPlan
    private var watches: [ProcessKey: GrowthWatch] = [:]
    /// What was found of runs that are watched no more and go on.
    private var earlier = KeptGrowths()

    /// Takes a tree of processes, and where to hand over what is found: of each kind the largest
    /// `maximumLines`.
    init(
        root: ProcRoot, plan: PythonPlan.Settings, ledger: GrowthLedger.Settings,
        maximumLines: Int, tell: @escaping (ProcessKey, PythonGrowth) -> Void
    ) {
        self.root = root
        self.plan = PythonPlan(settings: plan)
        self.ledger = ledger
        self.maximumLines = maximumLines
        self.tell = tell
    }

    /// What was not watched, by reason, in runs.
    var counts: [PythonRefusal: UInt64] { plan.counts }
    /// Whether a run is watched, so that its end is still to be told.
    func isWatching(_ key: ProcessKey) -> Bool { watches[key] != nil }
    /// How many runs were watched.
    var watchedCount: UInt64 { plan.watchedCount }

    /// Takes in what a look at all processes found.
    func noted(_ sight: PythonSight) {
        let begin = OwnProcessor.threadNanoseconds()
        // What is still watched needs what was found before for its end.
        for key in sight.ended where watches[key] == nil { earlier.forget(key) }
        if sight.isCut {
            // Who has ended is not said; those that live are seen.
            let seen = Set(sight.observed.map(\.key))
            earlier.forgetAll { seen.contains($0) || watches[$0] != nil }
        }
        let now = BootClock.nowMilliseconds()
        plan.noted(sight, at: now)
        plan.spent(
            nanoseconds: OwnProcessor.threadNanoseconds() - begin, isQuiet: false, at: now)
    }

    /// Does one thing that is due; returns how long nothing is, nil for until the next sight.
    func step() -> Int64? {
        let begin = OwnProcessor.threadNanoseconds()
        var isQuiet = false
        switch plan.next(at: BootClock.nowMilliseconds()) {
        case .wait(let milliseconds): return milliseconds
        case .begin(let key): self.begin(key)
        case .look(let key): isQuiet = !look(key)
        case .tell(let key):
            if let watch = watches[key] { handOver(key, watch.result()) }
        case .end(let key, let runGoesOn): end(key, runGoesOn: runGoesOn)
        }
        plan.spent(
            nanoseconds: OwnProcessor.threadNanoseconds() - begin, isQuiet: isQuiet,
            at: BootClock.nowMilliseconds())
        return 0
    }

    /// Hands over what is left, and watches nothing any more.
    ///
    /// One process whose pages never come keeps it waiting for ever. What is known of the others is
    /// handed over before any is read, and what is found of each before the next one is.
    func stop() {
        for (key, watch) in watches.sorted(by: { $0.key < $1.key }) {
            handOver(key, watch.result())
        }
        plan.stop()
        while case .end(let key, var runGoesOn) = plan.next(at: BootClock.nowMilliseconds()) {
            // What has ended since says so, and what grew since is counted.
            if runGoesOn, let watch = watches[key] {
                willRead(key.pid)
                if watch.look() == .ended || watch.hasBegunAnew { runGoesOn = false }
            }
            end(key, runGoesOn: runGoesOn)
        }
    }

    private func begin(_ key: ProcessKey) {
        willRead(key.pid)
        do throws(GrowthWatchError) {
            let watch = try GrowthWatch(
                pid: key.pid, root: root, settings: ledger, limits: .small,
                earlier: plan.earlierGrowth(of: key))
            // Since the look that saw it grow, its pid may have become another's.
            guard watch.startTicks == key.startTicks else { throw .gone(pid: key.pid) }
            watches[key] = watch
            plan.began(key, at: BootClock.nowMilliseconds())
            note(
                .watching(pid: key.pid, name: watch.processName, version: watch.pythonVersion))
        } catch {
            let (reason, details) = PythonWatcher.refusal(error)
            plan.refused(key, reason, at: BootClock.nowMilliseconds())
            note(.refused(pid: key.pid, reason, details: details))
        }
    }

    /// Looks at a process; returns whether it has grown.
    private func look(_ key: ProcessKey) -> Bool {
        guard let watch = watches[key] else { return false }
        willRead(key.pid)
        let before = watch.grownBytes
        let outcome = watch.look()
        var wait: Int64?
        // Another interpreter is another run, which the looks at all processes will tell of.
        if case .goesOn(let milliseconds) = outcome, !watch.hasBegunAnew { wait = milliseconds }
        plan.looked(
            key, waitMilliseconds: wait, hasEnded: outcome == .ended || watch.hasBegunAnew,
            grownBytes: watch.grownBytes, residentBytes: watch.residentBytes,
            at: BootClock.nowMilliseconds())
        return watch.grownBytes != before
    }

    private func end(_ key: ProcessKey, runGoesOn: Bool) {
        guard let watch = watches.removeValue(forKey: key) else { return }
        var growth = watch.result()
        growth.hasEnded = growth.hasEnded || !runGoesOn
        handOver(key, growth)
        guard runGoesOn else { return earlier.forget(key) }
        let kept = (earlier[key].map { growth.adding($0) } ?? growth).keeping(maximumLines)
        earlier.keep(isWhole ? kept : kept.linesAlone, of: key)
    }

    private func handOver(_ key: ProcessKey, _ growth: PythonGrowth) {
        let whole = earlier[key].map { growth.adding($0) } ?? growth
        guard whole.grownBytes > 0 else { return }
        tell(key, whole.keeping(maximumLines))
    }

    private static func refusal(_ error: GrowthWatchError) -> (PythonRefusal, String) {
        switch error {
        case .gone: (.failed, "it has ended")
        case .withoutMemory: (.failed, "it has no memory of its own")
        case .failed(_, let code): (.failed, "error \(code)")
        case .refused: (.refused, "")
        case .noPython(_, let name):
            (.notPython, name.map { String(decoding: $0.bytes, as: UTF8.self) } ?? "")
        case .unsupported(_, let reason): (.unsupported, reason)
        }
    }
}
