public import MemoryModel

/// What a data frame says, about runs instead of slots.
public enum SessionEvent: Hashable, Sendable {
    /// HOST: what the host is.
    case host(HostDescription)
    /// DEFINE: runs that are new or have another description.
    case define([StartedRun])
    /// SAMPLES: what changed at some ticks.
    case samples([TickEvent])
    /// PEAKS: new peaks.
    case peaks([PeakEvent])
    /// WINDOWS: the most that runs held within a minute or an hour, in boot time.
    case windows(WindowsEvent)
    /// COVERED: what was watched throughout, in boot time.
    case covered(CoveredFrame)
    /// EXIT: runs that are over.
    case exits([ExitEvent])
    /// FOLD: many small runs as one, in boot time.
    case folds([Fold])
    /// COUNTERS: absolute counts of the epoch.
    case counters([CounterReason: UInt64])
    /// TOTALS: greatest sums, their times in boot time.
    case totals([TotalEvent])
    /// CGROUP: cgroups, each as a whole, their times in boot time.
    case cgroups([CgroupRecord])
    /// OOM: kills for want of memory, their times in boot time.
    case kills([OutOfMemoryKill])
    /// GAP: what was missed, in boot time.
    case gaps([Gap])
    /// SECTIONS: what sections of runs needed, their times in boot time.
    case sections([SectionRecord])
    /// PYTHON_GROWTH: which lines ran while Python programs grew.
    case growth([GrowthRecord])
    /// HEALTH: what the agent says of itself, in boot time.
    case health(AgentHealth)
    /// STATE_END: exactly these runs live, in the order of their slots.
    case stateEnd(live: [ProcessKey])
}

/// What changed at one look at all processes.
public struct TickEvent: Hashable, Sendable {
    /// When, in milliseconds of boot time.
    public var atMilliseconds: Int64
    /// `MemAvailable` in bytes; nil where the kernel does not say.
    public var availableBytes: UInt64?
    /// The runs that changed.
    public var samples: [SampleEvent]

    /// Takes the parts as they are.
    public init(atMilliseconds: Int64, availableBytes: UInt64?, samples: [SampleEvent]) {
        self.atMilliseconds = atMilliseconds
        self.availableBytes = availableBytes
        self.samples = samples
    }
}

/// What changed of one run at one tick.
public struct SampleEvent: Hashable, Sendable {
    /// Which run.
    public var key: ProcessKey
    /// Resident memory.
    public var resident: SamplesFrame.Change
    /// Memory in swap.
    public var swap: SamplesFrame.Change
    /// Processor time since its process began, in milliseconds; nil if it did not change.
    public var processorMilliseconds: UInt64?
    /// File-backed and shared memory.
    public var file: SamplesFrame.Change
    /// The proportional share of resident memory.
    public var proportional: SamplesFrame.Change

    /// Takes the parts as they are.
    public init(
        key: ProcessKey, resident: SamplesFrame.Change, swap: SamplesFrame.Change,
        processorMilliseconds: UInt64?, file: SamplesFrame.Change = .unchanged,
        proportional: SamplesFrame.Change = .unchanged
    ) {
        self.key = key
        self.resident = resident
        self.swap = swap
        self.processorMilliseconds = processorMilliseconds
        self.file = file
        self.proportional = proportional
    }
}

/// The greatest sum of one subject that its agent saw lately.
public struct TotalEvent: Hashable, Sendable {
    /// What the sum is made over.
    public var subject: TotalSubject
    /// The sum, its time in boot time.
    public var peak: TotalPeak

    /// Takes both parts as they are.
    public init(subject: TotalSubject, peak: TotalPeak) {
        self.subject = subject
        self.peak = peak
    }
}

/// New peaks of one run.
public struct PeakEvent: Hashable, Sendable {
    /// Which run.
    public var key: ProcessKey
    /// Its peak, its bracket in boot time; nil if only swap rose.
    public var peak: Peak?
    /// The most swap that was seen, in bytes; nil if that did not rise.
    public var swapPeakBytes: UInt64?

    /// Takes the parts as they are.
    public init(key: ProcessKey, peak: Peak?, swapPeakBytes: UInt64?) {
        self.key = key
        self.peak = peak
        self.swapPeakBytes = swapPeakBytes
    }
}

/// The most that some runs held within one window of time.
public struct WindowsEvent: Hashable, Sendable {
    /// A minute or an hour.
    public var length: WindowLength
    /// Where it begins, in milliseconds of boot time.
    public var startsAtMilliseconds: Int64
    /// What each run held.
    public var windows: [ProcessKey: Window]

    /// Takes the parts as they are.
    public init(
        length: WindowLength, startsAtMilliseconds: Int64, windows: [ProcessKey: Window]
    ) {
        self.length = length
        self.startsAtMilliseconds = startsAtMilliseconds
        self.windows = windows
    }
}

/// The end of one run.
public struct ExitEvent: Hashable, Sendable {
    /// Which run.
    public var key: ProcessKey
    /// How and when it ended, in boot time.
    public var end: RunEnd
    /// Processor time at the end in milliseconds; nil if not known.
    public var processorMilliseconds: UInt64?
    /// Page faults until the end; nil if not known.
    public var faults: FaultCounts?
    /// What is to be known of it besides.
    public var flags: RunFlags
    /// Its number among the ended runs and folds of its agent's start; nil where it has none.
    public var ordinal: UInt64?

    /// Takes the parts as they are.
    public init(
        key: ProcessKey, end: RunEnd, processorMilliseconds: UInt64?, faults: FaultCounts? = nil,
        flags: RunFlags = [], ordinal: UInt64? = nil
    ) {
        self.ordinal = ordinal
        self.key = key
        self.end = end
        self.processorMilliseconds = processorMilliseconds
        self.faults = faults
        self.flags = flags
    }
}
