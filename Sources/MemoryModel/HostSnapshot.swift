/// What one look at every process of a host found, in the order in which it is to be applied:
/// ends, then starts, then renames, then observations.
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
    /// What was measured.
    public var observed: [RunObservation]
    /// What could not be measured, since the agent started.
    public var counters: SamplerCounters

    /// A snapshot of nothing at `takenAtMilliseconds`.
    public init(takenAtMilliseconds: Int64) {
        self.takenAtMilliseconds = takenAtMilliseconds
        self.memoryAvailableBytes = nil
        self.ended = []
        self.started = []
        self.renamed = []
        self.observed = []
        self.counters = SamplerCounters()
    }
}

/// A run and what is known of it.
public struct StartedRun: Hashable, Sendable {
    /// Which run.
    public var key: ProcessKey
    /// What it runs and for whom.
    public var description: RunDescription

    /// Takes both parts as they are.
    public init(key: ProcessKey, description: RunDescription) {
        self.key = key
        self.description = description
    }
}

/// A run and its end.
public struct EndedRun: Hashable, Sendable {
    /// Which run.
    public var key: ProcessKey
    /// How and when it ended.
    public var end: RunEnd

    /// Takes both parts as they are.
    public init(key: ProcessKey, end: RunEnd) {
        self.key = key
        self.end = end
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
    /// Memory in swap now (`VmSwap`), in bytes.
    public var swapBytes: UInt64?
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

    /// All at zero.
    public init() {}
}
