public import MemoryModel

/// Whether a host is heard of.
public enum HostState: String, Hashable, Sendable, CaseIterable {
    /// Its agent reports.
    case up
    /// Its agent should have reported by now.
    case late
    /// Its agent has not reported for so long that nothing is known of the host's present.
    case gone

    /// After this silence a host is late, in milliseconds.
    public static let lateAfterMilliseconds: Int64 = 15_000
    /// After this silence a host is gone, in milliseconds.
    public static let goneAfterMilliseconds: Int64 = 300_000

    /// The state after `silenceMilliseconds` since the host was last heard.
    ///
    /// `intervalMilliseconds` is how often its agent samples: three times that is never late,
    /// and twenty times that never gone.
    public init(silenceMilliseconds: Int64, intervalMilliseconds: UInt32 = 1_000) {
        let interval = Int64(intervalMilliseconds)
        if silenceMilliseconds <= max(HostState.lateAfterMilliseconds, 3 * interval) {
            self = .up
        } else if silenceMilliseconds <= max(HostState.goneAfterMilliseconds, 20 * interval) {
            self = .late
        } else {
            self = .gone
        }
    }
}

/// Two machines that claim one host id, by their addresses.
public struct HostClaimants: Hashable, Sendable {
    /// The one that is connected.
    public var present: String
    /// The one that was turned away last.
    public var refused: String

    /// Takes both as they are.
    public init(present: String, refused: String) {
        self.present = present
        self.refused = refused
    }
}

/// A host as every view takes it in.
public struct ReportedHost: Hashable, Sendable {
    /// Its lasting name.
    public var id: HostID
    /// What it is.
    public var description: HostDescription
    /// The version of its agent.
    public var agentVersion: RawText
    /// Whether it is heard of.
    public var state: HostState
    /// When it was last heard, in milliseconds since the epoch in UTC.
    public var lastHeardAtMilliseconds: Int64
    /// Memory that is available now, in bytes; nil where it is not known.
    public var memoryAvailableBytes: UInt64?
    /// What its agents could not see, summed over their starts.
    public var counters: [CounterReason: UInt64]
    /// Whether its clock is so far ahead of the collector's that its times are not taken.
    public var isClockSuspect: Bool
    /// The addresses of two machines that claimed its host id within the last hour, the one that is
    /// connected first; nil where only one does.
    public var claimants: HostClaimants?
    /// What its agent last said of itself, with its times in UTC; nil where it said nothing yet.
    public var health: AgentHealth?
    /// What the collector keeps of it takes on disk, roughly, in bytes; nil where nobody measured.
    public var storeBytes: UInt64?

    /// Takes the parts as they are.
    public init(
        id: HostID, description: HostDescription, agentVersion: RawText, state: HostState,
        lastHeardAtMilliseconds: Int64, memoryAvailableBytes: UInt64? = nil,
        counters: [CounterReason: UInt64] = [:], isClockSuspect: Bool = false,
        health: AgentHealth? = nil
    ) {
        self.id = id
        self.description = description
        self.agentVersion = agentVersion
        self.state = state
        self.lastHeardAtMilliseconds = lastHeardAtMilliseconds
        self.memoryAvailableBytes = memoryAvailableBytes
        self.counters = counters
        self.isClockSuspect = isClockSuspect
        self.health = health
    }

    /// Memory in use now, in bytes; nil where it is not known, as of a host that is gone.
    public var memoryUsedBytes: UInt64? {
        guard state != .gone, let memoryAvailableBytes, description.memoryTotalBytes > 0 else {
            return nil
        }
        let total = description.memoryTotalBytes
        return total - min(total, memoryAvailableBytes)
    }
}

/// A run as every view takes it in, with its times in UTC.
public struct ReportedRun: Hashable, Sendable {
    /// Its host.
    public var host: HostID
    /// The name of that host.
    public var hostName: RawText
    /// The labels of that host.
    public var labels: [HostLabel]
    /// Its boot.
    public var boot: BootID
    /// Everything known of it; all times are milliseconds since the epoch in UTC.
    public var record: RunRecord

    /// Takes the parts as they are.
    public init(
        host: HostID, hostName: RawText, labels: [HostLabel], boot: BootID, record: RunRecord
    ) {
        self.host = host
        self.hostName = hostName
        self.labels = labels
        self.boot = boot
        self.record = record
    }

    /// Which run this is in the whole fleet.
    public var key: RunKey { RunKey(host: host, boot: boot, process: record.key) }

    /// The name of its user, or the number where there is no name; nil where neither is known.
    public var user: RawText? { record.description.userOrID }

    /// Whether the true peak may be above the one that is known; nil where none is known.
    ///
    /// What the kernel said at exit is final, and its mark is the whole truth while the run lives
    /// and is looked at. A sampled peak may have been passed between two samples; a run that
    /// ended, or whose host is gone, may have risen after its mark was last read. Of a run that
    /// resets its mark, what it told last may be lost.
    public func isPeakLowerBound(isHostGone: Bool = false) -> Bool? {
        guard let peak = record.peak else { return nil }
        return RunJudgement.isLowerBound(
            peak, record.flags, hasEnd: record.end != nil, isHostGone: isHostGone)
    }

    /// Whether the peak may be what the program said of itself.
    public var isPeakTold: Bool { RunJudgement.isTold(record.peak, record.flags) }

    /// Whether the kernel killed it for want of memory; nil where nobody could know.
    ///
    /// `isKillSeen` says whether its host's agent learns of such kills. Whoever exited by itself,
    /// executed another program or died by another signal than SIGKILL was not killed so, also
    /// where it does not.
    public func wasOutOfMemoryKilled(isKillSeen: Bool) -> Bool? {
        RunJudgement.wasKilledForMemory(record.flags, record.end, isKillSeen: isKillSeen)
    }
}

extension RunDescription {
    /// The name of the user, or the number where there is no name; nil where neither is known.
    var userOrID: RawText? { user ?? userID.map { RawText(String($0)) } }
}
