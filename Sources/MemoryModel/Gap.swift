/// Why something may have been missed.
///
/// The numbers are those of the wire and of the store.
public enum GapReason: UInt8, Hashable, Sendable, CaseIterable {
    /// The kernel dropped records of exits because they were not taken fast enough.
    case exitRecordsLost = 1
    /// The kernel dropped events of processes that began or executed a program.
    case processEventsLost = 2
    /// No agent ran.
    case agentDown = 3
    /// The agent had no room for what it could not send.
    case dropped = 4

    /// What a report says of it.
    public var phrase: String {
        switch self {
        case .exitRecordsLost: "exit records lost"
        case .processEventsLost: "process events lost"
        case .agentDown: "no agent ran"
        case .dropped: "runs dropped for want of room"
        }
    }
}

/// A stretch of time in which something was missed, and how much at most.
///
/// A gap is named by the start of its agent and an ordinal, and never changes once it was sent,
/// so that two copies of it are one.
public struct Gap: Hashable, Sendable {
    /// Its number among the gaps of its agent's start, from 0.
    public var ordinal: UInt64
    /// Why.
    public var reason: GapReason
    /// When, on the owner's clock; nil where its host's clock could not be trusted.
    public var bracket: TimeBracket?
    /// How many records, events or runs were missed at most; nil where nobody can know.
    public var missedCount: UInt64?

    /// Takes the parts as they are.
    public init(
        ordinal: UInt64, reason: GapReason, bracket: TimeBracket?, missedCount: UInt64?
    ) {
        self.ordinal = ordinal
        self.reason = reason
        self.bracket = bracket
        self.missedCount = missedCount
    }
}
