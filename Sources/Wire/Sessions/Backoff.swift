/// How long an agent waits before it connects to a collector again.
///
/// Full jitter: a uniformly random time between 0 and a bound that doubles with each failure. Many
/// agents that lost one collector at one moment come back spread over that time.
public struct Backoff: Hashable, Sendable {
    /// The bound after the first failure, in milliseconds.
    public static let firstBoundMilliseconds: Int64 = 1_000
    /// The greatest bound, in milliseconds.
    public static let greatestBoundMilliseconds: Int64 = 60_000
    /// How long a session has to stand until failures before it count no more, in milliseconds.
    public static let healthyMilliseconds: Int64 = 60_000
    /// The waits of the slow class, in milliseconds.
    public static let slowMilliseconds: ClosedRange<Int64> = 300_000...900_000

    /// Failures since the last session that stood long enough.
    public private(set) var failureCount = 0

    /// No failure yet.
    public init() {}

    /// Takes note of a session that ended, and draws how long to wait, in milliseconds.
    public mutating func delayMilliseconds(
        after disconnect: Disconnect, using generator: inout some RandomNumberGenerator
    ) -> Int64 {
        if disconnect.lastedMilliseconds >= Backoff.healthyMilliseconds { failureCount = 0 }
        // 2^6 s is above the greatest bound already.
        let doublings = min(failureCount, 6)
        failureCount = min(failureCount, Int.max - 1) + 1
        let greatest = UInt64(WireLimits.maximumRetryAfterMilliseconds)
        let asked = Int64(min(disconnect.retryAfterMilliseconds, greatest))
        if asked > 0 {
            return Int64.random(in: asked - asked / 2...asked + asked / 2, using: &generator)
        }
        switch disconnect.retryClass {
        case .slow: return Int64.random(in: Backoff.slowMilliseconds, using: &generator)
        case .backoff:
            let bound = min(
                Backoff.greatestBoundMilliseconds, Backoff.firstBoundMilliseconds << doublings)
            return Int64.random(in: 0...bound, using: &generator)
        }
    }
}
