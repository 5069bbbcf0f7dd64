/// Allows so many of something a second, and some more at once after a quiet time.
struct TokenBucket: Hashable {
    private let perSecond: Int64
    private let burst: Int64
    /// In thousandths.
    private var tokens: Int64
    private var refilledAtMilliseconds: Int64

    /// Begins full.
    init(perSecond: Int, burst: Int, atMilliseconds now: Int64) {
        self.perSecond = Int64(min(max(perSecond, 0), 1_000_000))
        self.burst = Int64(min(max(burst, 0), 1_000_000))
        tokens = self.burst * 1_000
        refilledAtMilliseconds = now
    }

    /// Takes one if there is one.
    mutating func take(atMilliseconds now: Int64) -> Bool {
        if now > refilledAtMilliseconds {
            // No longer than fills it: the product cannot overflow.
            let passed = min(now - refilledAtMilliseconds, 10_000_000)
            tokens = min(tokens + passed * perSecond, burst * 1_000)
            refilledAtMilliseconds = now
        }
        guard tokens >= 1_000 else { return false }
        tokens -= 1_000
        return true
    }
}
