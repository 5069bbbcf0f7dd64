/// Why a session ends; the numbers travel in ERROR (`Protocol/frame-v1.md` section 8).
public enum ErrorCode: UInt16, Hashable, Sendable, CaseIterable {
    case notHighwater = 1
    case badHeader = 2
    case frameTooLarge = 3
    case badChecksum = 4
    case badCompression = 5
    case badSequence = 6
    case unknownType = 7
    case unexpectedFrame = 8
    case badPayload = 9
    case versionUnsupported = 10
    case featureRequired = 11
    case limitExceeded = 12
    case timeout = 13
    case notAuthenticated = 14
    case notAuthorized = 15
    case identityConflict = 16
    case replaced = 17
    case busy = 18
    case storeUnavailable = 19
    case internalError = 20
    case badIdentity = 21

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
            .notAuthorized, .identityConflict, .replaced, .badIdentity:
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
