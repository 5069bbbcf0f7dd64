/// How much processor time some work may still take, so that it keeps to a share of a processor.
///
/// A value without a clock. Time gives, work takes; work may begin while anything is left, and what
/// it took too much is waited for.
struct ProcessorAllowance: Hashable, Sendable {
    /// What each millisecond gives: 10,000 is 1 % of a processor.
    let nanosecondsPerMillisecond: Int64
    /// The most that is saved up.
    let maximumNanoseconds: Int64
    private var balance: Int64
    private var reckonedAt: Int64?

    init(nanosecondsPerMillisecond: Int64, maximumNanoseconds: Int64) {
        self.nanosecondsPerMillisecond = max(1, nanosecondsPerMillisecond)
        self.maximumNanoseconds = maximumNanoseconds
        balance = maximumNanoseconds
    }

    /// Takes note of work that ended at `now`, in milliseconds by a clock that never goes back.
    mutating func spend(nanoseconds: Int64, at now: Int64) {
        balance = balance(at: now) - max(0, nanoseconds)
        reckonedAt = now
    }

    /// How long work has to wait, in milliseconds; 0 if it may begin.
    func waitMilliseconds(at now: Int64) -> Int64 {
        let balance = balance(at: now)
        guard balance < 0 else { return 0 }
        return (-balance + nanosecondsPerMillisecond - 1) / nanosecondsPerMillisecond
    }

    private func balance(at now: Int64) -> Int64 {
        guard let reckonedAt else { return balance }
        let elapsed = min(max(0, now - reckonedAt), 3_600_000)
        return min(maximumNanoseconds, balance + elapsed * nanosecondsPerMillisecond)
    }
}
