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

extension WelcomeFrame {
    private static let wireBytes: ClosedRange<UInt64> =
        UInt64(WireLimits.maximumBytesBeforeWelcome)...UInt64(WireLimits.maximumWireBytes)
    private static let runs: ClosedRange<UInt64> = 1...UInt64(WireLimits.maximumSlots)
    private static let credits: ClosedRange<UInt64> = 0...UInt64(WireLimits.maximumCredit)
    private static let pingIntervals: ClosedRange<UInt64> = 1_000...60_000

    init(payload reader: inout PayloadReader) throws(WireError) {
        self.init(
            major: try reader.byte("major"),
            features: try reader.uint("features"),
            storeID: try reader.uniqueID("storeID"),
            maximumWireBytes: try reader.uint("maximumWireBytes", in: WelcomeFrame.wireBytes),
            maximumRuns: try reader.uint("maximumRuns", in: WelcomeFrame.runs),
            credit: try reader.uint("credit", in: WelcomeFrame.credits),
            pingIntervalMilliseconds: try reader.uint(
                "pingIntervalMilliseconds", in: WelcomeFrame.pingIntervals),
            collectorVersion: try reader.text("collectorVersion", atMost: 64),
            extensions: try reader.extensions())
    }

    func encodePayload(to writer: inout PayloadWriter) throws(WireError) {
        writer.byte(major)
        writer.uint(features)
        writer.uniqueID(storeID)
        try writer.uint(maximumWireBytes, "maximumWireBytes", in: WelcomeFrame.wireBytes)
        try writer.uint(maximumRuns, "maximumRuns", in: WelcomeFrame.runs)
        try writer.uint(credit, "credit", in: WelcomeFrame.credits)
        try writer.uint(
            pingIntervalMilliseconds, "pingIntervalMilliseconds", in: WelcomeFrame.pingIntervals)
        writer.label(collectorVersion, atMost: 64)
        try writer.extensions(extensions)
    }
}
