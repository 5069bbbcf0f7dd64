public import MemoryModel

/// WELCOME (0x02): the answer to an accepted HELLO.
public struct WelcomeFrame: Hashable, Sendable {
    /// The version that both sides will speak.
    public var major: UInt8
    /// The features that are agreed.
    public var features: UInt64
    /// The collector's store; what another store acknowledged must be sent again.
    public var storeID: StoreID
    /// Largest payload on the wire that the collector takes.
    public var maximumWireBytes: UInt64
    /// Slots are below this number.
    public var maximumRuns: UInt64
    /// How many data frames may be without an ACK.
    public var credit: UInt64
    /// How long a side may send nothing before it sends PING.
    public var pingIntervalMilliseconds: UInt64
    /// The version of the collector, a label only.
    public var collectorVersion: RawText
    /// Further fields, ascending by id; none are defined.
    public var extensions: [FrameExtension]

    /// Takes the fields as they are.
    public init(
        major: UInt8, features: UInt64, storeID: StoreID, maximumWireBytes: UInt64,
        maximumRuns: UInt64, credit: UInt64, pingIntervalMilliseconds: UInt64,
        collectorVersion: RawText, extensions: [FrameExtension] = []
    ) {
        self.major = major
        self.features = features
        self.storeID = storeID
        self.maximumWireBytes = maximumWireBytes
        self.maximumRuns = maximumRuns
        self.credit = credit
        self.pingIntervalMilliseconds = pingIntervalMilliseconds
        self.collectorVersion = collectorVersion
        self.extensions = extensions
    }
}
