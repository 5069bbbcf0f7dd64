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
    /// Records of exits that the kernel dropped because they were not taken fast enough.
    case exitRecordsLost = 7
    /// Events of processes that the kernel dropped for the same reason.
    case processEventsLost = 8
    /// Program images whose names could not be read before they were gone.
    case namesNotRead = 9
    /// Looks that were left out because looking cost more than the agent may use.
    case stretchedTicks = 10
    /// Sums and cgroups that were left out because the host has more of them than an agent keeps.
    case totalsOverLimit = 11
    /// Ended runs that were folded for want of room.
    case runsFolded = 12
    /// Ended runs that were dropped for want of room, folded ones included.
    case runsDropped = 13
    /// Stretches of a state file that were damaged and passed over.
    case stateDamaged = 14
    /// Windows of minutes that became part of an hour's for want of room.
    case minutesMerged = 15
    /// Windows that were dropped for want of room.
    case windowsDropped = 16
    /// Datagrams of sections that could not be read.
    case sectionsNotRead = 17
    /// Calls of sections that were dropped: there was no room, or nobody knew their process.
    case sectionsDropped = 18
    /// Datagrams of sections that programs could not send.
    case sectionsUnsent = 19
    /// Lines of Python programs that found no room, or whose run nobody knew any more.
    case linesDropped = 20
    /// Runs that grew and whose memory the agent may not read, so that nobody knows whether they
    /// are Python programs.
    case pythonRefused = 21
    /// Runs of Python programs that grew and are of a version or kind that is not read.
    case pythonUnsupported = 22
    /// Runs that grew while as many others as may be were watched for what their Python code runs.
    case pythonWithoutRoom = 23

    /// What a report calls it.
    public var phrase: String {
        switch self {
        case .vanished: "processes vanished before they could be read"
        case .unreadable: "reads refused by the kernel"
        case .malformed: "malformed kernel files"
        case .refused: "impossible figures refused"
        case .skippedTicks: "samples skipped"
        case .runsOverLimit: "runs over the limit of a host"
        case .exitRecordsLost: "exit records lost"
        case .processEventsLost: "process events lost"
        case .namesNotRead: "names not read in time"
        case .stretchedTicks: "samples left out to save processor time"
        case .totalsOverLimit: "sums and cgroups over the limit of a host"
        case .runsFolded: "small runs folded for want of room"
        case .runsDropped: "runs dropped for want of room"
        case .stateDamaged: "damaged stretches of state files"
        case .minutesMerged: "minutes merged into hours for want of room"
        case .windowsDropped: "minutes and hours dropped for want of room"
        case .sectionsNotRead: "datagrams of sections that could not be read"
        case .sectionsDropped: "calls of sections dropped"
        case .sectionsUnsent: "calls of sections that programs could not tell"
        case .linesDropped: "lines of Python programs dropped"
        case .pythonRefused: "runs that grew may not be read"
        case .pythonUnsupported: "runs of Python versions or builds that are not read"
        case .pythonWithoutRoom: "runs that grew found no room to be watched"
        }
    }
}
