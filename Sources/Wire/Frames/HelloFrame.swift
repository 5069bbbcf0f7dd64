public import MemoryModel

/// HELLO (0x01): the first frame of an agent, `Protocol/frame-v1.md` section 5.
public struct HelloFrame: Hashable, Sendable {
    /// The lowest major version that the agent speaks.
    public var lowestMajor: UInt8
    /// The highest one, not below the lowest.
    public var highestMajor: UInt8
    /// Bit set of features without which the agent cannot work.
    public var requiredFeatures: UInt64
    /// Bit set of features that it could use.
    public var offeredFeatures: UInt64
    /// Random number drawn at the start of this agent process.
    public var epoch: UInt64
    /// The host's boot.
    public var boot: BootID
    /// The host id as it was sent; whether it follows the rules is for the session to judge.
    public var hostID: RawText
    /// The host name, a label only.
    public var hostName: RawText
    /// The version of the agent, a label only.
    public var agentVersion: RawText
    /// Further fields, ascending by id; none are defined.
    public var extensions: [FrameExtension]

    /// Takes the fields as they are.
    public init(
        lowestMajor: UInt8, highestMajor: UInt8, requiredFeatures: UInt64, offeredFeatures: UInt64,
        epoch: UInt64, boot: BootID, hostID: RawText, hostName: RawText, agentVersion: RawText,
        extensions: [FrameExtension] = []
    ) {
        self.lowestMajor = lowestMajor
        self.highestMajor = highestMajor
        self.requiredFeatures = requiredFeatures
        self.offeredFeatures = offeredFeatures
        self.epoch = epoch
        self.boot = boot
        self.hostID = hostID
        self.hostName = hostName
        self.agentVersion = agentVersion
        self.extensions = extensions
    }
}
