public import MemoryModel

/// What a collector does because of an event of a session.
public enum ReceiverAction: Hashable, Sendable {
    /// Sends a frame under this sequence number.
    case send(Frame, sequence: UInt64)
    /// Takes in the session of a host; an older session of the same host is told `replaced`.
    case accepted(SessionIdentity)
    /// Takes in what the frame of this sequence number says.
    case apply(SessionEvent, sequence: UInt64)
    /// Closes the connection once what was sent before is written.
    case close(CloseReason)
}

/// Who an agent says it is.
public struct SessionIdentity: Hashable, Sendable {
    /// The host.
    public var hostID: HostID
    /// Its uptime.
    public var boot: BootID
    /// The start of the agent process.
    public var epoch: UInt64
    /// The host's name, a label only.
    public var hostName: RawText
    /// The agent's version, a label only.
    public var agentVersion: RawText
    /// Whether it tells only of what is over, as an agent that ran before it left it.
    public var isPast: Bool
    /// Whether it tells of a command alone; then it is past, too.
    public var isCommand: Bool

    /// Takes the parts as they are.
    public init(
        hostID: HostID, boot: BootID, epoch: UInt64, hostName: RawText, agentVersion: RawText,
        isPast: Bool = false, isCommand: Bool = false
    ) {
        self.isPast = isPast
        self.isCommand = isCommand
        self.hostID = hostID
        self.boot = boot
        self.epoch = epoch
        self.hostName = hostName
        self.agentVersion = agentVersion
    }
}

/// Why a collector closes a session.
public enum CloseReason: Hashable, Sendable {
    /// A rule was broken, a deadline passed or the collector gave up.
    ///
    /// ERROR says the same to the agent, unless its preface had not come yet.
    case failed(WireError)
    /// The collector stops; GOODBYE said so.
    case drained
    /// The agent said GOODBYE.
    case goodbye(GoodbyeReason)
    /// The agent said ERROR.
    case peerError(ErrorFrame)
    /// The connection ended without a word.
    case inputClosed
}
