/// Decides how often an agent may look, so that it keeps within its share of a processor.
///
/// A value without a clock: after each look it is told the processor time used until then. Over
/// each minute it compares what was used with what may be. After one minute above, the interval
/// doubles; after some minutes in which twice the cost of looking would have left a margin, it is
/// halved again, never below the one that was asked for.
///
/// What the kernel tells of exits and execs costs as much as there are, however seldom one looks.
/// So looks have a part of the share to themselves: within it they are never made rarer.
struct CostBudget: Hashable {
    /// A new interval and the figures that it rests on.
    struct Decision: Hashable {
        /// The interval from now on.
        var intervalMilliseconds: Int64
        /// Whether it became longer.
        var isLonger: Bool
        /// The share of one processor that was used over the last minute.
        var usedShare: Double
        /// The share that may be used.
        var allowedShare: Double
    }

    /// How long cost is watched before anything is decided.
    static let windowMilliseconds: Int64 = 60_000
    /// The longest interval that is chosen here.
    static let maximumIntervalMilliseconds: Int64 = 60_000
    /// How many cheap windows it takes to go back to a shorter interval.
    static let calmWindows = 5
    /// What of the allowed share the expected cost may take before the interval is shortened.
    static let margin = 0.8
    /// What of the allowed share looks may take whatever else costs.
    static let looksPart = 0.25

    /// The interval in force.
    private(set) var intervalMilliseconds: Int64

    private let askedMilliseconds: Int64
    private let budget: ProcessorBudget
    private var window: Window?
    private var calmCount = 0

    private struct Window: Hashable {
        var beganAtMilliseconds: Int64
        var processorMicroseconds: UInt64
        var lookMicroseconds: UInt64 = 0
        var processCounts: Double = 0
        var lookCount: Double = 0
    }

    /// - Parameters:
    ///   - askedMilliseconds: The interval that the user asked for.
    ///   - budget: What may be used.
    init(askedMilliseconds: Int64, budget: ProcessorBudget) {
        self.askedMilliseconds = askedMilliseconds
        self.budget = budget
        intervalMilliseconds = askedMilliseconds
    }

    /// Takes note of a look.
    ///
    /// - Parameters:
    ///   - lookMicroseconds: How long the look took, which is about what it cost.
    ///   - processorMicroseconds: Processor time that the agent used since its start.
    ///   - now: The time; it may not fall from call to call.
    ///   - processCount: How many processes there were.
    /// - Returns: Another interval to keep from now on; nil to go on.
    mutating func looked(
        lookMicroseconds: UInt64, processorMicroseconds: UInt64, atMilliseconds now: Int64,
        processCount: Int
    ) -> Decision? {
        guard var window else {
            begin(processorMicroseconds, now)
            return nil
        }
        window.processCounts += Double(processCount)
        window.lookCount += 1
        window.lookMicroseconds &+= lookMicroseconds
        self.window = window
        let elapsed = now - window.beganAtMilliseconds
        guard elapsed >= CostBudget.windowMilliseconds else { return nil }
        let used =
            Double(processorMicroseconds &- window.processorMicroseconds) / 1_000 / Double(elapsed)
        // A look that had to wait for a processor took longer than it cost.
        let looks = min(used, Double(window.lookMicroseconds) / 1_000 / Double(elapsed))
        begin(processorMicroseconds, now)
        let mean = window.processCounts / window.lookCount
        return budget.share(processCount: mean)
            .flatMap { decide(used: used, looks: looks, allowed: $0) }
    }

    private mutating func begin(_ processorMicroseconds: UInt64, _ now: Int64) {
        window = Window(
            beganAtMilliseconds: now, processorMicroseconds: processorMicroseconds)
    }

    private mutating func decide(used: Double, looks: Double, allowed: Double) -> Decision? {
        let before = intervalMilliseconds
        // What looks may take: what the rest leaves, and their part in any case.
        let left = max(allowed - (used - looks), allowed * CostBudget.looksPart)
        if looks > left {
            calmCount = 0
            intervalMilliseconds = max(
                before, min(before * 2, CostBudget.maximumIntervalMilliseconds))
        } else if before > askedMilliseconds, expectedShare(looks) <= left * CostBudget.margin {
            calmCount += 1
            guard calmCount >= CostBudget.calmWindows else { return nil }
            calmCount = 0
            intervalMilliseconds = shorterMilliseconds
        } else {
            calmCount = 0
        }
        guard intervalMilliseconds != before else { return nil }
        return Decision(
            intervalMilliseconds: intervalMilliseconds, isLonger: intervalMilliseconds > before,
            usedShare: used, allowedShare: allowed)
    }

    /// The share that looks would use at the next shorter interval.
    private func expectedShare(_ looks: Double) -> Double {
        looks * Double(intervalMilliseconds) / Double(shorterMilliseconds)
    }

    /// The step below the interval in force: the longest doubling of the asked one that is less.
    private var shorterMilliseconds: Int64 {
        var shorter = askedMilliseconds
        while shorter * 2 < intervalMilliseconds { shorter *= 2 }
        return shorter
    }
}
