/// A part of what a live screen shows, which is asked for by itself.
public enum FleetPart: Hashable, Sendable, CaseIterable {
    /// The hosts.
    case hosts
    /// The living processes, the largest first.
    case processes
    /// The programs of the last 24 hours.
    case programs
    /// The kills for want of memory of the last 24 hours.
    case kills
}

/// What a live screen wants to know next.
public struct FleetRequest: Hashable, Sendable {
    /// The parts that are wanted.
    public var parts: Set<FleetPart>
    /// The only host whose processes are wanted, by its lasting name; nil for all.
    public var hostID: String?
    /// The most processes that are wanted.
    public var processLimit: Int
    /// The run whose page is wanted, by its short name; nil for none.
    public var pageRunID: String?
    /// The columns that the page may take.
    public var pageColumns: Int
    /// Whether the page may have characters beyond ASCII.
    public var isUnicode: Bool

    /// Takes the parts as they are.
    public init(
        parts: Set<FleetPart>, hostID: String? = nil, processLimit: Int = 2_000,
        pageRunID: String? = nil, pageColumns: Int = 80, isUnicode: Bool = true
    ) {
        self.parts = parts
        self.hostID = hostID
        self.processLimit = processLimit
        self.pageRunID = pageRunID
        self.pageColumns = pageColumns
        self.isUnicode = isUnicode
    }
}

/// What a source says to a request; a part that it does not have stays as it was.
public struct FleetAnswer: Hashable, Sendable {
    /// When this was so, in milliseconds since the epoch in UTC.
    public var atMilliseconds: Int64
    /// The hosts, if they were asked for.
    public var hosts: [HostRow]?
    /// The processes, if they were asked for.
    public var processes: [ProcessRow]?
    /// The most memory that was in use on all hosts together, with the hosts; nil where the source
    /// does not know.
    public var usedPeak: UsedPeak?
    /// How many more processes there are than were asked for.
    public var hiddenProcessCount = 0
    /// The programs, if they were asked for.
    public var programs: [ProgramRow]?
    /// The kills, if they were asked for.
    public var kills: [KillRow]?
    /// The text about the run that was asked for, line by line; empty where the source has none.
    public var page: [String]?
    /// What the source cannot see, a short phrase each; nil where nobody looked.
    public var limits: [String]?

    /// The most memory that was in use on all hosts together in the last hours.
    public struct UsedPeak: Hashable, Sendable {
        /// In bytes.
        public var bytes: UInt64
        /// Whether it may have been less.
        public var isUpperBound: Bool
        /// In how many hours, the one under way among them.
        public var hours: Int
    }

    /// An answer without any part.
    public init(atMilliseconds: Int64) {
        self.atMilliseconds = atMilliseconds
    }
}

/// Where a live screen has its rows from.
public protocol FleetSource: Sendable {
    /// What the source is called in the title and when it does not answer, such as a URL.
    var name: String { get }

    /// Answers a request, however long that takes; throws an error whose description is a line.
    func answer(_ request: FleetRequest) async throws -> FleetAnswer
}
