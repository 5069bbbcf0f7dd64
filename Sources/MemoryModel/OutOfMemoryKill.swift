/// Whose want of memory made the kernel kill a process.
///
/// The numbers are those of the wire and of the store.
public enum MemoryConstraint: UInt8, Hashable, Sendable, CaseIterable {
    /// The host had no memory left.
    case host = 1
    /// A cgroup was at its limit.
    case cgroup = 2
    /// A set of memory nodes was used up (cpuset or memory policy).
    case nodes = 3

    /// The word for it in reports.
    public var word: String {
        switch self {
        case .host: "host"
        case .cgroup: "cgroup"
        case .nodes: "nodes"
        }
    }
}

/// From what a kill is known.
public struct KillEvidence: OptionSet, Hashable, Sendable {
    /// The bits, as they travel on the wire.
    public let rawValue: UInt8

    /// Takes the bits as they are.
    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// The kernel's log named the victim (`/dev/kmsg`).
    public static let kernelLog = KillEvidence(rawValue: 1 << 0)
    /// The cgroup's count of kills rose (`memory.events`, `memory.oom_control`).
    public static let cgroupEvents = KillEvidence(rawValue: 1 << 1)
    /// The process ended by SIGKILL at that time.
    public static let killedByExitRecord = KillEvidence(rawValue: 1 << 2)
}

/// A process that the kernel killed for want of memory.
///
/// It is named by its boot, time and victim: an agent that reads the kernel's log again finds the
/// same kill, not another one.
public struct OutOfMemoryKill: Hashable, Sendable {
    /// When, in milliseconds of the owner's clock; for a kill without a line in the kernel's log,
    /// when it was noticed.
    public var atMilliseconds: Int64
    /// The victim's thread group; nil if nobody said which process it was.
    public var pid: Int32?
    /// The victim's run; nil if it was not followed.
    public var run: ProcessKey?
    /// The victim's name as the kernel's log has it; nil if it does not.
    public var comm: RawText?
    /// Whose limit it was; nil if nobody said.
    public var constraint: MemoryConstraint?
    /// The cgroup whose limit it was; nil where it was none or is not known.
    public var limitCgroup: RawText?
    /// The limit in bytes: the cgroup's, or the host's memory; nil if not known.
    public var limitBytes: UInt64?
    /// The victim's cgroup; nil if not known.
    public var cgroup: RawText?
    /// What the victim held when it was killed, as the kernel's log has it: anonymous, file and
    /// shared memory; nil if it does not.
    public var residentBytes: UInt64?
    /// The victim's peak as last known then, in bytes; nil if it was not followed.
    public var lastPeakBytes: UInt64?
    /// How it is known.
    public var evidence: KillEvidence

    /// A kill of which only the time and the evidence are known.
    public init(atMilliseconds: Int64, evidence: KillEvidence) {
        self.atMilliseconds = atMilliseconds
        self.evidence = evidence
    }
}
