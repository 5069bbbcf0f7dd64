public import MemoryModel

/// What an agent does because of an event of a session.
public enum SenderAction: Hashable, Sendable {
    /// Sends the preface, before any frame.
    case sendPreface
    /// Sends a frame under this sequence number.
    case send(Frame, sequence: UInt64)
    /// The collector accepted the session; the full state is due.
    case welcomed(WelcomeFrame)
    /// Every frame up to this one is durable, and the credit may have changed.
    case acknowledged(throughSequence: UInt64)
    /// Peaks whose bracket overlaps one of these stretches of boot time are to be forgotten.
    case reset([TimeBracket])
    /// Closes the connection once what was sent before is written, and says how to come back.
    case close(Disconnect)
}

/// How a session of an agent ended, and how the agent comes back.
public struct Disconnect: Hashable, Sendable {
    /// Why a session of an agent ended.
    public enum Cause: Hashable, Sendable {
        /// The agent stops.
        case stopped
        /// The connection could not be made, or was lost.
        case connectionLost
        /// The collector broke a rule, a deadline passed or the agent gave up; ERROR says the same.
        case failed(WireError)
        /// The collector said ERROR.
        ///
        /// The number is one of `ErrorCode`, or one that this version does not know. The text is
        /// at most 512 bytes and not to be shown unescaped.
        case collectorError(code: UInt64, text: RawText)
        /// The collector said GOODBYE.
        case collectorLeft
    }

    /// Why it ended.
    public var cause: Cause
    /// How long to wait, unless the next field says so.
    public var retryClass: ErrorCode.RetryClass
    /// What the collector asks to wait, at most a day; 0 if it does not say.
    public var retryAfterMilliseconds: UInt64
    /// How long the session stood, from WELCOME to its end; 0 if it was never welcomed.
    public var lastedMilliseconds: Int64

    /// Takes the parts as they are.
    public init(
        cause: Cause, retryClass: ErrorCode.RetryClass = .backoff,
        retryAfterMilliseconds: UInt64 = 0, lastedMilliseconds: Int64 = 0
    ) {
        self.cause = cause
        self.retryClass = retryClass
        self.retryAfterMilliseconds = retryAfterMilliseconds
        self.lastedMilliseconds = lastedMilliseconds
    }
}
