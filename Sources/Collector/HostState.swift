package import MemoryModel
package import PeakStore

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
package struct HostState {
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

    private var processorTimes: [ProcessKey: ProcessorShare] = [:]
    private var counters: [CounterReason: UInt64] = [:]

    private var dirtyRuns: Set<ProcessKey> = []
    private var closedRuns: [StoredRun] = []
    private var areCountersDirty = false
    private var isHostDirty = true
    private var storedHeardAtMilliseconds: Int64?

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
    package init(stored: StoredHost, openRuns: [StoredRun], counters: [CounterReason: UInt64]) {
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
            ledger = PeakLedger(limits: ledger.limits)
            dirtyRuns = []
            processorTimes = [:]
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
        lastHeardAtMilliseconds = max(lastHeardAtMilliseconds, now)
    }

    private mutating func close(
        _ record: RunRecord, of boot: BootID, nowMilliseconds now: Int64
    ) {
        var record = record
        let bracket = TimeBracket(
            notBeforeMilliseconds: record.current?.atMilliseconds ?? lastHeardAtMilliseconds,
            notAfterMilliseconds: now)
        record.setEnd(RunEnd(bracket: bracket, reason: .rebooted))
        closedRuns.append(StoredRun(host: id, boot: boot, record: record))
    }

    // MARK: What frames say

    /// HOST.
    package mutating func setDescription(_ description: HostDescription) {
        guard description != self.description else { return }
        self.description = description
        ledger.limits = PeakLimits(memoryTotalBytes: description.memoryTotalBytes)
        isHostDirty = true
    }

    /// DEFINE.
    package mutating func define(_ run: StartedRun, nowMilliseconds now: Int64) {
        var description = run.description
        description.startedAtMilliseconds = description.startedAtMilliseconds
            .flatMap { utc($0, nowMilliseconds: now) }
        note(run.key, ledger.start(run.key, description))
    }

    /// One tick of SAMPLES.
    package mutating func tick(availableBytes: UInt64?) {
        self.availableBytes = availableBytes
    }

    /// What SAMPLES says of one run at one tick; nil means that it did not change.
    package mutating func sample(
        _ key: ProcessKey, resident: UInt64??, swap: UInt64??, processorMilliseconds: UInt64?,
        atMilliseconds bootTime: Int64, nowMilliseconds now: Int64
    ) {
        guard let known = ledger[key] else { return }
        let at = utc(bootTime, nowMilliseconds: now) ?? now
        if resident != nil || swap != nil {
            let use = CurrentUse(
                residentBytes: resident ?? known.current?.residentBytes,
                swapBytes: swap ?? known.current?.swapBytes, atMilliseconds: at)
            // The present is not written for its own sake: it would cost a row for each sample.
            ledger.setCurrent(key, to: use)
        }
        if let processorMilliseconds {
            ledger.raiseProcessorTime(key, toMilliseconds: processorMilliseconds)
            processorTimes[key, default: ProcessorShare()]
                .advance(toMilliseconds: processorMilliseconds, atMilliseconds: bootTime)
        }
    }

    /// What PEAKS says of one run.
    package mutating func raise(
        _ key: ProcessKey, peak: Peak?, swapPeakBytes: UInt64?, nowMilliseconds now: Int64
    ) {
        if var peak {
            peak.bracket = peak.bracket.flatMap { utc($0, nowMilliseconds: now) }
            note(key, ledger.raisePeak(key, to: peak))
        }
        if let swapPeakBytes {
            note(key, ledger.raiseSwapPeak(key, to: swapPeakBytes))
        }
    }

    /// What EXIT says of one run.
    package mutating func end(
        _ key: ProcessKey, _ end: RunEnd, processorMilliseconds: UInt64?,
        nowMilliseconds now: Int64
    ) {
        if let processorMilliseconds {
            ledger.raiseProcessorTime(key, toMilliseconds: processorMilliseconds)
        }
        var end = end
        end.bracket = end.bracket.flatMap { utc($0, nowMilliseconds: now) }
        processorTimes[key] = nil
        note(key, ledger.end(key, end))
    }

    /// STATE_END: every open run that is not among `live` ended while nobody watched.
    package mutating func stateEnd(live: [ProcessKey], nowMilliseconds now: Int64) {
        let live = Set(live)
        let gone = ledger.runs.values.filter { $0.end == nil && !live.contains($0.key) }
        for record in gone {
            let bracket = TimeBracket(
                notBeforeMilliseconds: record.current?.atMilliseconds
                    ?? storedHeardAtMilliseconds ?? firstHeardAtMilliseconds,
                notAfterMilliseconds: now)
            processorTimes[record.key] = nil
            note(record.key, ledger.end(record.key, RunEnd(bracket: bracket, reason: .unobserved)))
        }
    }

    /// COUNTERS.
    package mutating func setCounters(_ values: [CounterReason: UInt64]) {
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
        guard !overflow, time <= now &+ HostState.maximumLeadMilliseconds else {
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

    /// Processor time of a run as a share of one processor, over its last few seconds.
    ///
    /// nil before two readings; 0 once readings stopped coming because nothing changed.
    package func processorShare(of key: ProcessKey, nowMilliseconds now: Int64) -> Double? {
        guard let offset = description?.wallMinusBootMilliseconds else { return nil }
        return processorTimes[key]?.share(atMilliseconds: now &- offset)
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
            lastHeardAtMilliseconds - (storedHeardAtMilliseconds ?? .min / 2)
            >= HostState.heardIntervalMilliseconds
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
