public import MemoryModel

/// How much may come in over time: so much a second, and so much at once after silence.
public struct RateLimit: Hashable, Sendable {
    /// What may come in each second in the long run; above 0.
    public var perSecond: Int
    /// What may come in at once; above 0.
    public var burst: Int

    /// Takes both numbers; both are above 0 and at most 2^40.
    public init(perSecond: Int, burst: Int) {
        precondition((1...(1 << 40)).contains(perSecond), "a rate is from 1 to 2^40")
        precondition((1...(1 << 40)).contains(burst), "a burst is from 1 to 2^40")
        self.perSecond = perSecond
        self.burst = burst
    }
}

/// What a collector tells its agents, and what it takes from each of them.
public struct ReceiverSettings: Hashable, Sendable {
    /// The collector's store.
    public var storeID: StoreID
    /// The collector's version, a label of at most 64 bytes.
    public var collectorVersion: RawText
    /// Slots are below this number, 1 to `WireLimits.maximumSlots`.
    public var maximumRuns: UInt32
    /// How many data frames may be without an ACK at first, at most `WireLimits.maximumCredit`.
    public var credit: UInt64
    /// Largest wireLength, 4,096 to `WireLimits.maximumWireBytes`.
    public var maximumWireBytes: Int
    /// How long either side may send nothing before it sends PING, 1,000 to 15,000.
    ///
    /// More would not fit three times into the idle deadline.
    public var pingIntervalMilliseconds: Int
    /// How many runs an agent may define; a full state must fit into the burst.
    public var defineRate: RateLimit
    /// How many bytes of frames an agent may send, as they are on the wire, headers included.
    public var byteRate: RateLimit

    /// Takes the settings, which must be within the bounds above.
    public init(
        storeID: StoreID, collectorVersion: RawText, maximumRuns: UInt32 = 65_536,
        credit: UInt64 = 64, maximumWireBytes: Int = WireLimits.maximumWireBytes,
        pingIntervalMilliseconds: Int = WireLimits.pingIntervalMilliseconds,
        defineRate: RateLimit = RateLimit(perSecond: 200, burst: 70_000),
        byteRate: RateLimit = RateLimit(perSecond: 1 << 20, burst: 8 << 20)
    ) {
        precondition(collectorVersion.bytes.count <= 64, "a version is at most 64 bytes")
        precondition((1...UInt32(WireLimits.maximumSlots)).contains(maximumRuns))
        precondition(credit <= UInt64(WireLimits.maximumCredit))
        precondition(
            (WireLimits.maximumBytesBeforeWelcome...WireLimits.maximumWireBytes)
                .contains(maximumWireBytes))
        precondition(
            (1_000...WireLimits.pingIntervalMilliseconds).contains(pingIntervalMilliseconds))
        self.storeID = storeID
        self.collectorVersion = collectorVersion
        self.maximumRuns = maximumRuns
        self.credit = credit
        self.maximumWireBytes = maximumWireBytes
        self.pingIntervalMilliseconds = pingIntervalMilliseconds
        self.defineRate = defineRate
        self.byteRate = byteRate
    }
}
