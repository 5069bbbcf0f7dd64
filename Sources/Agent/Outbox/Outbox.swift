package import MemoryModel
package import Wire

/// What an agent knows and has yet to tell: runs, sums, cgroups, kills, gaps, and which parts of
/// them are due.
///
/// The outbox is a value without sockets or clocks. Snapshots go in, frames come out when the
/// session has room for them, and what is over leaves it only after its frame was acknowledged.
/// While nothing can be sent, new facts merge in the ledger, so an outage costs memory for what
/// there is, not for its length.
package struct Outbox: Sendable {
    var runs: RunOutbox
    var totals = Totals()
    var registers = RegisterOutbox()
    /// What programs told of their sections, as long as nobody knows of which runs.
    var sections = SectionIntake()

    var isSessionOpen = false
    var isStateEndDue = false
    var host: HostDescription
    var isHostDue = true

    var counters: [CounterReason: UInt64] = [:]
    private var sentCounters: [CounterReason: UInt64] = [:]
    private var sampledCounters = SamplerCounters()
    /// What makes a time of day of boot time, to the millisecond; the host's is told when it moved
    /// by more than a second.
    private var preciseWallMinusBootMilliseconds: Int64
    /// The store of the session of the moment, or of the one before.
    private var storeID: StoreID?
    private var hadSession = false

    /// Rises with every change of the host and of the counters.
    var ownChangeCount: UInt64 = 0
    /// The latest frame that carries state, and whether the next one that is sent does.
    var latestStateSequence: UInt64 = 0
    var isLatestFrameState = false
    var acknowledgedSequence: UInt64 = 0
    /// How far what stands in the state file is known to be durable at a collector.
    var savedState = SavedState()

    /// About how much may be held, in bytes.
    let memoryLimitBytes: Int

    /// How much an outbox may hold unless it is said otherwise: 32 MiB.
    package static let defaultMemoryLimitBytes = 32 << 20

    /// An outbox with nothing in it for `host`.
    ///
    /// - Parameters:
    ///   - host: What is known of the host.
    ///   - memoryLimitBytes: About how much the outbox may hold before it folds ended runs.
    package init(
        host: HostDescription, memoryLimitBytes: Int = Outbox.defaultMemoryLimitBytes
    ) {
        self.host = host
        preciseWallMinusBootMilliseconds = host.wallMinusBootMilliseconds
        self.memoryLimitBytes = memoryLimitBytes
        runs = RunOutbox(limits: PeakLimits(memoryTotalBytes: host.memoryTotalBytes))
    }

    /// All runs that live.
    package var ledger: PeakLedger { runs.ledger }

    /// A run that lives, or ended and is neither acknowledged nor folded; nil if there is none.
    package subscript(key: ProcessKey) -> RunRecord? { runs.ledger[key] ?? runs.ended[key] }

    /// How many runs are known, ended ones that are not acknowledged included.
    package var runCount: Int { runs.ledger.runs.count + runs.ended.count }

    /// How many runs live.
    package var liveCount: Int { totals.memberCount }

    /// Whether the full state of the session of the moment was sent.
    package var isStateSent: Bool { isSessionOpen && !isStateEndDue }

    /// Takes what the host is now; it is sent if it differs from what was sent.
    package mutating func setHost(_ description: HostDescription) {
        var description = description
        let offset = description.wallMinusBootMilliseconds
        description.wallMinusBootMilliseconds = host.wallMinusBootMilliseconds
        if description != host {
            host = description
            isHostDue = true
            ownChangeCount += 1
            runs.ledger.limits = PeakLimits(memoryTotalBytes: host.memoryTotalBytes)
        }
        setWallMinusBoot(milliseconds: offset)
    }

    /// Takes the offset of the wall clock; it is sent if it moved by more than a second.
    package mutating func setWallMinusBoot(milliseconds: Int64) {
        preciseWallMinusBootMilliseconds = milliseconds
        guard abs(milliseconds &- host.wallMinusBootMilliseconds) > 1_000 else { return }
        host.wallMinusBootMilliseconds = milliseconds
        isHostDue = true
        ownChangeCount += 1
    }

    /// Takes what the agent says of itself, which is sent at once.
    package mutating func setHealth(_ health: AgentHealth) {
        registers.set(health)
    }

    /// Lets everything go out that would otherwise wait for its turn, as before an agent stops.
    package mutating func hurry(atMilliseconds now: Int64) {
        beginTurn(atMilliseconds: now)
    }

    // MARK: Facts in

    /// Takes in what one look at all processes found.
    package mutating func apply(_ snapshot: HostSnapshot) {
        let now = snapshot.takenAtMilliseconds
        let closesMinute = runs.beginLook(
            atMilliseconds: now, wallMinusBootMilliseconds: preciseWallMinusBootMilliseconds,
            told: host.wallMinusBootMilliseconds)
        for run in snapshot.ended {
            runs.end(run)
            totals.remove(run.key)
        }
        for run in snapshot.started { start(run) }
        for run in snapshot.renamed { start(run) }
        for run in snapshot.completed {
            runs.complete(run)
            totals.remove(run.end.key)
        }
        runs.beginTick(snapshot)
        for observation in snapshot.observed {
            if let bytes = runs.observe(observation) {
                totals.set(observation.key, residentBytes: bytes)
            }
        }
        let isTurn = registers.isTurnDue(atMilliseconds: now)
        runs.endTick(withComposition: isTurn)
        if closesMinute { runs.closeMinuteAtEdge() }
        registers.observe(snapshot.cgroups, limits: runs.ledger.limits, atMilliseconds: now)
        for loss in snapshot.losses { registers.add(loss) }
        for kill in snapshot.kills {
            registers.add(kill)
            if let run = kill.run { runs.add(.killedForMemory, to: run) }
        }
        tickTotals(snapshot)
        if isTurn { beginTurn(atMilliseconds: now) }
        makeRoom()
        sampledCounters = snapshot.counters
        setCounters()
    }

    private mutating func start(_ run: StartedRun) {
        runs.start(run)
        totals.place(run.key, run.description)
    }

    private mutating func tickTotals(_ snapshot: HostSnapshot) {
        let total = host.memoryTotalBytes
        let used = snapshot.memoryAvailableBytes.flatMap { total > $0 ? total - $0 : nil }
        let ledger = runs.ledger
        let closed = totals.tick(
            atMilliseconds: snapshot.takenAtMilliseconds,
            wallMinusBootMilliseconds: host.wallMinusBootMilliseconds, usedBytes: used,
            description: { ledger[$0]?.description })
        if let closed { registers.close(hour: closed.hour, closed.registers) }
    }

    private mutating func beginTurn(atMilliseconds now: Int64) {
        takeTotals()
        registers.beginTurn(atMilliseconds: now)
        if isSessionOpen { savedState.turnBegan() }
    }

    private mutating func takeTotals() {
        if let hour = totals.hour { registers.set(totals.takeRaised(), hour: hour) }
    }

    private mutating func setCounters() {
        let before = counters
        defer { if counters != before { ownChangeCount += 1 } }
        let sampled = sampledCounters
        counters[.vanished] = sampled.vanished
        counters[.unreadable] = sampled.unreadable
        counters[.malformed] = sampled.malformed
        counters[.skippedTicks] = sampled.skippedTicks
        counters[.exitRecordsLost] = sampled.exitRecordsLost
        counters[.processEventsLost] = sampled.processEventsLost
        counters[.namesNotRead] = sampled.namesNotRead
        counters[.stretchedTicks] = sampled.stretchedTicks
        counters[.refused] =
            sampled.refused + runs.ledger.refusedCount + registers.refusedCount
        counters[.runsOverLimit] = runs.overLimitCount + sampled.overLimit
        counters[.runsFolded] = runs.foldedCount
        counters[.runsDropped] = runs.droppedCount
        counters[.minutesMerged] = runs.mergedWindowCount
        counters[.windowsDropped] = runs.droppedWindowCount
        counters[.totalsOverLimit] =
            totals.overLimitCount + registers.overLimitCount + sampled.totalsOverLimit
    }

    // MARK: Sessions

    /// Begins a session: everything is due, the whole state first.
    ///
    /// - Parameters:
    ///   - maximumRuns: Slots are below this number.
    ///   - maximumWireBytes: The largest payload that the collector takes, at least 4,096.
    ///   - storeID: The collector's store; nil stands for one that has nothing of this host.
    package mutating func sessionOpened(
        maximumRuns: UInt32, maximumWireBytes: Int = WireLimits.maximumWireBytes,
        storeID: StoreID? = nil
    ) {
        if hadSession, storeID == nil || storeID != self.storeID {
            runs.minutes.storeChanged()
            runs.windows.storeChanged()
        }
        hadSession = true
        self.storeID = storeID
        isSessionOpen = true
        isStateEndDue = true
        isHostDue = true
        sentCounters = [:]
        latestStateSequence = 0
        acknowledgedSequence = 0
        takeTotals()
        savedState.sessionClosed()
        savedState.turnBegan()
        registers.sessionOpened()
        runs.sessionOpened(
            maximumRuns: maximumRuns, frames: FrameLimits(maximumWireBytes: maximumWireBytes))
    }

    /// Ends the session: what was in flight is as if it had never been sent.
    package mutating func sessionClosed() {
        isSessionOpen = false
        isStateEndDue = false
        savedState.sessionClosed()
        runs.sessionClosed()
        registers.sessionClosed()
    }

    /// Takes note that everything up to `sequence` is durable: what is over can be forgotten.
    package mutating func acknowledged(throughSequence sequence: UInt64) {
        guard isSessionOpen else { return }
        acknowledgedSequence = max(acknowledgedSequence, sequence)
        savedState.acknowledged(throughSequence: sequence)
        runs.acknowledged(throughSequence: sequence)
        registers.acknowledged(throughSequence: sequence)
    }

    // MARK: Frames out

    /// The next frame to send, or nil if nothing is due.
    ///
    /// The order keeps every frame true when it arrives: definitions before figures, figures
    /// before ends, ends before the slots are used again. The caller sends the frame and reports
    /// its sequence number by `sent(sequence:)`.
    package mutating func nextFrame() -> Frame? {
        guard isSessionOpen else { return nil }
        guard let frame = nextDue() else {
            if !runs.folds.isHeld(by: savedState) {
                savedState.drained(lastSequence: latestStateSequence)
            }
            return nil
        }
        switch frame {
        case .samples, .health: isLatestFrameState = false
        default: isLatestFrameState = true
        }
        return frame
    }

    private mutating func nextDue() -> Frame? {
        if isHostDue {
            isHostDue = false
            return .host(runs.frames.fitted(host))
        }
        if let frame = runs.nextFrame(savedState) { return frame }
        if isStateEndDue {
            isStateEndDue = false
            return .stateEnd(StateEndFrame(liveCount: UInt64(runs.slots.usedCount)))
        }
        return registers.nextFrame(runs.frames) ?? nextCounters()
    }

    /// Takes note of the sequence number under which the frame of `nextFrame()` was sent.
    package mutating func sent(sequence: UInt64) {
        if isLatestFrameState { latestStateSequence = sequence }
        runs.sent(sequence: sequence)
        registers.sent(sequence: sequence)
    }

    /// The counters that the collector of this session was not told.
    var dueCounters: [CounterReason: UInt64] {
        counters.filter { $0.value > 0 && sentCounters[$0.key] != $0.value }
    }

    private mutating func nextCounters() -> Frame? {
        counters[.runsOverLimit] = runs.overLimitCount + sampledCounters.overLimit
        let due = dueCounters
        guard !due.isEmpty else { return nil }
        sentCounters.merge(due) { _, new in new }
        return .counters(CountersFrame(values: due))
    }
}
