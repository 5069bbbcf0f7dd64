public import MemoryModel

/// What a report is asked for.
public struct ReportQuery: Sendable, Equatable {
    /// By what the runs are put together, one row each.
    public enum Grouping: String, Sendable, CaseIterable {
        /// Every run by itself.
        case run
        /// Runs of one program.
        case program
        /// Runs of one user.
        case user
        /// Runs of one cgroup.
        case cgroup
        /// Runs of one host.
        case host
    }

    /// In what order the rows stand.
    public enum Order: String, Sendable, CaseIterable {
        /// Largest peak first.
        case peak
        /// Most runs first.
        case runs
        /// By host, then largest peak.
        case host
        /// Latest peak first.
        case last
        /// Most processor time first.
        case cpu
    }

    /// Beginning of the range, milliseconds since the epoch in UTC; nil for all of time.
    public var sinceMilliseconds: Int64?
    /// End of the range, likewise; nil for now.
    public var untilMilliseconds: Int64?
    /// By what the runs are put together.
    public var grouping: Grouping = .run
    /// In what order the rows stand.
    public var order: Order = .peak
    /// The most rows to show.
    public var top: Int = 20
    /// Only hosts whose id or name matches.
    public var host: Glob?
    /// Only users whose name, or number where there is no name, matches.
    public var user: Glob?
    /// Only programs that match.
    public var program: Glob?
    /// Only runs whose peak is at least this, in bytes.
    public var minimumPeakBytes: UInt64 = 0
    /// Whether runs count whose peak is only what they inherited from their parent at fork.
    public var includesInherited = false

    /// How many rows may be asked for.
    public static let topRange = 1...100_000

    /// A query for the twenty largest peaks of all time.
    public init() {}

    /// Whether there is a beginning or an end.
    public var hasRange: Bool { sinceMilliseconds != nil || untilMilliseconds != nil }

    /// Whether a host of this id and name passes.
    public func matches(host id: HostID, name: RawText) -> Bool {
        guard let host else { return true }
        return host.matches(RawText(id.text)) || host.matches(name)
    }

    /// Whether `run` overlaps the range and passes every filter but the one for inherited peaks.
    ///
    /// A time that is not known is taken to be inside the range.
    public func matches(_ run: ReportedRun) -> Bool {
        let record = run.record
        if let untilMilliseconds, let started = record.description.startedAtMilliseconds,
            started > untilMilliseconds
        {
            return false
        }
        if let sinceMilliseconds, let ended = record.end?.bracket?.notAfterMilliseconds,
            ended < sinceMilliseconds
        {
            return false
        }
        guard matches(host: run.host, name: run.hostName) else { return false }
        if let user, !(run.user.map(user.matches) ?? false) { return false }
        if let program, !program.matches(record.description.program) { return false }
        return minimumPeakBytes == 0 || (record.peak?.bytes ?? 0) >= minimumPeakBytes
    }
}
