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
    /// Further fields, ascending by id; `isPast` says what the only defined one means.
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

extension HelloFrame {
    /// The extension of a session that tells only of what is over, as an agent that is gone left
    /// it; its epoch and boot are those of that agent.
    static let pastExtension = FrameExtension(id: 1, value: RawText([]))

    /// Whether the session tells only of what is over.
    public var isPast: Bool { extensions.contains { $0.id == HelloFrame.pastExtension.id } }

    /// The same HELLO for a session that tells only of what is over.
    public var asPast: HelloFrame {
        guard !isPast else { return self }
        var hello = self
        hello.extensions = ([HelloFrame.pastExtension] + extensions).sorted { $0.id < $1.id }
        return hello
    }

    /// The extension of a session that tells of a command alone, beside the host's agent.
    static let commandExtension = FrameExtension(id: 2, value: RawText([]))

    /// Whether the session tells of a command alone.
    public var isCommand: Bool {
        extensions.contains { $0.id == HelloFrame.commandExtension.id }
    }

    /// The same HELLO for a session that tells of a command alone; it is a past one as well.
    public var asCommand: HelloFrame {
        guard !isCommand else { return self }
        var hello = asPast
        hello.extensions = (hello.extensions + [HelloFrame.commandExtension])
            .sorted { $0.id < $1.id }
        return hello
    }

    /// The major versions whose HELLO can be read to its end.
    ///
    /// Every version has the same fields up to the extensions, so that an agent that speaks none of
    /// these can be told so.
    static let readableMajors: ClosedRange<UInt8> = 1...1

    init(payload reader: inout PayloadReader) throws(WireError) {
        let lowestMajor = try reader.byte("lowestMajor")
        let start = reader.position
        let highestMajor = try reader.byte("highestMajor")
        guard lowestMajor <= highestMajor else {
            throw reader.failure("highestMajor", at: start, "below lowestMajor")
        }
        self.init(
            lowestMajor: lowestMajor, highestMajor: highestMajor,
            requiredFeatures: try reader.uint("requiredFeatures"),
            offeredFeatures: try reader.uint("offeredFeatures"),
            epoch: try reader.fixed64("epoch"),
            boot: try reader.uniqueID("boot"),
            hostID: try reader.text("hostID", atMost: HostID.maximumBytes),
            hostName: try reader.text("hostName", atMost: 255),
            agentVersion: try reader.text("agentVersion", atMost: 64))
        if HelloFrame.readableMajors.overlaps(lowestMajor...highestMajor) {
            let start = reader.position
            extensions = try reader.extensions()
            guard extensions.allSatisfy({ !(1...2).contains($0.id) || $0.value.isEmpty }) else {
                throw reader.failure("extensions", at: start, "past and command have no value")
            }
            guard isPast || !isCommand else {
                throw reader.failure("extensions", at: start, "command without past")
            }
        } else {
            reader.skipRest()
        }
    }

    func encodePayload(to writer: inout PayloadWriter) throws(WireError) {
        guard lowestMajor <= highestMajor else {
            throw PayloadWriter.failure("highestMajor", "below lowestMajor")
        }
        writer.byte(lowestMajor)
        writer.byte(highestMajor)
        writer.uint(requiredFeatures)
        writer.uint(offeredFeatures)
        writer.fixed64(epoch)
        writer.uniqueID(boot)
        try writer.text(hostID, "hostID", atMost: HostID.maximumBytes)
        writer.label(hostName, atMost: 255)
        writer.label(agentVersion, atMost: 64)
        try writer.extensions(extensions)
    }
}
