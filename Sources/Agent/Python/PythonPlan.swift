import MemoryModel
import PythonStacks

/// Which processes are watched for what of their Python code runs while they grow, and when each
/// of them is looked at.
///
/// Pure: what looks at all of them saw goes in, and what watching came to; what to do next comes
/// out, one thing at a time. Processes that have grown most are watched, at most so many at a time.
/// What turns out to be no Python, or not readable, is remembered. All of it together keeps to a
/// share of a processor.
struct PythonPlan: Sendable {
    /// What to do now.
    enum Action: Hashable, Sendable {
        /// Begin to watch a process.
        case begin(ProcessKey)
        /// Look at one that is watched.
        case look(ProcessKey)
        /// Hand over what was found of it until now.
        case tell(ProcessKey)
        /// Hand it over for the last time and watch it no more; its run may go on all the same.
        case end(ProcessKey, runGoesOn: Bool)
        /// Wait so long, or for the next sight; nil for as long as that takes.
        case wait(milliseconds: Int64?)
    }

    private struct Known {
        /// The least it held since it was seen; nil before its first figure.
        var baseBytes: UInt64?
        var lastBytes: UInt64 = 0
        /// What it grew by beyond earlier bases, of which no watch knows.
        var missedBytes: UInt64 = 0
        /// Before then it is not tried again.
        var triedAgainAt: Int64?
        var hadNoRoom = false
    }

    private struct Watch {
        var nextLookAt: Int64
        var grownBytes: UInt64 = 0
        var residentBytes: UInt64 = 0
        var toldBytes: UInt64 = 0
        var toldAt: Int64
        /// When it grew last, or was begun with.
        var grewAt: Int64
        var isParked = false
    }

    let settings: Settings
    /// What was not watched, by reason, in runs.
    private(set) var counts: [PythonRefusal: UInt64] = [:]
    /// How many runs were watched.
    private(set) var watchedCount: UInt64 = 0

    private var known: [ProcessKey: Known] = [:]
    private var hasSeen = false
    private var candidates: [ProcessKey] = []
    private var watches: [ProcessKey: Watch] = [:]
    private var ending: [(key: ProcessKey, runGoesOn: Bool)] = []
    private var allowance: ProcessorAllowance
    private var quietAllowance: ProcessorAllowance

    init(settings: Settings) {
        self.settings = settings
        allowance = ProcessorAllowance(
            nanosecondsPerMillisecond: settings.nanosecondsPerMillisecond,
            maximumNanoseconds: settings.nanosecondsPerMillisecond * 2_000)
        quietAllowance = ProcessorAllowance(
            nanosecondsPerMillisecond: settings.quietNanosecondsPerMillisecond,
            maximumNanoseconds: settings.quietNanosecondsPerMillisecond * 5_000)
    }

    /// How many processes are watched.
    var watchCount: Int { watches.count }

    // MARK: What is seen

    /// Takes in what a look at all processes found.
    mutating func noted(_ sight: PythonSight, at now: Int64) {
        for key in sight.ended { end(key) }
        if sight.isCut {
            // Who has ended is not known; those that live are seen again.
            known = known.filter { watches[$0.key] != nil }
            candidates = []
            // A watch whose end is among what is missing finds out by looking.
            for key in watches.keys where watches[key]?.isParked == true {
                watches[key]?.isParked = false
            }
        }
        for run in sight.started where known.count < settings.maximumKnown {
            // What was there before the first look may have grown at any time.
            known[run.key] = Known(baseBytes: hasSeen ? run.description.inheritedBytes ?? 0 : nil)
        }
        hasSeen = true
        var grown: [(key: ProcessKey, bytes: UInt64)] = []
        var unseen = Set(candidates)
        for observation in sight.observed {
            guard let bytes = observation.residentBytes else { continue }
            unseen.remove(observation.key)
            if let growth = grew(observation.key, to: bytes, at: now) {
                grown.append((observation.key, growth))
            }
        }
        // Whoever was not seen this time is still waiting if it was; who gave back is not.
        for key in candidates where unseen.contains(key) {
            guard let known = known[key], let base = known.baseBytes else { continue }
            grown.append((key, known.lastBytes - min(base, known.lastBytes)))
        }
        grown.sort { ($1.bytes, $0.key) < ($0.bytes, $1.key) }
        candidates = grown.prefix(settings.maximumCandidates).map(\.key)
    }

    /// Takes note of what a process holds; returns what it has grown by if it is to be watched.
    private mutating func grew(
        _ key: ProcessKey, to bytes: UInt64, at now: Int64
    ) -> UInt64? {
        if let watch = watches[key] {
            if watch.isParked, bytes >= watch.residentBytes + settings.wakeBytes {
                watches[key]?.isParked = false
                watches[key]?.nextLookAt = now
            }
            known[key]?.lastBytes = bytes
            return nil
        }
        guard var known = known[key] ?? (known.count < settings.maximumKnown ? Known() : nil)
        else { return nil }
        defer { self.known[key] = known }
        known.lastBytes = bytes
        let base = min(known.baseBytes ?? bytes, bytes)
        known.baseBytes = base
        guard bytes - base >= settings.thresholdBytes, known.triedAgainAt.map({ now >= $0 }) ?? true
        else { return nil }
        return bytes - base
    }

    private mutating func end(_ key: ProcessKey) {
        known[key] = nil
        candidates.removeAll { $0 == key }
        guard watches.removeValue(forKey: key) != nil else { return }
        ending.append((key, runGoesOn: false))
    }

    // MARK: What to do

    /// What to do now; what comes of it is to be told before it is asked again.
    mutating func next(at now: Int64) -> Action {
        if !ending.isEmpty {
            let end = ending.removeFirst()
            return .end(end.key, runGoesOn: end.runGoesOn)
        }
        let pause = allowance.waitMilliseconds(at: now)
        guard pause == 0 else { return .wait(milliseconds: pause) }
        if let key = dueTelling(at: now) {
            return .tell(key)
        }
        if let key = dueLook(at: now) { return .look(key) }
        while let key = candidates.first {
            if watches.count < settings.maximumWatches {
                candidates.removeFirst()
                return .begin(key)
            }
            if let idle = leastNeeded(at: now) {
                leave(idle, at: now)
                return .end(idle, runGoesOn: true)
            }
            candidates.removeFirst()
            if known[key]?.hadNoRoom == false {
                known[key]?.hadNoRoom = true
                counts[.withoutRoom, default: 0] += 1
            }
        }
        return .wait(milliseconds: nextDue(at: now))
    }

    /// A run whose growth is to be handed over now; it is taken for done.
    private mutating func dueTelling(at now: Int64) -> ProcessKey? {
        let due = watches.filter {
            $0.value.grownBytes != $0.value.toldBytes
                && now - $0.value.toldAt >= settings.tellIntervalMilliseconds
        }.min { ($0.value.toldAt, $0.key) < ($1.value.toldAt, $1.key) }
        guard let due else { return nil }
        watches[due.key]?.toldAt = now
        watches[due.key]?.toldBytes = due.value.grownBytes
        return due.key
    }

    private func dueLook(at now: Int64) -> ProcessKey? {
        let mayBeQuiet = quietAllowance.waitMilliseconds(at: now) == 0
        return watches.filter {
            !$0.value.isParked && $0.value.nextLookAt <= now
                && (mayBeQuiet || isGrowing($0.value, at: now))
        }.min { ($0.value.nextLookAt, $0.key) < ($1.value.nextLookAt, $1.key) }?.key
    }

    private func isGrowing(_ watch: Watch, at now: Int64) -> Bool {
        now - watch.grewAt <= settings.growingMilliseconds
    }

    /// Of the watches that have not grown for long, the one that found least.
    private func leastNeeded(at now: Int64) -> ProcessKey? {
        watches.filter { now - $0.value.grewAt >= settings.yieldAfterMilliseconds }
            .min { ($0.value.grownBytes, $0.key) < ($1.value.grownBytes, $1.key) }?.key
    }

    /// Watches a process no more, until it has grown again.
    private mutating func leave(_ key: ProcessKey, at now: Int64) {
        guard let watch = watches.removeValue(forKey: key) else { return }
        rebase(key, watchedBytes: watch.residentBytes)
    }

    /// Has growth begin at what a watch has counted up to, so that none counts twice; a look at all
    /// processes may have been before its last one.
    private mutating func rebase(_ key: ProcessKey, watchedBytes: UInt64) {
        guard let bytes = known[key]?.lastBytes else { return }
        known[key]?.baseBytes = watchedBytes > 0 ? watchedBytes : bytes
    }

    private func nextDue(at now: Int64) -> Int64? {
        let quietPause = quietAllowance.waitMilliseconds(at: now)
        let looks = watches.values.filter { !$0.isParked }.map { watch in
            max(watch.nextLookAt - now, isGrowing(watch, at: now) ? 0 : quietPause)
        }
        let tellings = watches.values.filter { $0.grownBytes != $0.toldBytes }.map {
            $0.toldAt + settings.tellIntervalMilliseconds - now
        }
        return (looks + tellings).min().map { max(1, $0) }
    }

    // MARK: What came of it

    /// What a process that is to be watched has grown by since it was seen, as far as no watch has
    /// counted it; nil where that is not known.
    func earlierGrowth(of key: ProcessKey) -> GrowthLedger.EarlierGrowth? {
        guard let known = known[key], let base = known.baseBytes else { return nil }
        return GrowthLedger.EarlierGrowth(
            grownBytes: known.missedBytes.saturatingSum(
                known.lastBytes - min(base, known.lastBytes)),
            residentBytes: known.lastBytes)
    }

    /// Takes note that watching has begun.
    mutating func began(_ key: ProcessKey, at now: Int64) {
        watchedCount += 1
        known[key]?.missedBytes = 0
        watches[key] = Watch(nextLookAt: now, toldAt: now, grewAt: now)
    }

    /// Takes note that it could not begin.
    mutating func refused(_ key: ProcessKey, _ reason: PythonRefusal, at now: Int64) {
        // Only what grows again is worth another try, and that not soon.
        if let growth = earlierGrowth(of: key) {
            known[key]?.missedBytes = growth.grownBytes
            known[key]?.baseBytes = growth.residentBytes
        }
        if known[key]?.triedAgainAt == nil { counts[reason, default: 0] += 1 }
        known[key]?.triedAgainAt = now + settings.retryMilliseconds
    }

    /// Takes note of a look.
    ///
    /// - Parameters:
    ///   - key: The process.
    ///   - waitMilliseconds: When it wants to be looked at again; nil if it can be no more.
    ///   - hasEnded: Whether it is known to have ended.
    ///   - grownBytes: All growth that was found until now.
    ///   - residentBytes: What it holds.
    ///   - now: The time.
    mutating func looked(
        _ key: ProcessKey, waitMilliseconds: Int64?, hasEnded: Bool = false, grownBytes: UInt64,
        residentBytes: UInt64, at now: Int64
    ) {
        guard var watch = watches[key] else { return }
        guard let waitMilliseconds else {
            watches[key] = nil
            ending.append((key, runGoesOn: !hasEnded))
            rebase(key, watchedBytes: residentBytes)
            known[key]?.triedAgainAt = now + settings.retryMilliseconds
            return
        }
        watch.residentBytes = residentBytes
        if grownBytes != watch.grownBytes {
            watch.grownBytes = grownBytes
            watch.grewAt = now
        }
        watch.nextLookAt = now + waitMilliseconds
        watch.isParked = now - watch.grewAt >= settings.parkAfterMilliseconds
        watches[key] = watch
    }

    /// Takes note of processor time that was spent, by looks that found no growth if `isQuiet`.
    mutating func spent(nanoseconds: Int64, isQuiet: Bool, at now: Int64) {
        allowance.spend(nanoseconds: nanoseconds, at: now)
        if isQuiet { quietAllowance.spend(nanoseconds: nanoseconds, at: now) }
    }

    /// Watches nothing any more; what is to be handed over comes out of `next`.
    mutating func stop() {
        for key in watches.keys.sorted() { ending.append((key, runGoesOn: true)) }
        watches = [:]
        candidates = []
    }
}
