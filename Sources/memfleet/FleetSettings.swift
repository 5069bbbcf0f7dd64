import Agent

/// What a simulated fleet is and does.
struct FleetSettings: Sendable {
    /// Where the collectors listen; the first is the preferred one.
    var collectors: [CollectorAddress]
    /// How many hosts there are.
    var agentCount = 1_000
    /// How many processes live on each host.
    var processCount = 300
    /// The share of processes that changes from one look to the next, from 0 to 1.
    var changingShare = 0.2
    /// Whether the same processes change at each look, and the others never.
    var isSteady = false
    /// Time between two looks, in milliseconds.
    var intervalMilliseconds: Int64 = 1_000
    /// Processes that end on each host in a second; as many begin.
    var exitsPerSecond = 1.0
    /// How long to go on.
    var seconds = 60
    /// How much time passes on the hosts meanwhile, in milliseconds; nil for as much.
    var spanMilliseconds: Int64?
    /// How much of that, at the start, the figures of frames and acknowledgements leave out.
    var warmUpSeconds = 0
    /// Over how long the agents start, one after the other; 0 for within the first interval.
    var rampUpSeconds = 0
    /// Where all chance comes from.
    var seed: UInt64 = 0
    /// How many threads the hosts share.
    var threadCount = 2
    /// Whether all agents look at the whole interval of the wall clock, as real ones do.
    var isAligned = false
    /// Where to write what a collector has to know at the end; nil for nowhere.
    var expectationPath: String?

    /// Runs that ended and are not acknowledged for which a simulated agent has room; while there
    /// are more, nothing ends on its host.
    static let maximumWaitingEnds = 4_096
    /// File descriptors beside those of the sessions.
    static let otherFiles = 64
}
