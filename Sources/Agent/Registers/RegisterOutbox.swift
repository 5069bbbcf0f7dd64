import MemoryModel
import Wire

/// What an agent has to tell beside its runs: sums, cgroups, kills, gaps, parts of runs and its own
/// health.
///
/// All of it is state that a collector acknowledges. What rises all the time is told in turns,
/// some seconds apart; a kill and the agent's health are told at once.
struct RegisterOutbox {
    /// A sum in an hour.
    private struct TotalKey: Hashable {
        var hour: Int64
        var subject: TotalSubject
    }

    /// The name of a kill within a boot.
    private struct KillKey: Hashable {
        var atMilliseconds: Int64
        var pid: Int32?
    }

    private var totals = DueRegisters<TotalKey, TotalPeak>()
    private var cgroups = DueRegisters<CgroupKey, CgroupState>()
    private var kills = DueRegisters<KillKey, OutOfMemoryKill>()
    private var gaps = GapRegisters()
    private var healths = DueRegisters<Bool, AgentHealth>()
    /// What is known of parts of runs.
    var parts = PartRegisters()

    private var isTurn = false
    private var nextTurnMilliseconds: Int64 = .min
    private var cgroupsSeenAtMilliseconds: Int64 = .min
    private var hours: Set<Int64> = []
    private var cgroupsLeftOut = DistinctCount()
    private var droppedTotals: UInt64 = 0

    private var refusedOfCgroups: UInt64 = 0

    /// Impossible figures of cgroups and sections that were refused.
    var refusedCount: UInt64 { refusedOfCgroups + parts.refusedCount }

    /// Time between two turns.
    static let turnMilliseconds: Int64 = 10_000
    /// The most sums, those of past hours included.
    static let maximumTotals = 32_768
    /// The most hours of which sums are held.
    static let maximumHours = 26
    /// The most cgroups.
    static let maximumCgroups = 8_192
    /// The most kills.
    static let maximumKills = 1_024
    /// How long a cgroup may go unseen, while others are seen, until it is taken for gone.
    static let cgroupPatienceMilliseconds: Int64 = 120_000

    /// Sums and cgroups that were left out or dropped for want of room.
    var overLimitCount: UInt64 { cgroupsLeftOut.count + droppedTotals }

    /// Rises with every change of what a state file would hold of it: all but the health.
    var changeCount: UInt64 {
        totals.changeCount &+ cgroups.changeCount &+ kills.changeCount
            &+ gaps.registers.changeCount &+ parts.changeCount
    }

    /// What is held of sums, cgroups, kills and parts of runs, in bytes.
    ///
    /// Sums share their names with runs; of a cgroup's path 32 bytes are reckoned.
    var bytes: Int {
        totals.bytes + cgroups.bytes + cgroups.count * HeldBytes.block(32 + 32) + kills.bytes
            + parts.bytes
    }

    /// Whether all that is held of sums, cgroups, kills, gaps and parts of runs is acknowledged.
    var isAcknowledged: Bool {
        totals.isAcknowledged && cgroups.isAcknowledged && kills.isAcknowledged
            && gaps.registers.isAcknowledged && parts.isAcknowledged
    }

    /// How much is held, for tests of the bounds.
    var counts: (totals: Int, cgroups: Int, kills: Int, gaps: Int) {
        (totals.count, cgroups.count, kills.count, gaps.registers.count)
    }

    // MARK: Facts in

    /// Whether it is time for a turn.
    func isTurnDue(atMilliseconds now: Int64) -> Bool { now >= nextTurnMilliseconds }

    /// Begins a turn: what has gathered may be sent.
    mutating func beginTurn(atMilliseconds now: Int64) {
        nextTurnMilliseconds = now &+ RegisterOutbox.turnMilliseconds
        isTurn = true
        retireCgroups()
    }

    /// Takes in registers of the hour of the moment.
    mutating func set(_ registers: [TotalRegister], hour: Int64) {
        hours.insert(hour)
        for register in registers {
            let key = TotalKey(hour: hour, subject: register.subject)
            // A clock that was set back comes to an hour again, whose greatest sum stays.
            let isKnown = totals.modify(key) { known in
                guard known < register.peak else { return false }
                known = register.peak
                return true
            }
            if !isKnown { totals.set(register.peak, for: key) }
        }
        dropTotals()
    }

    /// Takes in the last registers of an hour that is over.
    mutating func close(hour: Int64, _ registers: [TotalRegister]) {
        set(registers, hour: hour)
        for key in Array(totals.keys) where key.hour == hour { totals.retire(key) }
        hours = Set(totals.keys.map(\.hour))
        isTurn = true
    }

    /// Takes in what was seen of cgroups.
    mutating func observe(
        _ observations: [CgroupObservation], limits: PeakLimits, atMilliseconds now: Int64
    ) {
        guard !observations.isEmpty else { return }
        cgroupsSeenAtMilliseconds = now
        for observation in observations {
            observe(believed(observation, limits), atMilliseconds: now)
        }
    }

    private mutating func observe(_ seen: CgroupObservation, atMilliseconds now: Int64) {
        guard CgroupState.versions.contains(seen.version) else { return }
        let key = CgroupKey(path: seen.path, inode: seen.inode)
        let isKnown = cgroups.modify(key) { $0.observe(seen, atMilliseconds: now) }
        guard !isKnown else { return }
        guard cgroups.count < RegisterOutbox.maximumCgroups else {
            cgroupsLeftOut.note(key)
            return
        }
        var state = CgroupState(seen, atMilliseconds: now)
        _ = state.observe(seen, atMilliseconds: now)
        cgroups.set(state, for: key)
    }

    /// Without what cannot be true of a cgroup.
    private mutating func believed(
        _ seen: CgroupObservation, _ limits: PeakLimits
    ) -> CgroupObservation {
        func isBelieved(_ bytes: UInt64?) -> Bool { bytes.map(limits.accepts) ?? true }
        guard !isBelieved(seen.markBytes) || !isBelieved(seen.currentBytes) else { return seen }
        refusedOfCgroups += 1
        var seen = seen
        if !isBelieved(seen.markBytes) { seen.markBytes = nil }
        if !isBelieved(seen.currentBytes) { seen.currentBytes = nil }
        return seen
    }

    /// Lets go of cgroups that others outlived.
    private mutating func retireCgroups() {
        let oldest = cgroupsSeenAtMilliseconds &- RegisterOutbox.cgroupPatienceMilliseconds
        for key in Array(cgroups.keys) {
            guard let state = cgroups[key], cgroupsSeenAtMilliseconds > .min else { continue }
            if state.seenAtMilliseconds < oldest { cgroups.retire(key) } else { cgroups.keep(key) }
        }
    }

    /// Takes in a kill; what is said again of the same one replaces it.
    mutating func add(_ kill: OutOfMemoryKill) {
        var kill = kill
        kill.atMilliseconds = max(0, kill.atMilliseconds)
        if kill.pid.map({ $0 < 1 }) ?? false { kill.pid = nil }
        if kill.run.map({ $0.pid < 1 }) ?? false { kill.run = nil }
        let key = KillKey(atMilliseconds: kill.atMilliseconds, pid: kill.pid)
        guard kills[key] != nil || kills.count < RegisterOutbox.maximumKills else {
            let bracket = TimeBracket(
                notBeforeMilliseconds: kill.atMilliseconds,
                notAfterMilliseconds: kill.atMilliseconds)
            gaps.add(EventLoss(reason: .dropped, bracket: bracket, count: 1))
            return
        }
        guard kills[key] != kill else { return }
        kills.set(kill, for: key)
        kills.retire(key)
    }

    /// Takes in what was missed.
    mutating func add(_ loss: EventLoss) {
        gaps.add(loss)
    }

    /// Takes what the agent says of itself.
    mutating func set(_ health: AgentHealth) {
        healths.set(health, for: true)
    }

    /// Forgets peaks of sums, cgroups and parts of runs that were reached, or may have been, in one
    /// of these stretches.
    mutating func forgetPeaks(in stretches: [TimeBracket], atMilliseconds now: Int64) {
        for key in Array(totals.keys) where totals[key]?.isReached(inOneOf: stretches) == true {
            totals.remove(key)
        }
        for key in Array(cgroups.keys) {
            _ = cgroups.modify(key) { $0.forgetPeak(in: stretches, atMilliseconds: now) }
        }
        parts.forgetPeaks(in: stretches)
    }

    // MARK: Bounds

    /// Drops whole hours, then the smallest sums of the oldest hour, until the bounds hold.
    private mutating func dropTotals() {
        guard
            totals.count > RegisterOutbox.maximumTotals
                || hours.count > RegisterOutbox.maximumHours
        else { return }
        var byHour: [Int64: [(key: TotalKey, bytes: UInt64)]] = [:]
        for key in totals.keys {
            byHour[key.hour, default: []].append((key, totals[key]?.bytes ?? 0))
        }
        for (place, oldest) in byHour.keys.sorted().enumerated() {
            let surplus = totals.count - RegisterOutbox.maximumTotals
            let isTooOld = byHour.count - place > RegisterOutbox.maximumHours
            guard surplus > 0 || isTooOld, let held = byHour[oldest] else { break }
            let dropped = held.sorted { $0.bytes < $1.bytes }.prefix(
                isTooOld ? held.count : surplus)
            for (key, _) in dropped { totals.remove(key) }
            droppedTotals += UInt64(dropped.count)
        }
        hours = Set(totals.keys.map(\.hour))
    }

    // MARK: Sessions

    /// Begins a session: everything that is held is due.
    mutating func sessionOpened() {
        isTurn = true
        totals.sessionOpened()
        cgroups.sessionOpened()
        kills.sessionOpened()
        gaps.sessionOpened()
        healths.sessionOpened()
        parts.sessionOpened()
    }

    /// Ends the session: what was in flight is as if it had never been sent.
    mutating func sessionClosed() {
        totals.sessionClosed()
        cgroups.sessionClosed()
        kills.sessionClosed()
        gaps.sessionClosed()
        healths.sessionClosed()
        parts.sessionClosed()
    }

    /// Takes note that everything up to `sequence` is durable.
    mutating func acknowledged(throughSequence sequence: UInt64) {
        totals.acknowledged(throughSequence: sequence)
        cgroups.acknowledged(throughSequence: sequence)
        kills.acknowledged(throughSequence: sequence)
        gaps.acknowledged(throughSequence: sequence)
        healths.acknowledged(throughSequence: sequence)
        parts.acknowledged(throughSequence: sequence)
    }

    /// Takes note of the number under which the frame of `nextFrame` was sent.
    mutating func sent(sequence: UInt64) {
        totals.sent(sequence: sequence)
        cgroups.sent(sequence: sequence)
        kills.sent(sequence: sequence)
        gaps.sent(sequence: sequence)
        healths.sent(sequence: sequence)
        parts.sent(sequence: sequence)
    }

    // MARK: Frames out

    /// The next frame to send; nil if nothing is due.
    mutating func nextFrame(_ limits: FrameLimits) -> Frame? {
        if let frame = nextHealth() ?? nextKills(limits) { return frame }
        guard isTurn else { return nil }
        let frame =
            nextGaps(limits) ?? nextTotals(limits) ?? nextCgroups(limits)
            ?? parts.nextFrame(limits)
        if let frame { return frame }
        isTurn = false
        return nil
    }

    private mutating func nextHealth() -> Frame? {
        healths.take { _, _ in false }.first.map { .health(HealthFrame(health: $0.value)) }
    }

    private mutating func nextKills(_ limits: FrameLimits) -> Frame? {
        var room = FrameRoom(limits, maximumCount: WireLimits.maximumKillsPerFrame)
        let taken = kills.take { _, kill in room.take(limits.bytes(of: kill)) }
        guard !taken.isEmpty else { return nil }
        return .outOfMemory(OutOfMemoryFrame(kills: taken.map { limits.fitted($0.value) }))
    }

    private mutating func nextGaps(_ limits: FrameLimits) -> Frame? {
        var room = FrameRoom(limits, maximumCount: WireLimits.maximumGapsPerFrame)
        let taken = gaps.take { _, _ in room.take(FrameLimits.gapBytes) }
        return taken.isEmpty ? nil : .gap(GapFrame(gaps: taken))
    }

    private mutating func nextTotals(_ limits: FrameLimits) -> Frame? {
        var room = FrameRoom(limits, maximumCount: WireLimits.maximumTotalsPerFrame)
        let taken = totals.take { key, peak in
            room.take(limits.bytes(of: key.subject, peak))
        }
        guard !taken.isEmpty else { return nil }
        return .totals(
            TotalsFrame(
                entries: taken.map {
                    TotalEvent(subject: limits.fitted($0.key.subject), peak: $0.value)
                }))
    }

    private mutating func nextCgroups(_ limits: FrameLimits) -> Frame? {
        var room = FrameRoom(limits, maximumCount: WireLimits.maximumCgroupsPerFrame)
        let taken = cgroups.take { key, _ in room.take(limits.bytes(of: key)) }
        guard !taken.isEmpty else { return nil }
        return .cgroup(CgroupFrame(records: taken.map { limits.fitted($0.value.record) }))
    }
}
