/// Why a session ends; the numbers travel in ERROR (`Protocol/frame-v1.md` section 8).
public enum ErrorCode: UInt16, Hashable, Sendable, CaseIterable {
    /// The preface or the magic of a frame is wrong.
    case notHighwater = 1
    /// A reserved flag is set, or the lengths contradict each other.
    case badHeader = 2
    /// A length is above its limit.
    case frameTooLarge = 3
    /// The checksum does not match.
    case badChecksum = 4
    /// A rule of section 3.1 is broken.
    case badCompression = 5
    /// A sequence number is not one more than the last, or an ACK is impossible.
    case badSequence = 6
    /// A type below 0x80 that is not known.
    case unknownType = 7
    /// A frame that does not belong in this state or does not come from this side.
    case unexpectedFrame = 8
    /// A field breaks its rule, or bytes are left over.
    case badPayload = 9
    /// No major version in common; the text names those that are supported.
    case versionUnsupported = 10
    /// The agent requires a feature that is not known.
    case featureRequired = 11
    /// More slots, definitions, bytes, data frames or PINGs than this host may send.
    case limitExceeded = 12
    /// A deadline of section 9 passed.
    case timeout = 13
    /// Reserved for TLS and tokens.
    case notAuthenticated = 14
    /// Reserved for TLS and tokens.
    case notAuthorized = 15
    /// Reserved: two live boots claim one host id.
    case identityConflict = 16
    /// A newer session of the same host took over.
    case replaced = 17
    /// There are too many sessions.
    case busy = 18
    /// The collector cannot write.
    case storeUnavailable = 19
    /// The sender itself failed; thrown by an encoder for what no frame can carry.
    case internalError = 20
    /// The host id breaks its rule.
    case badIdentity = 21
    /// What a session of a command is to tell, the agent of its host tells.
    case toldByAgent = 22

    /// How an agent comes back after an ERROR.
    public enum RetryClass: Hashable, Sendable {
        /// Soon, with exponential backoff and full jitter.
        case backoff
        /// After minutes, because somebody has to change something first.
        case slow
    }

    /// How an agent comes back after this code.
    public var retryClass: RetryClass {
        switch self {
        case .unknownType, .versionUnsupported, .featureRequired, .notAuthenticated,
            .notAuthorized, .identityConflict, .replaced, .badIdentity,
            .toldByAgent:
            .slow
        default: .backoff
        }
    }
}

/// What a decoder or a session found wrong with what a peer sent.
public struct WireError: Error, Hashable, Sendable {
    /// Which rule is broken.
    public var code: ErrorCode
    /// Where: bytes from the beginning of the frame's header, or of the payload after inflating
    /// where `code` is badPayload; nil where there is no such place.
    public var offset: Int?
    /// What was expected and what was there, in one line of ASCII for people.
    public var reason: String

    /// Takes the parts as they are.
    public init(code: ErrorCode, offset: Int? = nil, reason: String) {
        self.code = code
        self.offset = offset
        self.reason = reason
    }
}
