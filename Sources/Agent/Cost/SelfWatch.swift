import MemoryModel
import ProcessSampler

/// What an agent learns of itself: how long its looks take, what it may use, and when to tell.
///
/// A value without a clock; whoever feeds it measures.
struct SelfWatch {
    /// How often health is told while nothing about it changes.
    static let healthIntervalMilliseconds: Int64 = 60_000
    /// How old an agent is when it first knows what it costs, and tells so.
    static let firstCostMilliseconds: Int64 = 5_000

    private let startedAtMilliseconds: Int64
    private let askedMilliseconds: Int64
    private var budget: CostBudget
    private var times = LookTimes()
    private var told: AgentHealth?

    /// - Parameters:
    ///   - askedMilliseconds: The interval that the user asked for.
    ///   - budget: What may be used of the processors.
    ///   - startedAtMilliseconds: When the agent started.
    init(askedMilliseconds: Int64, budget: ProcessorBudget, startedAtMilliseconds: Int64) {
        self.askedMilliseconds = askedMilliseconds
        self.startedAtMilliseconds = startedAtMilliseconds
        self.budget = CostBudget(askedMilliseconds: askedMilliseconds, budget: budget)
    }

    /// The interval in force.
    var intervalMilliseconds: Int64 { budget.intervalMilliseconds }

    /// How many looks at the asked interval the next one comes after, itself not counted, if it is
    /// at `next` and the one before began at `begun`.
    func leftOutLooks(from begun: Int64, to next: Int64) -> UInt64 {
        guard intervalMilliseconds > askedMilliseconds else { return 0 }
        let looks = (next - begun + askedMilliseconds / 2) / askedMilliseconds
        return UInt64(max(0, looks - 1))
    }

    /// Takes note of a look.
    ///
    /// Returns another interval to keep from now on; nil to go on.
    mutating func looked(
        microseconds: UInt64, processorMicroseconds: UInt64, atMilliseconds now: Int64,
        processCount: Int
    ) -> CostBudget.Decision? {
        times.note(microseconds: microseconds)
        return budget.looked(
            lookMicroseconds: microseconds, processorMicroseconds: processorMicroseconds,
            atMilliseconds: now, processCount: processCount)
    }

    /// Whether it is time to tell: nothing was told yet, or what was told is old or no longer so.
    ///
    /// What is told at the start says nothing of the cost yet, and soon is told again.
    func isHealthDue(atMilliseconds now: Int64, sources: AgentSources) -> Bool {
        guard let told else { return true }
        let firstCostAt = startedAtMilliseconds + SelfWatch.firstCostMilliseconds
        return now - told.atMilliseconds >= SelfWatch.healthIntervalMilliseconds
            || (told.atMilliseconds < firstCostAt && now >= firstCostAt)
            || Int64(told.intervalMilliseconds) != intervalMilliseconds
            || told.sources != sources
    }

    /// What is to be told now.
    mutating func health(
        atMilliseconds now: Int64, memory: OwnMemory, processorMicroseconds: UInt64,
        runCount: Int, sources: AgentSources
    ) -> AgentHealth {
        var health = AgentHealth(
            atMilliseconds: now, startedAtMilliseconds: startedAtMilliseconds)
        health.processorMilliseconds = processorMicroseconds / 1_000
        health.residentBytes = memory.residentBytes
        health.anonymousBytes = memory.anonymousBytes
        health.peakBytes = memory.peakBytes
        health.askedIntervalMilliseconds = UInt32(clamping: askedMilliseconds)
        health.intervalMilliseconds = UInt32(clamping: intervalMilliseconds)
        health.lookMicroseconds = times.takeMean()
        health.longestLookMicroseconds = times.longestMicroseconds
        health.runCount = UInt64(runCount)
        health.sources = sources
        told = health
        return health
    }
}
