public import MemoryModel

/// Makes one kill of what the kernel's log, the cgroups' counts and the ends of processes say.
///
/// - A line of the log is a kill and names its victim; a process of that pid that ends by SIGKILL
///   about then confirms it.
/// - A count that rose without such a line is a kill, too. Its victim is known if as many
///   processes of that cgroup ended by SIGKILL as the count rose by; of several nobody knows.
///   Whose limit it was is then not known either.
///
/// A kill is handed out when all that can be known of it is, or after a short wait. What becomes
/// known later makes the same kill be handed out again, by the same time and pid; a kill without
/// a line of the log has no time of its own, and keeps the one at which it was first noticed.
/// The time is the caller's and must not go back. At each look give it the lines of the log first,
/// then the cgroups and the ends of processes, then take what is ready.
public struct KillCorrelator: Sendable {
    /// How long a kill waits for what else may come to be known of it.
    public static let waitMilliseconds: Int64 = 3_000
    /// Kills that were left out because too many waited at once.
    public private(set) var droppedCount: UInt64 = 0
    /// Ends of processes that were left out because too many were killed at once; kills may lack
    /// their runs for it.
    public private(set) var droppedExitCount: UInt64 = 0

    private let hostMemoryBytes: UInt64?
    private let maximumCandidates: Int
    private var candidates: [KillCandidate] = []
    /// Ends by SIGKILL that no kill is known for, by pid.
    private var exits: [Int32: KilledExit] = [:]
    private var counts: KillCounts
    /// Kills of long ago, of which nothing more will be known.
    private var old: [OutOfMemoryKill] = []
    private var report = KillReport()
    private var lastReport = KillReport()
    private var isGroup = false

    private static let maximumExits = 4_096
    private static let maximumOld = 16_384
    /// How long before the kill was noticed its victim may have ended.
    private static let earlyMilliseconds: Int64 = 10_000
    /// How long a victim may take to end: it may have much to give back.
    private static let lateMilliseconds: Int64 = 60_000

    /// A correlator that knows of nothing yet.
    ///
    /// - Parameters:
    ///   - hostMemoryBytes: The host's memory, which is the limit of a kill for want of it; nil if
    ///     not known.
    ///   - countsAreLocal: Whether a cgroup's count leaves out the cgroups below it
    ///     (`CgroupTree.countsKillsLocally`).
    ///   - maximumKills: Kills at most of which more may come to be known; those of long ago that
    ///     the log still tells of have a bound of their own.
    public init(hostMemoryBytes: UInt64?, countsAreLocal: Bool, maximumKills: Int = 1_024) {
        self.hostMemoryBytes = hostMemoryBytes
        maximumCandidates = maximumKills
        counts = KillCounts(areLocal: countsAreLocal)
    }

    /// Takes in a line of the kernel's log.
    ///
    /// - Parameters:
    ///   - event: The line; lines must come in their order.
    ///   - process: What is known of the process that has a pid now; nil if nothing is.
    public mutating func log(
        _ event: KernelLogEvent, process: (Int32) -> FollowedProcess? = { _ in nil }
    ) {
        switch event.line {
        case .invoked:
            report = KillReport()
            isGroup = false
        case .groupFollows:
            report = lastReport.forOthers
            isGroup = true
        case .killed(let victim):
            let kill = report.kill(of: victim, atMilliseconds: event.atMilliseconds)
            if !isGroup {
                lastReport = report
                report = KillReport()
            }
            take(kill, event, process)
        case .limit, .limitReached, .summary, .chosen:
            if isGroup {
                report = KillReport()
                isGroup = false
            }
            report.take(event.line)
        }
    }

    /// Takes in what a look at cgroups gave, once for each look.
    ///
    /// A count as it is first read is where counting begins.
    public mutating func observed(_ cgroups: [CgroupObservation], atMilliseconds now: Int64) {
        for rise in counts.observed(cgroups, at: now) {
            confirm(rise)
            explain(rise, at: now)
        }
    }

    /// Takes in the end of a process.
    ///
    /// - Parameters:
    ///   - process: What is known of it.
    ///   - signal: The signal that ended it; nil for none and if it is not known.
    ///   - now: When it ended.
    public mutating func ended(
        _ process: FollowedProcess, signal: Int32?, atMilliseconds now: Int64
    ) {
        guard signal == 9 else { return }
        let exit = KilledExit(process: process, atMilliseconds: now)
        if let index = candidates.firstIndex(where: { isVictim(exit, of: $0) }) {
            confirm(index, by: exit)
            return
        }
        guard exits.count < KillCorrelator.maximumExits else {
            droppedExitCount += 1
            return
        }
        exits[process.run.pid] = exit
    }

    /// Hands out the kills that are ready, ordered by time.
    public mutating func take(atMilliseconds now: Int64) -> [OutOfMemoryKill] {
        findVictims(at: now)
        var kills = old
        old.removeAll()
        for index in candidates.indices where isReady(candidates[index], at: now) {
            candidates[index].given = candidates[index].kill
            kills.append(candidates[index].kill)
        }
        candidates.removeAll {
            $0.given != nil && now - $0.noticedAtMilliseconds > KillCorrelator.lateMilliseconds
        }
        if !exits.isEmpty {
            exits = exits.filter {
                now - $0.value.atMilliseconds <= KillCorrelator.earlyMilliseconds
            }
        }
        return kills.sorted { ($0.atMilliseconds, $0.pid ?? 0) < ($1.atMilliseconds, $1.pid ?? 0) }
    }
}

// MARK: - Lines of the log

extension KillCorrelator {
    private mutating func take(
        _ logged: OutOfMemoryKill, _ event: KernelLogEvent,
        _ process: (Int32) -> FollowedProcess?
    ) {
        var kill = logged
        if kill.constraint == .host { kill.limitBytes = hostMemoryBytes }
        if let limit = kill.limitCgroup, kill.limitBytes == nil {
            kill.limitBytes = counts.limitBytes(of: limit)
        }
        // The kernel names a victim twice where its whole cgroup is killed.
        if let index = candidates.firstIndex(where: { isSame($0.kill, as: kill) }) {
            explain(candidates[index].place, since: event)
            return
        }
        var candidate = KillCandidate(
            kill: kill, noticedAtMilliseconds: event.readAtMilliseconds,
            notBeforeMilliseconds: event.isBacklog
                ? kill.atMilliseconds : event.readAtMilliseconds,
            place: kill.cgroup)
        candidate.notBeforeMilliseconds -= KillCorrelator.earlyMilliseconds
        guard !isOld(candidate, at: event.readAtMilliseconds) else {
            addOld(kill)
            return
        }
        if let pid = kill.pid, let exit = exits[pid], isVictim(exit, of: candidate) {
            exits[pid] = nil
            candidate.take(exit.process)
            candidate.kill.evidence.insert(.killedByExitRecord)
        } else if let pid = kill.pid, let followed = process(pid) {
            candidate.take(followed)
        }
        candidate.kill.cgroup = kill.cgroup ?? candidate.kill.cgroup
        candidate.place = candidate.kill.cgroup
        if let index = counted(matching: candidate) {
            merge(candidate, into: index)
            return
        }
        explain(candidate.place, since: event)
        add(candidate)
    }

    /// Keeps a kill of long ago, unless it is there already.
    private mutating func addOld(_ kill: OutOfMemoryKill) {
        guard !old.suffix(64).contains(where: { isSame($0, as: kill) }) else { return }
        guard old.count < KillCorrelator.maximumOld else {
            droppedCount += 1
            return
        }
        old.append(kill)
    }

    private func isSame(_ known: OutOfMemoryKill, as kill: OutOfMemoryKill) -> Bool {
        known.pid == kill.pid && known.evidence.contains(.kernelLog) && known.comm == kill.comm
            && abs(kill.atMilliseconds - known.atMilliseconds) < KillCorrelator.earlyMilliseconds
    }

    /// The kill that was noticed by a count and is the one of this line.
    private func counted(matching candidate: KillCandidate) -> Int? {
        let open = candidates.indices.filter {
            let other = candidates[$0]
            let delay = candidate.noticedAtMilliseconds - other.noticedAtMilliseconds
            guard !other.isFromLog, delay <= KillCorrelator.earlyMilliseconds else { return false }
            if candidate.kill.pid == other.kill.pid { return true }
            // What was handed out without a victim cannot get one.
            guard other.given == nil, other.kill.pid == nil else { return false }
            guard let place = candidate.place, let otherPlace = other.place else { return true }
            return place.isCgroup(atOrBelow: otherPlace)
        }
        return open.first { candidates[$0].kill.pid == candidate.kill.pid } ?? open.first
    }

    private mutating func merge(_ logged: KillCandidate, into index: Int) {
        let counted = candidates[index]
        var merged = logged
        merged.kill.evidence.formUnion(counted.kill.evidence)
        merged.kill.run = logged.kill.run ?? counted.kill.run
        merged.kill.lastPeakBytes = logged.kill.lastPeakBytes ?? counted.kill.lastPeakBytes
        if logged.kill.pid == counted.kill.pid {
            merged.kill.cgroup = logged.kill.cgroup ?? counted.kill.cgroup
        }
        merged.place = counted.place
        merged.isCounted = true
        merged.given = counted.given
        if counted.given != nil { merged.kill.atMilliseconds = counted.kill.atMilliseconds }
        candidates[index] = merged
    }
}

// MARK: - Counts of cgroups

extension KillCorrelator {
    /// Puts a rise down to kills that the log told of.
    private mutating func confirm(_ rise: KillCounts.Rise) {
        var remaining = rise.kills
        for index in candidates.indices where remaining > 0 {
            let candidate = candidates[index]
            guard candidate.isFromLog, !candidate.isCounted, let place = candidate.place,
                counts.isCounted(in: rise.path, place)
            else { continue }
            candidates[index].isCounted = true
            candidates[index].kill.evidence.insert(.cgroupEvents)
            remaining -= 1
        }
    }

    /// Finds or makes the kills that a count tells of and nothing else has told of.
    private mutating func explain(_ rise: KillCounts.Rise, at now: Int64) {
        let path = rise.path
        while counts.unexplained(in: path) > 0 {
            if let index = candidates.firstIndex(where: { isUnplaced($0, at: now) }) {
                candidates[index].place = path
                candidates[index].isCounted = true
                candidates[index].kill.evidence.insert(.cgroupEvents)
                counts.explain(1, in: path)
            } else if let index = candidates.firstIndex(where: { isAbove($0, path) }) {
                counts.explain(1, in: path, below: candidates[index].place)
                candidates[index].place = path
                candidates[index].kill.cgroup = path
            } else {
                var kill = OutOfMemoryKill(atMilliseconds: now, evidence: .cgroupEvents)
                kill.cgroup = path
                var candidate = KillCandidate(
                    kill: kill, noticedAtMilliseconds: now,
                    notBeforeMilliseconds: rise.notBeforeMilliseconds, place: path)
                candidate.isCounted = true
                guard add(candidate) else {
                    // There is no room for the rest either, and there never will be.
                    let rest = counts.unexplained(in: path)
                    droppedCount += rest - 1
                    counts.explain(rest, in: path)
                    return
                }
                counts.explain(1, in: path)
            }
        }
    }

    /// Whether the log told of a kill, but not in which cgroup.
    private func isUnplaced(_ candidate: KillCandidate, at now: Int64) -> Bool {
        candidate.isFromLog && candidate.place == nil && !candidate.isCounted
            && !isOld(candidate, at: now)
    }

    /// Whether a kill that only a count above `path` told of may have been in `path`, which was
    /// read a moment too early.
    private func isAbove(_ candidate: KillCandidate, _ path: RawText) -> Bool {
        guard !counts.areLocal, !candidate.isFromLog, candidate.given == nil,
            let place = candidate.place
        else { return false }
        return place != path && path.isCgroup(atOrBelow: place)
    }

    /// Says that the kill of a line is known, unless the count began after it.
    private mutating func explain(_ place: RawText?, since event: KernelLogEvent) {
        guard let place else { return }
        if event.isBacklog, let first = counts.firstAtMilliseconds(of: place),
            event.atMilliseconds < first
        {
            return
        }
        counts.explain(1, in: place)
    }
}

// MARK: - Victims and handing out

extension KillCorrelator {
    private func isVictim(_ exit: KilledExit, of candidate: KillCandidate) -> Bool {
        guard candidate.isFromLog, !candidate.isFromExit,
            candidate.kill.pid == exit.process.run.pid
        else { return false }
        let latest =
            candidate.notBeforeMilliseconds + KillCorrelator.earlyMilliseconds
            + KillCorrelator.lateMilliseconds
        return (candidate.notBeforeMilliseconds...latest).contains(exit.atMilliseconds)
    }

    private mutating func confirm(_ index: Int, by exit: KilledExit) {
        let told = candidates[index].kill.cgroup
        candidates[index].take(exit.process)
        candidates[index].kill.cgroup = told ?? candidates[index].kill.cgroup
        candidates[index].kill.evidence.insert(.killedByExitRecord)
        if candidates[index].place == nil, let place = candidates[index].kill.cgroup {
            candidates[index].place = place
            counts.explain(1, in: place)
        }
    }

    /// Looks for the victims of kills that only counts told of, once they waited long enough.
    private mutating func findVictims(at now: Int64) {
        let places = Set(candidates.filter { isWaitingForVictim($0, at: now) }.map(\.place))
        let ordered = places.compactMap { $0 }
            .sorted { ($0.bytes.count, $0) > ($1.bytes.count, $1) }
        for place in ordered {
            let waiting = candidates.indices.filter {
                candidates[$0].place == place && isWaitingForVictim(candidates[$0], at: now)
            }
            let notBefore = waiting.map { candidates[$0].notBeforeMilliseconds }.min() ?? now
            let found = exits.values.filter { exit in
                guard let cgroup = exit.process.cgroup, exit.atMilliseconds >= notBefore else {
                    return false
                }
                return counts.isCounted(in: place, cgroup)
            }
            .sorted {
                ($0.atMilliseconds, $0.process.run) < ($1.atMilliseconds, $1.process.run)
            }
            // More ends by SIGKILL than kills: some are somebody else's work.
            guard found.count <= waiting.count else { continue }
            for (candidate, exit) in zip(waiting, found) {
                exits[exit.process.run.pid] = nil
                candidates[candidate].take(exit.process)
                candidates[candidate].kill.evidence.insert(.killedByExitRecord)
            }
        }
    }

    private func isWaitingForVictim(_ candidate: KillCandidate, at now: Int64) -> Bool {
        !candidate.isFromLog && candidate.given == nil
            && now - candidate.noticedAtMilliseconds >= KillCorrelator.waitMilliseconds
    }

    private func isReady(_ candidate: KillCandidate, at now: Int64) -> Bool {
        if let given = candidate.given { return given != candidate.kill }
        if now - candidate.noticedAtMilliseconds >= KillCorrelator.waitMilliseconds { return true }
        guard candidate.isFromLog else { return false }
        let isCounted =
            candidate.isCounted || candidate.place.map { !counts.isFollowed($0) } ?? false
        return candidate.isFromExit && isCounted
    }

    /// Whether the log told of a kill only long after it.
    private func isOld(_ candidate: KillCandidate, at now: Int64) -> Bool {
        now - candidate.notBeforeMilliseconds > 2 * KillCorrelator.earlyMilliseconds
    }

    /// Keeps a kill; returns false if there is no room.
    @discardableResult
    private mutating func add(_ candidate: KillCandidate) -> Bool {
        if candidates.count >= maximumCandidates,
            let index = candidates.firstIndex(where: { $0.given != nil })
        {
            candidates.remove(at: index)
        }
        guard candidates.count < maximumCandidates else {
            droppedCount += 1
            return false
        }
        candidates.append(candidate)
        return true
    }
}
