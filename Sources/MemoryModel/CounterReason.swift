/// What a counter of losses counts.
///
/// The numbers are those of the wire and of the store and are never used again for anything else.
public enum CounterReason: UInt16, Hashable, Sendable, CaseIterable {
    /// Processes that ended between being listed and being read.
    case vanished = 1
    /// Reads of a process that the kernel refused to the agent.
    case unreadable = 2
    /// Files whose content was not as documented.
    case malformed = 3
    /// Figures that cannot be true and were not taken.
    case refused = 4
    /// Looks at processes that were left out because the one before took too long.
    case skippedTicks = 5
    /// Runs that were left out because the host has more of them than the collector takes.
    case runsOverLimit = 6

    /// What a report calls it.
    public var phrase: String {
        switch self {
        case .vanished: "processes vanished before they could be read"
        case .unreadable: "reads refused by the kernel"
        case .malformed: "malformed kernel files"
        case .refused: "impossible figures refused"
        case .skippedTicks: "samples skipped"
        case .runsOverLimit: "runs over the limit of a host"
        }
    }
}
