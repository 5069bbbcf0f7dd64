/// How much processor time may be taken: a share of the time that goes by, with a little saved up.
///
/// Pure: costs go in with the time.
struct ProcessorBudget {
    /// The share, in thousandths.
    let permille: Int64
    /// The most that is saved up while nothing is taken, in nanoseconds.
    let savedNanoseconds: Int64

    private var balance: Int64
    private var at: Int64?

    init(permille: Int64, savedNanoseconds: Int64) {
        self.permille = max(1, permille)
        self.savedNanoseconds = max(0, savedNanoseconds)
        balance = self.savedNanoseconds
    }

    /// Takes a cost, and gives how long to wait until there is something again, in nanoseconds.
    mutating func spend(_ nanoseconds: Int64, at now: Int64) -> Int64 {
        // An hour earns more than can be saved.
        let (difference, isTooLarge) = now.subtractingReportingOverflow(at ?? now)
        let elapsed = isTooLarge ? 0 : min(max(0, difference), 3_600_000_000_000)
        at = now
        balance = min(savedNanoseconds, balance + elapsed / 1_000 * permille)
        balance -= min(max(0, nanoseconds), 3_600_000_000_000)
        return balance >= 0 ? 0 : -balance / permille * 1_000
    }
}
