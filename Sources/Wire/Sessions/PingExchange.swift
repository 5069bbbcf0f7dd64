/// The PINGs of both directions of a session.
struct PingExchange: Sendable {
    // A peer needs one each few seconds at most; more would make this side work for nothing.
    private static let rate = RateLimit(perSecond: 2, burst: 4)

    private var outstandingToken: UInt64?
    private var nextToken: UInt64 = 0
    private var allowance: TokenBucket

    /// No PING in either direction yet.
    init(atMilliseconds now: Int64) {
        allowance = TokenBucket(PingExchange.rate, atMilliseconds: now)
    }

    /// Whether a PING of this side waits for its PONG.
    var isOutstanding: Bool { outstandingToken != nil }

    /// The token of a PING that is sent now; none may be outstanding.
    mutating func begin() -> UInt64 {
        precondition(!isOutstanding, "one PING at a time")
        defer { nextToken &+= 1 }
        outstandingToken = nextToken
        return nextToken
    }

    /// Takes the peer's PING; throws limitExceeded if there are too many.
    mutating func received(atMilliseconds now: Int64) throws(WireError) {
        guard allowance.take(1, atMilliseconds: now) else {
            throw WireError(code: .limitExceeded, reason: "too many PINGs")
        }
    }

    /// Takes the peer's PONG; throws unexpectedFrame unless it answers the outstanding PING.
    mutating func answered(token: UInt64) throws(WireError) {
        guard token == outstandingToken else {
            throw WireError(code: .unexpectedFrame, reason: "PONG answers no PING")
        }
        outstandingToken = nil
    }
}
