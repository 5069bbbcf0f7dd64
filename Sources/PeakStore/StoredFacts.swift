public import MemoryModel

/// The greatest sum of one subject in one hour, as the store keeps it.
public struct StoredTotal: Hashable, Sendable {
    /// The host.
    public var host: HostID
    /// Its boot then, which the runs of the composition belong to.
    public var boot: BootID
    /// What the sum is made over.
    public var subject: TotalSubject
    /// When the hour began, in milliseconds since the epoch in UTC.
    public var hourMilliseconds: Int64
    /// The greatest sum, its time in UTC.
    public var peak: TotalPeak

    /// How long an hour is.
    public static let hourLengthMilliseconds: Int64 = 3_600_000

    /// Takes the parts as they are.
    public init(
        host: HostID, boot: BootID, subject: TotalSubject, hourMilliseconds: Int64,
        peak: TotalPeak
    ) {
        self.host = host
        self.boot = boot
        self.subject = subject
        self.hourMilliseconds = hourMilliseconds
        self.peak = peak
    }
}

/// A cgroup as the store keeps it, with its times in UTC.
public struct StoredCgroup: Hashable, Sendable {
    /// The host.
    public var host: HostID
    /// Its boot.
    public var boot: BootID
    /// Everything known of it.
    public var record: CgroupRecord

    /// Takes the parts as they are.
    public init(host: HostID, boot: BootID, record: CgroupRecord) {
        self.host = host
        self.boot = boot
        self.record = record
    }
}

/// A kill for want of memory as the store keeps it.
public struct StoredKill: Hashable, Sendable {
    /// The host.
    public var host: HostID
    /// Its boot.
    public var boot: BootID
    /// The kill, its time in milliseconds since boot, because that names it.
    public var kill: OutOfMemoryKill
    /// When it was, in milliseconds since the epoch in UTC; nil where the clock of the host could
    /// not be trusted.
    public var atMilliseconds: Int64?

    /// Takes the parts as they are.
    public init(host: HostID, boot: BootID, kill: OutOfMemoryKill, atMilliseconds: Int64?) {
        self.host = host
        self.boot = boot
        self.kill = kill
        self.atMilliseconds = atMilliseconds
    }
}

/// A gap as the store keeps it, with its times in UTC.
public struct StoredGap: Hashable, Sendable {
    /// The host.
    public var host: HostID
    /// The start of the agent that numbered it.
    public var epoch: UInt64
    /// The gap.
    public var gap: Gap

    /// Takes the parts as they are.
    public init(host: HostID, epoch: UInt64, gap: Gap) {
        self.host = host
        self.epoch = epoch
        self.gap = gap
    }
}

/// What a section of a run needed as the store keeps it, with its times in UTC.
public struct StoredSection: Hashable, Sendable {
    /// The host.
    public var host: HostID
    /// Its boot.
    public var boot: BootID
    /// The start of the agent that was told of the calls.
    public var epoch: UInt64
    /// The section.
    public var record: SectionRecord

    /// Takes the parts as they are.
    public init(host: HostID, boot: BootID, epoch: UInt64, record: SectionRecord) {
        self.host = host
        self.boot = boot
        self.epoch = epoch
        self.record = record
    }

    /// The run in the whole fleet.
    public var runKey: RunKey { RunKey(host: host, boot: boot, process: record.key.run) }
}

/// Which lines of a run ran while it grew, as the store keeps it.
public struct StoredGrowth: Hashable, Sendable {
    /// The host.
    public var host: HostID
    /// Its boot.
    public var boot: BootID
    /// The start of the agent that saw it.
    public var epoch: UInt64
    /// What it saw.
    public var record: GrowthRecord

    /// Takes the parts as they are.
    public init(host: HostID, boot: BootID, epoch: UInt64, record: GrowthRecord) {
        self.host = host
        self.boot = boot
        self.epoch = epoch
        self.record = record
    }

    /// The run in the whole fleet.
    public var runKey: RunKey { RunKey(host: host, boot: boot, process: record.run) }
}

/// What a host's agent last said of itself, with its times in UTC.
public struct StoredHealth: Hashable, Sendable {
    /// The host.
    public var host: HostID
    /// The start of the agent that said it.
    public var epoch: UInt64
    /// What it said.
    public var health: AgentHealth

    /// Takes the parts as they are.
    public init(host: HostID, epoch: UInt64, health: AgentHealth) {
        self.host = host
        self.epoch = epoch
        self.health = health
    }
}
