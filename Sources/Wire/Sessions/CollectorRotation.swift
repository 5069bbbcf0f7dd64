/// Which of several collectors an agent connects to, and when.
///
/// The collectors are known by their place in the user's list. The first is the preferred one.
/// When one fails, the next that need not be waited for takes over; from there the agent goes back
/// to the first after some minutes, at a random time, so that not all agents move at once.
public struct CollectorRotation: Hashable, Sendable {
    /// After how long an agent goes back to the first collector, in milliseconds.
    public static let returnMilliseconds: ClosedRange<Int64> = 300_000...900_000

    private struct Collector: Hashable, Sendable {
        var backoff = Backoff()
        var notBeforeMilliseconds = Int64.min
    }

    /// Where to connect, and when.
    public struct Attempt: Hashable, Sendable {
        /// The place of the collector in the list.
        public var index: Int
        /// The time of the attempt, on the clock of the event.
        public var atMilliseconds: Int64
    }

    private var collectors: [Collector]
    private let returnMilliseconds: ClosedRange<Int64>

    /// The place of the collector of the moment in the list.
    public private(set) var current = 0
    /// When to leave the collector of the moment for the first; nil while there is no reason to.
    public private(set) var returnAtMilliseconds: Int64?

    /// `count` collectors, at least one; the first is the one to connect to.
    ///
    /// After a time drawn from `returnMilliseconds` an agent goes back to it.
    public init(
        count: Int, returnMilliseconds: ClosedRange<Int64> = CollectorRotation.returnMilliseconds
    ) {
        precondition(count > 0, "there is at least one collector")
        self.returnMilliseconds = returnMilliseconds
        collectors = Array(repeating: Collector(), count: count)
    }

    /// Takes note that the collector of the moment accepted a session.
    public mutating func welcomed(
        atMilliseconds now: Int64, using generator: inout some RandomNumberGenerator
    ) {
        guard current != 0 else {
            returnAtMilliseconds = nil
            return
        }
        let wait = Int64.random(in: returnMilliseconds, using: &generator)
        returnAtMilliseconds = max(now + wait, collectors[0].notBeforeMilliseconds)
    }

    /// Takes note that the session with the collector of the moment ended, or was never made.
    ///
    /// - Parameters:
    ///   - disconnect: How it ended.
    ///   - now: The time.
    ///   - generator: Where chance comes from.
    /// - Returns: Where to connect next, and when. That collector is now the one of the moment.
    public mutating func failed(
        _ disconnect: Disconnect, atMilliseconds now: Int64,
        using generator: inout some RandomNumberGenerator
    ) -> Attempt {
        returnAtMilliseconds = nil
        collectors[current].notBeforeMilliseconds =
            now
            + collectors[current].backoff.delayMilliseconds(after: disconnect, using: &generator)
        // The one after the failed one comes first, the failed one last.
        let candidates = (1...collectors.count).map { (current + $0) % collectors.count }
        let soonest = candidates.min { left, right in
            max(now, collectors[left].notBeforeMilliseconds)
                < max(now, collectors[right].notBeforeMilliseconds)
        }
        guard let soonest, soonest != current else {
            return Attempt(
                index: current, atMilliseconds: collectors[current].notBeforeMilliseconds)
        }
        current = soonest
        // All agents of a collector that went away come to the next one: not at one moment.
        let spread = Int64.random(in: 0...Backoff.firstBoundMilliseconds, using: &generator)
        return Attempt(
            index: current,
            atMilliseconds: max(now + spread, collectors[current].notBeforeMilliseconds))
    }

    /// Makes the first collector the one of the moment, because the time to return has come.
    public mutating func returned() {
        current = 0
        returnAtMilliseconds = nil
    }
}
