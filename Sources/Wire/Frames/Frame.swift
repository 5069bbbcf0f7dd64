public import MemoryModel

/// One message of a session, without its header.
public enum Frame: Hashable, Sendable {
    /// The first frame of an agent.
    case hello(HelloFrame)
    /// The answer to an accepted HELLO.
    case welcome(WelcomeFrame)
    /// Why the sender ends the session.
    case error(ErrorFrame)
    /// Asks for a PONG with the same token.
    case ping(token: UInt64)
    /// Answers a PING.
    case pong(token: UInt64)
    /// The sender goes, in order.
    case goodbye(GoodbyeFrame)
    /// What is durable, and how much more may be sent.
    case acknowledgement(AcknowledgementFrame)
    /// What the host is.
    case host(HostDescription)
    /// Which runs there are.
    case define(DefineFrame)
    /// The full state is complete.
    case stateEnd(StateEndFrame)
    /// What changed at some ticks.
    case samples(SamplesFrame)
    /// New peaks.
    case peaks(PeaksFrame)
    /// Runs that are over.
    case exit(ExitFrame)
    /// What could not be seen.
    case counters(CountersFrame)
    /// A type of 0x80 or above that this version does not know; it is passed over.
    case ignorable(type: UInt8)
}
