/// The ways by which an agent learns of its host, beside procfs.
public struct AgentSources: OptionSet, Hashable, Sendable {
    /// The bits, as they travel on the wire.
    public let rawValue: UInt32

    /// Takes the bits as they are.
    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// The kernel's records of exits (taskstats).
    public static let exitRecords = AgentSources(rawValue: 1 << 0)
    /// The kernel's events of fork and exec (proc connector).
    public static let processEvents = AgentSources(rawValue: 1 << 1)
    /// Marks of living processes, many at once (taskstats).
    public static let batchedMarks = AgentSources(rawValue: 1 << 2)
    /// The kernel's log (`/dev/kmsg`).
    public static let kernelLog = AgentSources(rawValue: 1 << 3)
    /// The memory controller of cgroups, version 1.
    public static let cgroupVersion1 = AgentSources(rawValue: 1 << 4)
    /// The memory controller of cgroups, version 2.
    public static let cgroupVersion2 = AgentSources(rawValue: 1 << 5)
}

/// What an agent says of itself; the last word counts.
public struct AgentHealth: Hashable, Sendable {
    /// When it was true, in milliseconds of the owner's clock.
    public var atMilliseconds: Int64
    /// When the agent started.
    public var startedAtMilliseconds: Int64
    /// Processor time that the agent used since its start, in milliseconds.
    public var processorMilliseconds: UInt64
    /// What is resident of it now, in bytes; nil if it could not be read.
    public var residentBytes: UInt64?
    /// Anonymous memory of it now, in bytes; nil if it could not be read.
    public var anonymousBytes: UInt64?
    /// The most that was resident of it, in bytes; nil if it could not be read.
    public var peakBytes: UInt64?
    /// The interval that it was told to keep, in milliseconds.
    public var askedIntervalMilliseconds: UInt32
    /// The interval that it keeps, longer where looking would cost too much.
    public var intervalMilliseconds: UInt32
    /// The mean time of a look in the last minute, in microseconds.
    public var lookMicroseconds: UInt64
    /// The longest look since its start, in microseconds.
    public var longestLookMicroseconds: UInt64
    /// Runs that it holds.
    public var runCount: UInt64
    /// How it learns of its host.
    public var sources: AgentSources

    /// Whether it ran long enough, for a second, to say what share of a processor it uses.
    public var knowsShare: Bool {
        let (age, overflow) = atMilliseconds.subtractingReportingOverflow(startedAtMilliseconds)
        return !overflow && age >= 1_000
    }

    /// An agent of which nothing was measured.
    public init(atMilliseconds: Int64, startedAtMilliseconds: Int64) {
        self.atMilliseconds = atMilliseconds
        self.startedAtMilliseconds = startedAtMilliseconds
        self.processorMilliseconds = 0
        self.askedIntervalMilliseconds = 0
        self.intervalMilliseconds = 0
        self.lookMicroseconds = 0
        self.longestLookMicroseconds = 0
        self.runCount = 0
        self.sources = []
    }
}
