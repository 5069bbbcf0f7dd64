package import MemoryModel
package import PeakStore
package import Report
package import Wire

/// The number of a session within this process.
package struct SessionID: Hashable, Sendable {
    package let number: UInt64

    package init(number: UInt64) {
        self.number = number
    }
}

/// What a collector knows of one host: its newest boot's ledger and what is not on the disk yet.
///
/// Times are UTC milliseconds on the collector's side of the conversion; what a host says in boot
/// time is turned into UTC here, once, by the offset that the host sent.
package struct HostRecord {
    /// Who it is, when it was heard, and what it is; the description is nil before the first HOST.
    package let id: HostID
    package private(set) var boot: BootID
    package private(set) var epoch: UInt64
    package private(set) var description: HostDescription?
    package private(set) var agentVersion: RawText
    package private(set) var firstHeardAtMilliseconds: Int64
    package private(set) var lastHeardAtMilliseconds: Int64

    /// The session that speaks for the host; nil while none does.
    package var session: SessionID?
    /// `MemAvailable` at the last tick; nil if unknown.
    package private(set) var availableBytes: UInt64?
    /// The runs of the newest boot that live, or ended and are not on the disk yet.
    package private(set) var ledger: PeakLedger
    /// Whether a time from this host was more than five minutes ahead of the collector's.
    package private(set) var isClockSuspect = false

    /// What the names in the ledger take in bytes.
    private var nameBytes = 0
    private var counters: [CounterReason: UInt64] = [:]
    private var earlierRefusedCount: UInt64 = 0

    private var dirtyRuns: Set<ProcessKey> = []
    private var closedRuns: [StoredRun] = []
    private var areCountersDirty = false
    private var isHostDirty = true
    private var storedHeardAtMilliseconds: Int64?

    /// The most runs in the ledger: twice what one session may have, for those of a session before
    /// it that are still open.
    package static let maximumRuns = 131_072
    /// The most that the names in the ledger may take: 65,536 runs with a KiB each.
    package static let maximumNameBytes = 64 << 20
    /// How often the time at which a host was last heard is written when nothing else changed.
    private static let heardIntervalMilliseconds: Int64 = 10_000
    /// How far ahead of the collector's clock a time may be (truth rule 11).
    private static let maximumLeadMilliseconds: Int64 = 300_000

    /// A host that was never heard of before.
    package init(
        id: HostID, boot: BootID, epoch: UInt64, agentVersion: RawText, nowMilliseconds: Int64
    ) {
        self.id = id
        self.boot = boot
        self.epoch = epoch
        self.agentVersion = agentVersion
        firstHeardAtMilliseconds = nowMilliseconds
        lastHeardAtMilliseconds = nowMilliseconds
        ledger = PeakLedger(limits: PeakLimits(memoryTotalBytes: 0))
    }

    /// A host as the store has it, with its open runs.
    package init(stored: StoredHost, openRuns: [StoredRun]) {
        id = stored.id
        boot = stored.boot
        epoch = stored.epoch
        description = stored.description
        agentVersion = stored.agentVersion
        firstHeardAtMilliseconds = stored.firstHeardAtMilliseconds
        lastHeardAtMilliseconds = stored.lastHeardAtMilliseconds
        storedHeardAtMilliseconds = stored.lastHeardAtMilliseconds
        isHostDirty = false
        ledger = PeakLedger(
            limits: PeakLimits(memoryTotalBytes: stored.description.memoryTotalBytes))
        for run in openRuns {
            if run.boot == boot {
                ledger.merge(run.record, otherIsNewer: true)
            } else {
                close(run.record, of: run.boot, nowMilliseconds: lastHeardAtMilliseconds)
            }
        }
        nameBytes = ledger.runs.values.reduce(0) { $0 + $1.description.nameBytes }
    }

    // MARK: Sessions

    /// Takes note of a session of this host: who its agent is now, and which boot.
    ///
    /// A boot other than the one before ends every run of that one.
    package mutating func sessionAccepted(
        _ session: SessionID, boot: BootID, epoch: UInt64, agentVersion: RawText,
        nowMilliseconds now: Int64
    ) {
        self.session = session
        if boot != self.boot {
            for record in ledger.runs.values {
                close(record, of: self.boot, nowMilliseconds: now)
            }
            earlierRefusedCount += ledger.refusedCount
            ledger = PeakLedger(limits: ledger.limits)
            nameBytes = 0
            dirtyRuns = []
            self.boot = boot
        }
        if epoch != self.epoch {
            counters = [:]
            self.epoch = epoch
        }
        self.agentVersion = agentVersion
        isClockSuspect = false
        isHostDirty = true
        heard(nowMilliseconds: now)
    }

    /// Takes note that a frame of the host came in.
    package mutating func heard(nowMilliseconds now: Int64) {
        // Not the greater of both: after the clock was set back, a host that fell silent would
        // look alive until the clock is again where it was.
        lastHeardAtMilliseconds = now
    }

    private mutating func close(
        _ record: RunRecord, of boot: BootID, nowMilliseconds now: Int64
    ) {
        var record = record
        let bracket = TimeBracket(
            notBeforeMilliseconds: lastKnownAliveMilliseconds(record), notAfterMilliseconds: now)
        record.setEnd(RunEnd(bracket: bracket, reason: .rebooted))
        closedRuns.append(StoredRun(host: id, boot: boot, record: record))
    }

    // MARK: What frames say

    /// What a frame of the host's session says.
    ///
    /// Returns whether it was taken whole; if not, the host defines more than one host may, and
    /// its session is to end.
    @discardableResult
    package mutating func apply(_ event: SessionEvent, nowMilliseconds now: Int64) -> Bool {
        switch event {
        case .host(let description): setDescription(description)
        case .define(let runs):
            for run in runs {
                guard define(run, nowMilliseconds: now) else { return false }
            }
        case .samples(let ticks):
            for tick in ticks { take(tick, nowMilliseconds: now) }
        case .peaks(let peaks):
            for peak in peaks { raise(peak, nowMilliseconds: now) }
        case .exits(let exits):
            for exit in exits { end(exit, nowMilliseconds: now) }
        case .counters(let values): setCounters(values)
        case .totals, .cgroups, .kills, .gaps, .health: break
        case .stateEnd(let live): stateEnd(live: live, nowMilliseconds: now)
        }
        return true
    }

    private mutating func setDescription(_ description: HostDescription) {
        guard description != self.description else { return }
        if description.wallMinusBootMilliseconds != self.description?.wallMinusBootMilliseconds {
            // The clock was set; its next times say whether it is right now.
            isClockSuspect = false
        }
        self.description = description
        ledger.limits = PeakLimits(memoryTotalBytes: description.memoryTotalBytes)
        isHostDirty = true
    }

    private mutating func define(_ run: StartedRun, nowMilliseconds now: Int64) -> Bool {
        let known = ledger[run.key]?.description.nameBytes
        let bytes = nameBytes - (known ?? 0) + run.description.nameBytes
        guard bytes <= HostRecord.maximumNameBytes,
            known != nil || ledger.runs.count < HostRecord.maximumRuns
        else { return false }
        nameBytes = bytes
        var description = run.description
        description.startedAtMilliseconds = description.startedAtMilliseconds
            .flatMap { utc($0, nowMilliseconds: now) }
        note(run.key, ledger.start(run.key, description))
        return true
    }

    /// Takes in the present.
    ///
    /// It is not written for its own sake: that would cost a row for each sample.
    private mutating func take(_ tick: TickEvent, nowMilliseconds now: Int64) {
        availableBytes = tick.availableBytes
        let at = utc(tick.atMilliseconds, nowMilliseconds: now) ?? now
        for sample in tick.samples {
            if sample.resident != .unchanged || sample.swap != .unchanged {
                let known = ledger[sample.key]?.current
                ledger.setCurrent(
                    sample.key,
                    to: CurrentUse(
                        residentBytes: sample.resident.figure(orElse: known?.residentBytes),
                        swapBytes: sample.swap.figure(orElse: known?.swapBytes),
                        atMilliseconds: at))
            }
            if let milliseconds = sample.processorMilliseconds {
                ledger.raiseProcessorTime(sample.key, toMilliseconds: milliseconds)
            }
        }
    }

    private mutating func raise(_ event: PeakEvent, nowMilliseconds now: Int64) {
        if var peak = event.peak {
            peak.bracket = peak.bracket.flatMap { utc($0, nowMilliseconds: now) }
            note(event.key, ledger.raisePeak(event.key, to: peak))
        }
        if let bytes = event.swapPeakBytes {
            note(event.key, ledger.raiseSwapPeak(event.key, to: bytes))
        }
    }

    private mutating func end(_ event: ExitEvent, nowMilliseconds now: Int64) {
        if let milliseconds = event.processorMilliseconds {
            ledger.raiseProcessorTime(event.key, toMilliseconds: milliseconds)
        }
        var end = event.end
        end.bracket = end.bracket.flatMap { utc($0, nowMilliseconds: now) }
        note(event.key, ledger.end(event.key, end))
    }

    /// STATE_END: every open run that is not among `live` ended while nobody watched.
    private mutating func stateEnd(live: [ProcessKey], nowMilliseconds now: Int64) {
        let live = Set(live)
        let gone = ledger.runs.values.filter { $0.end == nil && !live.contains($0.key) }
        for record in gone {
            let bracket = TimeBracket(
                notBeforeMilliseconds: lastKnownAliveMilliseconds(record),
                notAfterMilliseconds: now)
            note(record.key, ledger.end(record.key, RunEnd(bracket: bracket, reason: .unobserved)))
        }
    }

    /// The latest time at which a run is known to have been there.
    ///
    /// That its host was heard later says nothing: the run may have ended by then, unreported.
    private func lastKnownAliveMilliseconds(_ record: RunRecord) -> Int64 {
        let known = [
            record.current?.atMilliseconds, record.description.startedAtMilliseconds,
            record.peak?.bracket?.notBeforeMilliseconds,
        ]
        return known.compactMap { $0 }.max() ?? firstHeardAtMilliseconds
    }

    private mutating func setCounters(_ values: [CounterReason: UInt64]) {
        for (reason, value) in values where value > counters[reason] ?? 0 {
            counters[reason] = value
            areCountersDirty = true
        }
    }

    private mutating func note(_ key: ProcessKey, _ change: RunChange) {
        if !change.isEmpty { dirtyRuns.insert(key) }
    }

    // MARK: Time

    private mutating func utc(_ bootTime: Int64, nowMilliseconds now: Int64) -> Int64? {
        guard let offset = description?.wallMinusBootMilliseconds else { return nil }
        let (time, overflow) = bootTime.addingReportingOverflow(offset)
        guard !overflow, time <= now &+ HostRecord.maximumLeadMilliseconds else {
            isClockSuspect = true
            return nil
        }
        return time
    }

    private mutating func utc(_ bracket: TimeBracket, nowMilliseconds now: Int64) -> TimeBracket? {
        guard let begin = utc(bracket.notBeforeMilliseconds, nowMilliseconds: now),
            let end = utc(bracket.notAfterMilliseconds, nowMilliseconds: now)
        else { return nil }
        return TimeBracket(notBeforeMilliseconds: begin, notAfterMilliseconds: end)
    }

    // MARK: Views

    /// Figures that this collector refused since it started, because they cannot be true.
    package var refusedCount: UInt64 { earlierRefusedCount + ledger.refusedCount }

    /// The host as views take it in; nil before its first HOST.
    package func reported(nowMilliseconds now: Int64) -> ReportedHost? {
        guard let description else { return nil }
        // A session that stands and is not overdue speaks for its host, however seldom it does.
        let silence = now - lastHeardAtMilliseconds
        let isConnected =
            session != nil && silence <= Int64(WireLimits.idleDeadlineMilliseconds)
        return ReportedHost(
            id: id, description: description, agentVersion: agentVersion,
            state: isConnected
                ? .up
                : HostState(
                    silenceMilliseconds: silence,
                    intervalMilliseconds: description.intervalMilliseconds),
            lastHeardAtMilliseconds: lastHeardAtMilliseconds,
            memoryAvailableBytes: availableBytes,
            counters: refusedCount > 0 ? [.refused: refusedCount] : [:],
            isClockSuspect: isClockSuspect)
    }

    /// Its runs as views take them in: those that live, and those that ended a moment ago.
    package var reportedRuns: [ReportedRun] {
        guard let description else { return [] }
        return ledger.runs.values.map {
            ReportedRun(
                host: id, hostName: description.name, labels: description.labels, boot: boot,
                record: $0)
        }
    }

    // MARK: Committing

    /// What of a host is on its way to the disk.
    package struct Pending {
        fileprivate var runs: Set<ProcessKey>
        fileprivate var boot: BootID
        fileprivate var closed: [StoredRun]
        fileprivate var counters: Bool
        fileprivate var heardAtMilliseconds: Int64?
    }

    /// Puts everything that is not on the disk into `batch`; nil if there is nothing.
    package mutating func takePending(into batch: inout CommitBatch) -> Pending? {
        guard let description else { return nil }
        let isHeardDue =
            abs(lastHeardAtMilliseconds - (storedHeardAtMilliseconds ?? .min / 2))
            >= HostRecord.heardIntervalMilliseconds
        let isHostDue = isHostDirty || isHeardDue || !closedRuns.isEmpty
        guard isHostDue || !dirtyRuns.isEmpty || areCountersDirty else { return nil }
        batch.hosts.append(
            StoredHost(
                id: id, boot: boot, epoch: epoch, description: description,
                agentVersion: agentVersion, firstHeardAtMilliseconds: firstHeardAtMilliseconds,
                lastHeardAtMilliseconds: lastHeardAtMilliseconds))
        batch.runs += closedRuns
        for key in dirtyRuns {
            if let record = ledger[key] {
                batch.runs.append(StoredRun(host: id, boot: boot, record: record))
            }
        }
        if areCountersDirty {
            batch.counters.append(StoredCounters(host: id, epoch: epoch, values: counters))
        }
        let pending = Pending(
            runs: dirtyRuns, boot: boot, closed: closedRuns, counters: areCountersDirty,
            heardAtMilliseconds: lastHeardAtMilliseconds)
        dirtyRuns = []
        closedRuns = []
        areCountersDirty = false
        isHostDirty = false
        return pending
    }

    /// Takes note that `pending` is on the disk: ended runs that did not change since can go.
    package mutating func committed(_ pending: Pending) {
        storedHeardAtMilliseconds = pending.heardAtMilliseconds
        guard pending.boot == boot else { return }
        for key in pending.runs where !dirtyRuns.contains(key) && ledger[key]?.end != nil {
            nameBytes -= ledger[key]?.description.nameBytes ?? 0
            ledger.forget(key)
        }
    }

    /// Takes note that `pending` did not reach the disk: it is due again.
    package mutating func commitFailed(_ pending: Pending) {
        closedRuns += pending.closed
        areCountersDirty = areCountersDirty || pending.counters
        isHostDirty = true
        guard pending.boot == boot else { return }
        dirtyRuns.formUnion(pending.runs)
    }
}

extension SamplesFrame.Change {
    /// The figure after this change, where it was `known` before.
    fileprivate func figure(orElse known: UInt64?) -> UInt64? {
        switch self {
        case .unchanged: known
        case .unreadable: nil
        case .bytes(let bytes): bytes
        }
    }
}
