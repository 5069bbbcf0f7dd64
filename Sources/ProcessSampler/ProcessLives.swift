import MemoryModel

/// One life of a pid that is not followed: from fork to exit, as far as events told of it.
struct ProcessLife: Equatable {
    /// The pid.
    var pid: Int32
    /// How it was made; nil if that was not told.
    var fork: ForkedProcess?
    /// What it executed, in order.
    var images: [ExecutedImage] = []
    /// How it ended; nil while it lives as far as was told.
    var end: EndedProcess?
    /// When it was last told of, as `BootClock` counts.
    var toldAtMilliseconds: Int64 = 0

    /// The start in clock ticks since boot that was read while it lived; nil if none was.
    var startTicks: UInt64? { images.lazy.compactMap { $0.details?.startTicks }.first }
}

/// Puts together what the kernel tells of processes: whose exec it was, and whose end.
///
/// Events of fork and exec come from one source in their order, and records of exits from
/// another, a little later. A pid may be used again in between.
struct ProcessLives {
    /// What is to be done, in this order.
    struct Outcome: Equatable {
        /// What followed processes executed, in order.
        var executed: [ExecutedImage] = []
        /// Followed processes that ended.
        var ended: [EndedProcess] = []
        /// Processes that were never followed and are over.
        var finished: [ProcessLife] = []
    }

    /// Lives that are not over and are not followed, the oldest first for each pid.
    private(set) var lives: [Int32: [ProcessLife]] = [:]
    private let ticksPerSecond: UInt64
    /// A start in ticks is cut to whole ones.
    private let tickMilliseconds: Int64
    private let maximumLives: Int

    /// How far two ways of telling the start of a process may lie apart beyond what each of them
    /// leaves open, because clocks are read one after the other.
    private static let toleranceMilliseconds: Int64 = 5
    /// How long a life is kept of which nothing more is told.
    private static let patienceMilliseconds: Int64 = 60_000

    /// No lives yet.
    init(ticksPerSecond: UInt64, maximumLives: Int = 65_536) {
        self.ticksPerSecond = ticksPerSecond
        tickMilliseconds = Int64(1_000 / max(ticksPerSecond, 1)) + 1
        self.maximumLives = maximumLives
    }

    /// The pids of which something is known and which are not followed.
    var pids: [Int32] { lives.keys.sorted() }

    /// What is known of the process with this pid and start; it is followed from now on.
    mutating func take(pid: Int32, startTicks: UInt64) -> ProcessLife? {
        guard var known = lives[pid] else { return nil }
        let place = known.lastIndex { life in
            life.startTicks.map { $0 == startTicks } ?? isNear(life, startTicks)
        }
        // Others before it have ended, and their records are under way.
        let life = place.map { known.remove(at: $0) }
        lives[pid] = known.isEmpty ? nil : known
        return life
    }

    private func isNear(_ life: ProcessLife, _ startTicks: UInt64) -> Bool {
        guard let forked = life.fork?.atMilliseconds else { return true }
        let start = Int64(clamping: startTicks &* 1_000 / ticksPerSecond)
        let tolerance = ProcessLives.toleranceMilliseconds
        return forked >= start - tolerance && forked <= start + tickMilliseconds + tolerance
    }

    /// Takes in events.
    ///
    /// - Parameters:
    ///   - events: What the kernel told since the last time.
    ///   - now: The present, as `BootClock` counts.
    ///   - suspendedMilliseconds: How long the host was suspended since boot.
    ///   - followedStart: The start in ticks of the process with a pid that is followed.
    /// - Returns: What is to be done with followed processes, and what came and went.
    mutating func take(
        _ events: KernelEvents, at now: Int64, suspendedMilliseconds: Int64,
        followedStart: (Int32) -> UInt64?
    ) -> Outcome {
        var outcome = Outcome()
        takeForksAndExecs(events, now, &outcome, followedStart)
        var endedFollowed: Set<Int32> = []
        let ends = events.ended.sorted { left, right in
            // Those that were learned together can only be told apart by their starts.
            if left.endedAtMilliseconds != right.endedAtMilliseconds {
                return left.endedAtMilliseconds < right.endedAtMilliseconds
            }
            return (left.startMonotonicMilliseconds ?? .max)
                < (right.startMonotonicMilliseconds ?? .max)
        }
        for end in ends {
            if !endedFollowed.contains(end.pid), let ticks = followedStart(end.pid),
                agrees(end, startTicks: ticks, suspendedMilliseconds)
            {
                endedFollowed.insert(end.pid)
                outcome.ended.append(end)
            } else {
                outcome.finished.append(finish(end, suspendedMilliseconds))
            }
        }
        forgetOld(now)
        return outcome
    }

    private mutating func takeForksAndExecs(
        _ events: KernelEvents, _ now: Int64, _ outcome: inout Outcome,
        _ followedStart: (Int32) -> UInt64?
    ) {
        var forks = events.forked[...]
        for image in events.executed {
            while let fork = forks.first, fork.monotonicMilliseconds <= image.monotonicMilliseconds
            {
                begin(fork, now)
                forks.removeFirst()
            }
            execute(image, now, &outcome, followedStart)
        }
        for fork in forks { begin(fork, now) }
    }

    private mutating func begin(_ fork: ForkedProcess, _ now: Int64) {
        guard lives.count < maximumLives else { return }
        lives[fork.pid, default: []].append(
            ProcessLife(pid: fork.pid, fork: fork, toldAtMilliseconds: now))
    }

    private mutating func execute(
        _ image: ExecutedImage, _ now: Int64, _ outcome: inout Outcome,
        _ followedStart: (Int32) -> UInt64?
    ) {
        if let last = lives[image.pid]?.indices.last {
            lives[image.pid]?[last].images.append(image)
            lives[image.pid]?[last].toldAtMilliseconds = now
        } else if let start = followedStart(image.pid),
            image.details.map({ $0.startTicks == start }) ?? true
        {
            outcome.executed.append(image)
        } else if lives.count < maximumLives {
            lives[image.pid] = [
                ProcessLife(pid: image.pid, images: [image], toldAtMilliseconds: now)
            ]
        }
    }

    /// The life that ended: the first one of its pid that can have begun then.
    private mutating func finish(
        _ end: EndedProcess, _ suspended: Int64
    ) -> ProcessLife {
        var known = lives[end.pid] ?? []
        let place = known.firstIndex { agrees(end, $0, suspended) }
        var life = place.map { known.remove(at: $0) } ?? ProcessLife(pid: end.pid)
        lives[end.pid] = known.isEmpty ? nil : known
        life.end = end
        return life
    }

    private func agrees(
        _ end: EndedProcess, _ life: ProcessLife, _ suspended: Int64
    ) -> Bool {
        if let fork = life.fork { return agrees(end, startMonotonic: fork.monotonicMilliseconds) }
        guard let ticks = life.startTicks else { return true }
        return agrees(end, startTicks: ticks, suspended)
    }

    private func agrees(_ end: EndedProcess, startMonotonic: Int64) -> Bool {
        guard let start = end.startMonotonicMilliseconds else { return true }
        return abs(start - startMonotonic)
            <= end.startUncertaintyMilliseconds + ProcessLives.toleranceMilliseconds
    }

    /// Whether a process that began at `startTicks` can be the one that ended.
    ///
    /// Ticks count suspended time and the record does not. How much of it lay before the start
    /// nobody knows, so that much is left open.
    private func agrees(
        _ end: EndedProcess, startTicks: UInt64, _ suspended: Int64
    ) -> Bool {
        guard let start = end.startMonotonicMilliseconds else { return true }
        let boot = Int64(clamping: startTicks &* 1_000 / ticksPerSecond)
        let tolerance = end.startUncertaintyMilliseconds + ProcessLives.toleranceMilliseconds
        return start <= boot + tickMilliseconds + tolerance
            && start >= boot - suspended - tolerance
    }

    private mutating func forgetOld(_ now: Int64) {
        guard !lives.isEmpty else { return }
        let limit = now - ProcessLives.patienceMilliseconds
        lives = lives.filter { $0.value.contains { $0.toldAtMilliseconds >= limit } }
    }
}
