public import MemoryModel

/// What a line of the kernel's log says about a kill for want of memory.
public enum KernelLogLine: Hashable, Sendable {
    /// The killer was called: what follows belongs to a new kill (`... invoked oom-killer:`).
    case invoked
    /// Whose limit it was, and in which cgroup the chosen process is (before Linux 5.0).
    case limitReached(victimCgroup: RawText, limitCgroup: RawText)
    /// The limit of the cgroup whose limit it was, in bytes (`memory: usage ..., limit ...`).
    case limit(bytes: UInt64)
    /// The summary of a kill (since Linux 5.0: `oom-kill:constraint=...`).
    case summary(KillSummary)
    /// A process that was chosen, of which a child may be killed instead (before Linux 5.1).
    case chosen(pid: Int32, constraint: MemoryConstraint)
    /// A process that was killed.
    case killed(KilledProcess)
    /// The others of the cgroup are killed as well (`memory.oom.group`).
    case groupFollows

    /// The summary line.
    public struct KillSummary: Hashable, Sendable {
        /// Whose want of memory it was; nil for a word that is not known.
        public var constraint: MemoryConstraint?
        /// The cgroup whose limit it was; nil for none and where the line is ambiguous.
        public var limitCgroup: RawText?
        /// The victim's cgroup; nil where the line is ambiguous.
        public var victimCgroup: RawText?
        /// The victim's thread group.
        public var pid: Int32
        /// The victim's user.
        public var userID: UInt32
    }

    /// The line that ends a kill.
    public struct KilledProcess: Hashable, Sendable {
        /// The victim: its thread group, or a thread of it if the leader has ended before.
        public var pid: Int32
        /// The victim's name.
        public var comm: RawText
        /// Anonymous, file and shared memory that it held, in bytes; nil if the line lacks it.
        public var residentBytes: UInt64?
        /// Whose want of memory it was, as far as this line says; nil if it does not.
        public var constraint: MemoryConstraint?
    }
}

/// A line of the kernel's log about a kill, with its time.
public struct KernelLogEvent: Hashable, Sendable {
    /// The record's number since boot.
    public var sequence: UInt64
    /// The kernel's stamp in milliseconds since boot: see `KernelLog` for how exact it is.
    public var atMilliseconds: Int64
    /// When it was read, in milliseconds since boot.
    public var readAtMilliseconds: Int64
    /// Whether it was in the log before it was first read, perhaps long before.
    public var isBacklog: Bool
    /// What it says.
    public var line: KernelLogLine

    /// Takes the parts as they are.
    public init(
        sequence: UInt64, atMilliseconds: Int64, readAtMilliseconds: Int64, isBacklog: Bool,
        line: KernelLogLine
    ) {
        self.sequence = sequence
        self.atMilliseconds = atMilliseconds
        self.readAtMilliseconds = readAtMilliseconds
        self.isBacklog = isBacklog
        self.line = line
    }
}
