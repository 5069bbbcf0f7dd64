/// Processor time of a run turned into a share of one processor.
struct ProcessorShare {
    private var latestMilliseconds: UInt64 = 0
    private var latestAtMilliseconds: Int64?
    private var value: Double?

    /// Readings come each few seconds; a run without one for so long used nothing.
    private static let staleMilliseconds: Int64 = 15_000

    /// Takes a reading of the time used at `at`.
    mutating func advance(toMilliseconds milliseconds: UInt64, atMilliseconds at: Int64) {
        defer {
            latestMilliseconds = milliseconds
            latestAtMilliseconds = at
        }
        guard let previous = latestAtMilliseconds, at > previous,
            milliseconds >= latestMilliseconds
        else { return }
        value = Double(milliseconds - latestMilliseconds) / Double(at - previous)
    }

    /// The share at `now`: 1 is one whole processor; nil before two readings.
    func share(atMilliseconds now: Int64) -> Double? {
        guard let latestAtMilliseconds else { return nil }
        if now - latestAtMilliseconds > ProcessorShare.staleMilliseconds { return 0 }
        return value
    }
}
