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
package struct HostRecord {
    /// Who it is, when it was heard, and what it is; the description is nil before the first HOST.
    package let id: HostID
    /// Whether it holds what an agent that ran before left behind, instead of the present.
    package let isPast: Bool
    /// Whether it holds what is told of a command alone; then it is past as well.
    package let isCommand: Bool
    /// Whether nothing but such an agent's session has told of the host so far.
    package internal(set) var isKnownFromPastOnly = false
    package internal(set) var boot: BootID
    package internal(set) var epoch: UInt64
    package internal(set) var description: HostDescription?
    package internal(set) var agentVersion: RawText
    package internal(set) var firstHeardAtMilliseconds: Int64
    package internal(set) var lastHeardAtMilliseconds: Int64

    /// The session that speaks for the host; nil while none does.
    package var session: SessionID?
    /// `MemAvailable` at the last tick; nil if unknown.
    package internal(set) var availableBytes: UInt64?
    /// The runs of the newest boot that live, or ended and are not on the disk yet.
    package internal(set) var ledger: PeakLedger
    /// Whether a time from this host was more than five minutes ahead of the collector's.
    package internal(set) var isClockSuspect = false

    /// What the agent last said of itself, its times in UTC, also before it is on the disk; nil
    /// before it said anything.
    package internal(set) var health: AgentHealth?

    /// What was purged and is not to come back.
    var tombstones: [Tombstone] = []
    /// How many copies of what was purged were kept out.
    var keptOutCount: UInt64 = 0

    /// What the names in the ledger take in bytes.
    var nameBytes = 0
    /// The counters of the epoch.
    var counters: [CounterReason: UInt64] = [:]
    /// Figures that were refused elsewhere than in the present ledger.
    var earlierRefusedCount: UInt64 = 0

    /// Runs of the ledger that are not on the disk as they are.
    var dirtyRuns: Set<ProcessKey> = []
    /// The agents' starts that gave runs of the ledger their ordinals.
    var ordinalEpochs: [ProcessKey: UInt64] = [:]
    /// Runs of the ledger that are on their way to the disk.
    var underWayRunCount = 0
    /// Runs of earlier boots that are.
    var underWayClosedCount = 0
    /// Runs of a past session that changed since `takeRaisedRuns()`.
    var raisedRuns: Set<ProcessKey> = []
    /// Runs of earlier boots that are not on the disk.
    var closedRuns: [StoredRun] = []
    /// Everything beside runs that is not on the disk, of any boot and epoch.
    var facts = FactBuffer()
    /// What of cgroups was put into `facts` lately.
    var writtenCgroups = WrittenCgroups()
    /// What of the agent's health was put into `facts` last, and when.
    var writtenHealth: (health: AgentHealth, atMilliseconds: Int64)?
    var isHostDirty = true
    var storedHeardAtMilliseconds: Int64?

    /// The most runs in the ledger: twice what one session may have, for those of a session before
    /// it that are still open.
    package static let maximumRuns = 131_072
    /// The most that the names in the ledger may take: 65,536 runs with a KiB each.
    package static let maximumNameBytes = 64 << 20
    /// How often the time at which a host was last heard is written when nothing else changed.
    static let heardIntervalMilliseconds: Int64 = 10_000
    /// How far ahead of the collector's clock a time may be (truth rule 11).
    static let maximumLeadMilliseconds: Int64 = 300_000

    /// A host that was never heard of before.
    package init(
        id: HostID, boot: BootID, epoch: UInt64, agentVersion: RawText, nowMilliseconds: Int64,
        isPast: Bool = false, isCommand: Bool = false
    ) {
        self.id = id
        self.isPast = isPast
        self.isCommand = isCommand
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
        isPast = false
        isCommand = false
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
            if stored.description.restrictions.contains(.commandsOnly) {
                // Whoever told of it is gone, and there is no agent that will.
                close(
                    run.record, of: run.boot, as: .unobserved,
                    nowMilliseconds: lastHeardAtMilliseconds)
            } else if run.boot == boot {
                ledger.merge(run.record, otherIsNewer: true)
            } else {
                close(run.record, of: run.boot, nowMilliseconds: lastHeardAtMilliseconds)
            }
        }
        nameBytes = ledger.runs.values.reduce(0) { $0 + $1.description.nameBytes }
    }

    // MARK: Sessions

    /// After so long a silence a host's runs are written again: an hour, which is less than any run
    /// is kept for.
    static let longSilenceMilliseconds: UInt64 = 3_600_000

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
            ordinalEpochs = [:]
            writtenCgroups = WrittenCgroups()
            self.boot = boot
        }
        if epoch != self.epoch {
            // Those that are not on the disk stand in `facts`.
            counters = [:]
            writtenHealth = nil
            self.epoch = epoch
        }
        self.agentVersion = agentVersion
        isKnownFromPastOnly = false
        isClockSuspect = false
        isHostDirty = true
        heard(nowMilliseconds: now)
    }

    /// Takes note that a frame of the host came in.
    package mutating func heard(nowMilliseconds now: Int64) {
        // What lived on a host that was silent for long is removed from the store, and nothing but
        // its next rise would write it again.
        if (now &- lastHeardAtMilliseconds).magnitude >= HostRecord.longSilenceMilliseconds {
            dirtyRuns.formUnion(ledger.runs.keys)
        }
        // Not the greater of both: after the clock was set back, a host that fell silent would
        // look alive until the clock is again where it was.
        lastHeardAtMilliseconds = now
    }

    private mutating func close(
        _ record: RunRecord, of boot: BootID, as reason: RunEndReason = .rebooted,
        nowMilliseconds now: Int64
    ) {
        let epoch = ordinalEpochs[record.key]
        var record = record
        let bracket = TimeBracket(
            notBeforeMilliseconds: lastKnownAliveMilliseconds(record), notAfterMilliseconds: now)
        record.setEnd(RunEnd(bracket: bracket, reason: reason))
        closedRuns.append(StoredRun(host: id, boot: boot, record: record, epoch: epoch))
    }
}
