/// Counts what comes in against a `RateLimit`.
///
/// Counted in thousandths, so that a millisecond's share of any rate is a whole number.
struct TokenBucket: Hashable, Sendable {
    private let limit: RateLimit
    private var thousandths: Int64
    private var filledAtMilliseconds: Int64

    /// A full bucket.
    init(_ limit: RateLimit, atMilliseconds now: Int64) {
        self.limit = limit
        thousandths = Int64(limit.burst) * 1_000
        filledAtMilliseconds = now
    }

    /// Takes `count` out; false, and nothing taken, if there is not as much in it.
    mutating func take(_ count: Int, atMilliseconds now: Int64) -> Bool {
        fill(atMilliseconds: now)
        guard count <= limit.burst, Int64(count) * 1_000 <= thousandths else { return false }
        thousandths -= Int64(count) * 1_000
        return true
    }

    /// The one of two with less in it by now.
    func lesser(_ other: TokenBucket, atMilliseconds now: Int64) -> TokenBucket {
        var (mine, theirs) = (self, other)
        mine.fill(atMilliseconds: now)
        theirs.fill(atMilliseconds: now)
        return theirs.thousandths < mine.thousandths ? theirs : mine
    }

    private mutating func fill(atMilliseconds now: Int64) {
        guard now > filledAtMilliseconds else { return }
        let elapsed = now - filledAtMilliseconds
        filledAtMilliseconds = now
        let capacity = Int64(limit.burst) * 1_000
        let rate = Int64(limit.perSecond)
        if elapsed > (capacity - thousandths) / rate {
            thousandths = capacity
        } else {
            thousandths += elapsed * rate
        }
    }
}

/// What a session leaves over of what its agent may send and define at once.
///
/// Whoever keeps it by host sees to it that nobody gets more by connecting again.
public struct RateAllowance: Hashable, Sendable {
    let defines: TokenBucket
    let bytes: TokenBucket

    /// Of both, the lesser of each kind.
    public func lesser(_ other: RateAllowance, atMilliseconds now: Int64) -> RateAllowance {
        RateAllowance(
            defines: defines.lesser(other.defines, atMilliseconds: now),
            bytes: bytes.lesser(other.bytes, atMilliseconds: now))
    }
}
