public import MemoryModel

/// What a report is asked for.
public struct ReportQuery: Sendable, Equatable {
    /// In what order the rows stand.
    public enum Order: String, Sendable, CaseIterable {
        /// Largest peak first.
        case peak
        /// Largest 95th percentile of the runs' peaks first.
        case p95
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
    /// Of which parts of runs a report is asked for; nil for the runs themselves.
    public var part: RunPart?
    /// In what order the rows stand.
    public var order: Order = .peak
    /// The most rows to show.
    public var top: Int = 20
    /// Only hosts whose id or name matches.
    public var host: Glob?
    /// Only hosts that have all of these labels.
    public var labels: [LabelPattern] = []
    /// Only users whose name, or number where there is no name, matches.
    public var user: Glob?
    /// Only runs whose names match, each by its own pattern.
    public var patterns: [NamedField: Glob] = [:]
    /// Only runs whose peak is at least this, in bytes.
    public var minimumPeakBytes: UInt64 = 0
    /// Only rows of at least so many runs.
    public var minimumRuns = 1
    /// Whether runs count whose peak is only what they inherited from their parent at fork.
    public var includesInherited = false

    /// With what range the query's own is compared; nil for a report of one range.
    public var comparison: Comparison?
    /// How much to put on top where sizes are to be suggested, in percent; nil for a report.
    public var suggestionMarginPercent: Int?

    /// An earlier range to compare with.
    public enum Comparison: Hashable, Sendable {
        /// The one of the same length that ends where the range begins.
        case previous
        /// The one of the same length so many milliseconds before.
        case earlier(milliseconds: Int64)
    }

    /// The margin of suggestions where none is given, in percent.
    public static let usualMarginPercent = 20
    /// The margins that may be asked for, in percent.
    public static let marginRange = 0...1_000

    /// How many rows may be asked for.
    public static let topRange = 1...100_000
    /// How many runs a row may be asked to have at least.
    public static let minimumRunsRange = 1...1_000_000_000
    /// How many labels may be asked for.
    public static let maximumLabels = 16

    /// A query for the twenty largest peaks of all time.
    public init() {}

    /// Whether there is a beginning or an end.
    public var hasRange: Bool { sinceMilliseconds != nil || untilMilliseconds != nil }

    /// Only programs that match.
    public var program: Glob? {
        get { patterns[.program] }
        set { patterns[.program] = newValue }
    }

    /// Whether only some hosts are asked for.
    public var isRestrictedToHosts: Bool { host != nil || !labels.isEmpty }

    /// Whether a host of this id, name and labels passes.
    public func matches(host id: HostID, name: RawText, labels known: [HostLabel]) -> Bool {
        guard labels.allSatisfy({ pattern in known.contains(where: pattern.matches) }) else {
            return false
        }
        guard let host else { return true }
        return host.matches(host: id, name: name)
    }

    /// Whether `run` overlaps the range and passes every filter but the one for inherited peaks.
    ///
    /// A time that is not known is taken to be inside the range.
    public func matches(_ run: ReportedRun) -> Bool {
        matches(host: run.host, name: run.hostName, labels: run.labels) && matches(run.record)
    }

    /// Whether a run overlaps the range and passes every filter but those for its host and for
    /// inherited peaks; all of its times are milliseconds since the epoch in UTC.
    public func matches(_ record: RunRecord) -> Bool {
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
        if let user, !(record.description.userOrID.map(user.matches) ?? false) { return false }
        for (field, pattern) in patterns {
            guard record.description.name(field).map(pattern.matches) ?? false else {
                return false
            }
        }
        return minimumPeakBytes == 0 || (record.peak?.bytes ?? 0) >= minimumPeakBytes
    }
}
