/// How a process ended, and what the kernel's answer to waiting for it says (`wait4(2)`).
///
/// The figures are those of the process and of all that it waited for itself.
public struct CommandEnd: Hashable, Sendable {
    /// The exit status; nil if a signal ended it.
    public var exitCode: Int32?
    /// The signal that ended it; nil if none did.
    public var signal: Int32?
    /// Whether that left a core.
    public var hasDumpedCore: Bool
    /// The largest size that any of these processes had, in bytes (`ru_maxrss`).
    ///
    /// It counts every program that they executed, and what a process had of its parent at its
    /// start.
    public var largestBytes: UInt64
    /// Processor time in user mode.
    public var userMicroseconds: UInt64
    /// Processor time in the kernel.
    public var systemMicroseconds: UInt64
    /// Page faults.
    public var faults: FaultCounts

    /// Takes the parts as they are.
    public init(
        exitCode: Int32?, signal: Int32?, hasDumpedCore: Bool, largestBytes: UInt64,
        userMicroseconds: UInt64, systemMicroseconds: UInt64, faults: FaultCounts
    ) {
        self.exitCode = exitCode
        self.signal = signal
        self.hasDumpedCore = hasDumpedCore
        self.largestBytes = largestBytes
        self.userMicroseconds = userMicroseconds
        self.systemMicroseconds = systemMicroseconds
        self.faults = faults
    }
}

/// The figures of the cgroup that a command ran in.
public struct CommandCgroup: Hashable, Sendable {
    /// The kernel's mark of all that was charged to it, page cache included; nil before Linux 5.19
    /// with version 2.
    public var markBytes: UInt64?
    /// What of the memory at the end was page cache or shared memory; nil if it cannot be read.
    public var fileBytes: UInt64?
    /// The limit that was set; nil for none.
    public var limitBytes: UInt64?
    /// Processes that the kernel killed in it for want of memory; nil if it cannot be read.
    public var killCount: UInt64?

    /// Nothing is known.
    public init() {}
}

/// The greatest sum of resident memory that one look found.
public struct CommandSum: Hashable, Sendable {
    /// The sum; pages that several processes share count once for each.
    public var bytes: UInt64
    /// How many processes had memory then.
    public var processCount: Int
    /// When, in milliseconds since the start.
    public var atMilliseconds: Int64

    /// Takes the parts as they are.
    public init(bytes: UInt64, processCount: Int, atMilliseconds: Int64) {
        self.bytes = bytes
        self.processCount = processCount
        self.atMilliseconds = atMilliseconds
    }
}

/// What ran in the Python programs of a command while they grew.
public struct CommandPythonGrowth: Hashable, Sendable {
    /// What was found of each process, the one that grew most first.
    public var processes: [PythonGrowth]
    /// How many processes grew less and are left out.
    public var leftOutCount = 0
    /// Why processes that grew were not watched, and how many.
    public var problems: [PythonGrowth.Fault] = []

    /// Takes what was found.
    public init(processes: [PythonGrowth]) {
        self.processes = processes
    }
}

/// A command that was run, and what became known of it and of its descendants.
///
/// Times are those of the clock since boot, unless they say otherwise.
public struct CommandRun: Sendable {
    /// The command and its arguments.
    public var arguments: [RawText]
    /// What the user wants to find it by.
    public var labels: [HostLabel] = []
    /// Its process.
    public var pid: Int32
    /// When it began, in milliseconds of UTC.
    public var startedAtMilliseconds: Int64
    /// How long it took.
    public var elapsedMicroseconds: UInt64
    /// How it ended.
    public var end: CommandEnd
    /// What became of orphans that were waited for, each with all that it waited for itself.
    public var adopted: CommandTotals = CommandTotals()
    /// The size of the copy of the launcher in which it was executed: no `largestBytes` is below.
    public var floorBytes: UInt64
    /// All runs of the command and its descendants that are kept.
    public var runs: [RunRecord]
    /// `largestBytes` of the processes that were waited for here.
    public var waitBytes: [ProcessKey: UInt64] = [:]
    /// How many runs there were besides, the smallest.
    public var leftOutCount: UInt64 = 0
    /// The greatest sum of all; nil if no look found any.
    public var sum: CommandSum?
    /// The sum at each look, merged where there were many.
    public var curve = MemoryCurve()
    /// The time between two looks, in the first second and then.
    public var intervalsMilliseconds: [Int64] = []
    /// The figures of its cgroup; nil if it had none of its own.
    public var cgroup: CommandCgroup?
    /// Why it had none; nil if it had, or if none was wanted.
    public var cgroupProblem: String?
    /// Why ends were not told by the kernel; nil if they were.
    public var recordProblem: String?
    /// What the kernel dropped of what it told.
    public var lostCount: UInt64 = 0
    /// What ran in its Python programs while they grew; nil if nobody asked for it.
    public var python: CommandPythonGrowth?
    /// Kills for want of memory among the command and its descendants.
    public var kills: [OutOfMemoryKill] = []
    /// What a collector was told; nil where none was named.
    public var delivery: CommandDelivery?

    /// Takes what has to be known.
    public init(
        arguments: [RawText], pid: Int32, startedAtMilliseconds: Int64,
        elapsedMicroseconds: UInt64, end: CommandEnd, floorBytes: UInt64, runs: [RunRecord]
    ) {
        self.arguments = arguments
        self.pid = pid
        self.startedAtMilliseconds = startedAtMilliseconds
        self.elapsedMicroseconds = elapsedMicroseconds
        self.end = end
        self.floorBytes = floorBytes
        self.runs = runs
    }
}

/// How far a collector was told of a command.
public struct CommandDelivery: Hashable, Sendable {
    /// What became of it.
    public enum Outcome: Hashable, Sendable {
        /// All runs are on the collector's disk.
        case told
        /// The agent of this host tells of them.
        case toldByAgent
        /// Some or all are not there: why.
        case untold(String)
    }

    /// The address of the collector that was spoken to last.
    public var collector: String
    /// How many runs there were to tell of.
    public var runCount: UInt64
    /// What became of it.
    public var outcome: Outcome

    /// Takes the parts as they are.
    public init(collector: String, runCount: UInt64, outcome: Outcome) {
        self.collector = collector
        self.runCount = runCount
        self.outcome = outcome
    }
}

/// Sums over several processes that ended.
public struct CommandTotals: Hashable, Sendable {
    /// How many.
    public var count = 0
    /// The largest `largestBytes`; nil for none.
    public var largestBytes: UInt64?
    /// Processor time in user mode.
    public var userMicroseconds: UInt64 = 0
    /// Processor time in the kernel.
    public var systemMicroseconds: UInt64 = 0
    /// Page faults.
    public var faults = FaultCounts(minor: 0, major: 0)

    /// Nothing.
    public init() {}

    /// Adds one more.
    public mutating func add(_ end: CommandEnd) {
        count += 1
        largestBytes = max(largestBytes ?? 0, end.largestBytes)
        userMicroseconds &+= end.userMicroseconds
        systemMicroseconds &+= end.systemMicroseconds
        faults = FaultCounts(
            minor: faults.minor &+ end.faults.minor, major: faults.major &+ end.faults.major)
    }
}
