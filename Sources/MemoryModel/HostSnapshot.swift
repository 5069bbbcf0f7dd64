/// What one look at every process of a host found, in the order in which it is to be applied:
/// ends, then starts, then renames, then runs that both began and ended since the look before,
/// then observations.
///
/// All times are milliseconds of `CLOCK_BOOTTIME`.
public struct HostSnapshot: Hashable, Sendable {
    /// When the look began.
    public var takenAtMilliseconds: Int64
    /// `MemAvailable` of `/proc/meminfo` in bytes; nil on kernels without it.
    public var memoryAvailableBytes: UInt64?
    /// Runs that are over.
    public var ended: [EndedRun]
    /// Runs that were seen for the first time.
    public var started: [StartedRun]
    /// Runs that go on under another description.
    public var renamed: [StartedRun]
    /// Runs that began and ended since the look before.
    public var completed: [CompletedRun]
    /// What was measured.
    public var observed: [RunObservation]
    /// What was measured of cgroups; empty at most looks, because they are read less often.
    public var cgroups: [CgroupObservation]
    /// Processes that the kernel killed for want of memory.
    public var kills: [OutOfMemoryKill]
    /// What was missed since the look before; the ordinals are the receiver's to give.
    public var losses: [EventLoss]
    /// What could not be measured, since the agent started.
    public var counters: SamplerCounters

    /// A snapshot of nothing at `takenAtMilliseconds`.
    public init(takenAtMilliseconds: Int64) {
        self.takenAtMilliseconds = takenAtMilliseconds
        self.memoryAvailableBytes = nil
        self.ended = []
        self.started = []
        self.renamed = []
        self.completed = []
        self.observed = []
        self.cgroups = []
        self.kills = []
        self.losses = []
        self.counters = SamplerCounters()
    }
}

/// A run and what is known of it.
public struct StartedRun: Hashable, Sendable {
    /// Which run.
    public var key: ProcessKey
    /// What it runs and for whom.
    public var description: RunDescription
    /// What is to be known of it besides.
    public var flags: RunFlags

    /// Takes the parts as they are.
    public init(key: ProcessKey, description: RunDescription, flags: RunFlags = []) {
        self.key = key
        self.description = description
        self.flags = flags
    }
}

/// A run and its end.
public struct EndedRun: Hashable, Sendable {
    /// Which run.
    public var key: ProcessKey
    /// How and when it ended.
    public var end: RunEnd
    /// What the kernel's record of the exit says; nil if there is none.
    public var record: ExitFigures?

    /// Takes the parts as they are.
    public init(key: ProcessKey, end: RunEnd, record: ExitFigures? = nil) {
        self.key = key
        self.end = end
        self.record = record
    }
}

/// A run that began and ended between two looks.
public struct CompletedRun: Hashable, Sendable {
    /// What it ran and for whom.
    public var start: StartedRun
    /// How it ended.
    public var end: EndedRun
    /// What is known of its peak beside the record of the exit; nil for nothing.
    public var peak: Peak?

    /// Takes the parts as they are; both ends must be of the same run.
    public init(start: StartedRun, end: EndedRun, peak: Peak? = nil) {
        self.start = start
        self.end = end
        self.peak = peak
    }
}

/// The figures of the kernel's record of an exit.
public struct ExitFigures: Hashable, Sendable {
    /// The high-water mark of resident memory in bytes; nil if the record has none.
    public var markBytes: UInt64?
    /// Processor time in milliseconds, user and system together.
    public var processorMilliseconds: UInt64?
    /// Page faults that needed no disk, and those that did.
    public var faults: FaultCounts?

    /// Takes the parts as they are.
    public init(markBytes: UInt64?, processorMilliseconds: UInt64?, faults: FaultCounts?) {
        self.markBytes = markBytes
        self.processorMilliseconds = processorMilliseconds
        self.faults = faults
    }
}

/// Records or events that the kernel dropped.
public struct EventLoss: Hashable, Sendable {
    /// Which kind.
    public var reason: GapReason
    /// When, in milliseconds since boot.
    public var bracket: TimeBracket
    /// How many; nil where the kernel only says that there were some.
    public var count: UInt64?

    /// Takes the parts as they are.
    public init(reason: GapReason, bracket: TimeBracket, count: UInt64?) {
        self.reason = reason
        self.bracket = bracket
        self.count = count
    }
}

/// What one look at one run gave.
///
/// Every field is nil where the kernel did not give it this time.
public struct RunObservation: Hashable, Sendable {
    /// Which run.
    public var key: ProcessKey
    /// Resident memory now, in bytes.
    public var residentBytes: UInt64?
    /// The kernel's high-water mark of resident memory (`VmHWM`), in bytes.
    public var markBytes: UInt64?
    /// What of the resident memory is file-backed or shared now, in bytes; the rest is anonymous.
    public var fileBytes: UInt64?
    /// The proportional share now (`Pss` of `smaps_rollup`), in bytes.
    public var proportionalBytes: UInt64?
    /// Memory in swap now (`VmSwap`), in bytes.
    public var swapBytes: UInt64?
    /// Page faults of its process until now.
    public var faults: FaultCounts?
    /// What became known of it besides.
    public var flags: RunFlags = []
    /// Processor time used since its process began, in milliseconds, user and system together.
    public var processorMilliseconds: UInt64?

    /// An observation of `key` that found nothing yet.
    public init(key: ProcessKey) {
        self.key = key
    }
}

/// What an agent could not see or did not believe, counted from its start.
public struct SamplerCounters: Hashable, Sendable {
    /// Processes that ended between being listed and being read.
    public var vanished: UInt64 = 0
    /// Reads of a process that the kernel refused.
    public var unreadable: UInt64 = 0
    /// Files whose content was not what the kernel's documentation says.
    public var malformed: UInt64 = 0
    /// Figures that cannot be true and were not taken.
    public var refused: UInt64 = 0
    /// Looks at processes that were skipped because the one before took too long.
    public var skippedTicks: UInt64 = 0
    /// The most processes that one look left out because more ran than a sampler follows.
    public var overLimit: UInt64 = 0
    /// Records of exits that the kernel dropped.
    public var exitRecordsLost: UInt64 = 0
    /// Events of processes that the kernel dropped.
    public var processEventsLost: UInt64 = 0
    /// Program images whose names could not be read in time.
    public var namesNotRead: UInt64 = 0
    /// Looks that were left out to save processor time.
    public var stretchedTicks: UInt64 = 0
    /// Sums and cgroups that were left out because there are too many.
    public var totalsOverLimit: UInt64 = 0

    /// All at zero.
    public init() {}
}
