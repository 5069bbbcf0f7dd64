/// A user's own name for something about a host, such as `rack=b7`.
public struct HostLabel: Hashable, Sendable, Comparable {
    /// The part before the equals sign.
    public var key: RawText
    /// The part after the equals sign.
    public var value: RawText

    /// Takes both parts as they are.
    public init(key: RawText, value: RawText) {
        self.key = key
        self.value = value
    }

    /// Orders by key, then value.
    public static func < (left: HostLabel, right: HostLabel) -> Bool {
        (left.key, left.value) < (right.key, right.value)
    }
}

/// What keeps an agent from seeing every process of its host.
public struct ViewRestrictions: OptionSet, Hashable, Sendable {
    /// The bits, as they travel on the wire.
    public let rawValue: UInt32

    /// Takes the bits as they are.
    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// `/proc` is mounted with `hidepid`, and other users' processes may be hidden.
    public static let hiddenProcesses = ViewRestrictions(rawValue: 1 << 0)
    /// The agent sees the processes of a pid namespace that is not the host's first.
    public static let pidNamespace = ViewRestrictions(rawValue: 1 << 1)
    /// The processes are read from a tree that is not this host's own `/proc`.
    public static let foreignTree = ViewRestrictions(rawValue: 1 << 2)
    /// The kernel gives the agent no records of exits: processes that live shorter than the
    /// interval are not seen.
    public static let withoutExitRecords = ViewRestrictions(rawValue: 1 << 3)
    /// Only commands are told of, as they were run, and nothing else of the host.
    public static let commandsOnly = ViewRestrictions(rawValue: 1 << 4)
    /// Nobody watches what its Python programs run while they grow.
    public static let withoutPython = ViewRestrictions(rawValue: 1 << 6)
}

/// What a host is: everything about it that changes seldom or never while it is up.
public struct HostDescription: Hashable, Sendable {
    /// Its name, a label only.
    public var name: RawText
    /// The kernel's release, as `uname -r` says it.
    public var kernelRelease: RawText
    /// `MemTotal` of `/proc/meminfo` in bytes.
    public var memoryTotalBytes: UInt64
    /// `SwapTotal` of `/proc/meminfo` in bytes.
    public var swapTotalBytes: UInt64
    /// Processors that are online.
    public var processorCount: UInt32
    /// Clock ticks a second, in which start times are counted (`_SC_CLK_TCK`).
    public var ticksPerSecond: UInt32
    /// The wall clock minus `CLOCK_BOOTTIME`: what makes a time of day of a time since boot.
    public var wallMinusBootMilliseconds: Int64
    /// How often processes are sampled.
    public var intervalMilliseconds: UInt32
    /// What the agent cannot see.
    public var restrictions: ViewRestrictions
    /// The user's labels, ordered by key.
    public var labels: [HostLabel]

    /// Takes the parts as they are.
    public init(
        name: RawText, kernelRelease: RawText, memoryTotalBytes: UInt64, swapTotalBytes: UInt64,
        processorCount: UInt32, ticksPerSecond: UInt32, wallMinusBootMilliseconds: Int64,
        intervalMilliseconds: UInt32, restrictions: ViewRestrictions, labels: [HostLabel]
    ) {
        self.name = name
        self.kernelRelease = kernelRelease
        self.memoryTotalBytes = memoryTotalBytes
        self.swapTotalBytes = swapTotalBytes
        self.processorCount = processorCount
        self.ticksPerSecond = ticksPerSecond
        self.wallMinusBootMilliseconds = wallMinusBootMilliseconds
        self.intervalMilliseconds = intervalMilliseconds
        self.restrictions = restrictions
        self.labels = labels
    }
}
