public import Report

/// A host as a live screen shows it; nil is always what is not known.
public struct HostRow: Hashable, Sendable {
    /// Its lasting name.
    public var id: String
    /// Its name as bytes, which may be hostile.
    public var name: [UInt8]
    /// Whether it is heard of.
    public var state: HostState
    /// When it was last heard, in milliseconds since the epoch in UTC.
    public var lastHeardAtMilliseconds: Int64?
    /// The memory that it has, in bytes.
    public var memoryTotalBytes: UInt64?
    /// What of it is in use now, in bytes.
    public var memoryUsedBytes: UInt64?
    /// How many runs live on it.
    public var liveRunCount: Int = 0
    /// The program that holds most memory now.
    public var largestProgram: [UInt8]?
    /// What that holds, in bytes.
    public var largestBytes: UInt64?
    /// The program with the largest peak of the last 24 hours.
    public var peakProgram: [UInt8]?
    /// That peak, in bytes.
    public var peakBytes: UInt64?
    /// The version of its agent.
    public var agentVersion: [UInt8] = []
    /// Whether its agent cannot see every process.
    public var isRestricted = false
    /// Whether nobody waits for its agent, as only commands were told of.
    public var isCommandsOnly = false

    /// A host of which no more is known.
    public init(id: String, name: [UInt8], state: HostState) {
        self.id = id
        self.name = name
        self.state = state
    }
}

/// A living process as a live screen shows it; nil is always what is not known.
public struct ProcessRow: Hashable, Sendable {
    /// The short name of the run.
    public var runID: String
    /// The lasting name of its host.
    public var hostID: String
    /// The name of its host.
    public var host: [UInt8]
    /// Its process.
    public var pid: Int
    /// Its user.
    public var user: [UInt8]?
    /// What it ran.
    public var program: [UInt8]
    /// Its command line, as far as it is let out.
    public var command: [UInt8]?
    /// Processor time over its life, in tenths of a percent of one processor.
    public var processorPermille: Int?
    /// Its share of the host's memory, in tenths of a percent.
    public var memoryPermille: Int?
    /// Resident memory now, in bytes.
    public var residentBytes: UInt64?
    /// Swap now, in bytes.
    public var swapBytes: UInt64?
    /// Its proportional share of memory now (PSS), in bytes.
    public var proportionalBytes: UInt64?
    /// Its peak.
    public var peak: PeakCell?
    /// How long it has run, in milliseconds.
    public var elapsedMilliseconds: Int64?

    /// A process of which no more is known.
    public init(
        runID: String, hostID: String, host: [UInt8], pid: Int, program: [UInt8]
    ) {
        self.runID = runID
        self.hostID = hostID
        self.host = host
        self.pid = pid
        self.program = program
    }
}

/// A peak with what is known about it.
public struct PeakCell: Hashable, Sendable {
    /// Its size in bytes.
    public var bytes: UInt64
    /// Where it comes from: `exit`, `hwm`, `told`, `cgroup` or `sampled`.
    public var source: String
    /// When it was there at the earliest, in milliseconds since the epoch in UTC.
    public var notBeforeMilliseconds: Int64?
    /// When it was reached at the latest, likewise.
    public var notAfterMilliseconds: Int64?
    /// Whether the true peak may be greater.
    public var isLowerBound: Bool
    /// Whether it is only what was inherited from the parent at fork.
    public var isInherited: Bool

    /// Takes the parts as they are.
    public init(
        bytes: UInt64, source: String, notBeforeMilliseconds: Int64? = nil,
        notAfterMilliseconds: Int64? = nil, isLowerBound: Bool = false, isInherited: Bool = false
    ) {
        self.bytes = bytes
        self.source = source
        self.notBeforeMilliseconds = notBeforeMilliseconds
        self.notAfterMilliseconds = notAfterMilliseconds
        self.isLowerBound = isLowerBound
        self.isInherited = isInherited
    }

    /// Whether it may be older by more than a minute than its end says, as when somebody looked for
    /// the first time.
    var isOlder: Bool {
        guard let notBeforeMilliseconds, let notAfterMilliseconds else { return false }
        return notAfterMilliseconds - notBeforeMilliseconds > 60_000
    }

    /// The mark behind its size, the same as in `ps`; a space where it is the whole truth.
    var mark: String {
        if isInherited { return "i" }
        guard isLowerBound else { return " " }
        switch source {
        case "sampled": return "~"
        case "told": return "t"
        default: return "+"
        }
    }
}

/// All runs of a program as a live screen shows them; nil is always what is not known.
public struct ProgramRow: Hashable, Sendable {
    /// The program.
    public var program: [UInt8]
    /// How many runs there were in the last 24 hours.
    public var runs: Int
    /// The largest peak of one of them.
    public var peak: PeakCell?
    /// The 95th percentile of their peaks, in bytes.
    public var peakP95Bytes: UInt64?
    /// The median of their peaks, in bytes.
    public var peakMedianBytes: UInt64?
    /// The most that all of them held together, in bytes.
    public var peakOfSumBytes: UInt64?
    /// What stands before that, as it is no exact figure.
    public var peakOfSumMark = ""
    /// What the living ones hold now, in bytes.
    public var residentBytes: UInt64?
    /// Their processor time, in milliseconds.
    public var processorMilliseconds: UInt64?
    /// Whether the kernel killed one of them for want of memory.
    public var wasOutOfMemoryKilled: Bool?

    /// A program of which no more is known.
    public init(program: [UInt8], runs: Int) {
        self.program = program
        self.runs = runs
    }
}

/// A kill for want of memory as a live screen shows it; nil is always what is not known.
public struct KillRow: Hashable, Sendable {
    /// When it was, in milliseconds since the epoch in UTC.
    public var atMilliseconds: Int64?
    /// The name of the host.
    public var host: [UInt8]
    /// The lasting name of the host.
    public var hostID: String
    /// The process.
    public var pid: Int?
    /// Its program, or the kernel's name of it.
    public var victim: [UInt8]?
    /// Its user.
    public var user: [UInt8]?
    /// Its peak, in bytes.
    public var peakBytes: UInt64?
    /// What it held when it was killed, in bytes.
    public var residentBytes: UInt64?
    /// The limit that was hit, in bytes.
    public var limitBytes: UInt64?
    /// Whose limit it was: a cgroup, or a word for the host.
    public var limitOwner: [UInt8]?
    /// How it is known, in words.
    public var evidence: String
    /// The short name of the run.
    public var runID: String?

    /// A kill of which no more is known.
    public init(host: [UInt8], hostID: String, evidence: String) {
        self.host = host
        self.hostID = hostID
        self.evidence = evidence
    }
}
