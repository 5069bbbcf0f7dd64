public import MemoryModel

/// What is known of a process that is followed, for the kill of it.
public struct FollowedProcess: Hashable, Sendable {
    /// Its run.
    public var run: ProcessKey
    /// The cgroup that its memory is charged to (`CgroupFile.memoryPath`); nil if not known.
    public var cgroup: RawText?
    /// Its peak as far as it is known, in bytes; nil if it is not.
    public var peakBytes: UInt64?

    /// Takes the parts as they are.
    public init(run: ProcessKey, cgroup: RawText?, peakBytes: UInt64?) {
        self.run = run
        self.cgroup = cgroup
        self.peakBytes = peakBytes
    }
}

/// A kill about which more may come to be known.
struct KillCandidate {
    var kill: OutOfMemoryKill
    /// When the agent learned of it, on the agent's clock.
    var noticedAtMilliseconds: Int64
    /// No exit before this was its victim's.
    var notBeforeMilliseconds: Int64
    /// The cgroup in which, or below which, it was; nil if not known.
    var place: RawText?
    /// Whether a rise of its cgroup's count was put down to it.
    var isCounted = false
    /// What was handed out about it.
    var given: OutOfMemoryKill?

    var isFromLog: Bool { kill.evidence.contains(.kernelLog) }
    var isFromExit: Bool { kill.evidence.contains(.killedByExitRecord) }

    /// Takes in what is known of the victim.
    mutating func take(_ process: FollowedProcess) {
        kill.pid = process.run.pid
        kill.run = process.run
        kill.lastPeakBytes = process.peakBytes ?? kill.lastPeakBytes
        kill.cgroup = process.cgroup ?? kill.cgroup
    }
}

/// A process that ended by SIGKILL.
struct KilledExit {
    var process: FollowedProcess
    var atMilliseconds: Int64
}

/// What the log told of one call of the killer so far.
struct KillReport {
    var constraint: MemoryConstraint?
    var limitCgroup: RawText?
    var limitBytes: UInt64?
    /// The victim's cgroup, and whose it is.
    var victimCgroup: RawText?
    var victimPid: Int32?
    /// Whether the pid is that of a thread group for sure.
    var isSummarized = false

    /// What holds for the others of the cgroup that are killed along.
    var forOthers: KillReport {
        KillReport(constraint: constraint, limitCgroup: limitCgroup, limitBytes: limitBytes)
    }

    /// Takes in a line of the log, other than the one that ends a kill.
    mutating func take(_ line: KernelLogLine) {
        switch line {
        case .invoked, .killed, .groupFollows: break
        case .limitReached(let victim, let limit):
            victimCgroup = victim
            limitCgroup = limit
        case .limit(let bytes): limitBytes = bytes
        case .chosen(let pid, let constraint):
            victimPid = pid
            self.constraint = constraint
        case .summary(let summary):
            constraint = summary.constraint
            limitCgroup = summary.limitCgroup
            victimCgroup = summary.victimCgroup
            victimPid = summary.pid
            isSummarized = true
        }
    }

    /// The kill of `victim`.
    func kill(of victim: KernelLogLine.KilledProcess, atMilliseconds: Int64) -> OutOfMemoryKill {
        var kill = OutOfMemoryKill(atMilliseconds: atMilliseconds, evidence: .kernelLog)
        // The last line names a thread where the leader has ended; the summary names the leader.
        kill.pid = isSummarized ? victimPid : victim.pid
        kill.comm = victim.comm
        kill.residentBytes = victim.residentBytes
        kill.constraint = constraint ?? victim.constraint
        if kill.pid == victimPid { kill.cgroup = victimCgroup }
        if kill.constraint == .cgroup {
            kill.limitCgroup = limitCgroup
            kill.limitBytes = limitBytes
        }
        return kill
    }
}

extension RawText {
    /// Whether this path of a cgroup is `other` or below it.
    func isCgroup(atOrBelow other: RawText) -> Bool {
        if self == other || other == "/" { return true }
        return bytes.count > other.bytes.count && bytes.starts(with: other.bytes)
            && bytes[other.bytes.count] == UInt8(ascii: "/")
    }
}
