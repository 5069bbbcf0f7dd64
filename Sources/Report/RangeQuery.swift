import MemoryModel

/// What is asked of kills, cgroups and compositions: a range of time and filters.
///
/// Each view takes the filters that its keys name; the others stay as in `init()`.
public struct RangeQuery: Hashable, Sendable {
    /// Beginning of the range, milliseconds since the epoch in UTC; nil for all of time.
    public var sinceMilliseconds: Int64?
    /// End of the range, likewise; nil for now.
    public var untilMilliseconds: Int64?
    /// Only hosts whose id or name matches.
    public var host: Glob?
    /// Only programs that match.
    public var program: Glob?
    /// Only users whose name, or number where there is no name, matches.
    public var user: Glob?
    /// Only cgroups whose path, unit or container matches.
    public var cgroup: Glob?
    /// Only peaks of at least this, in bytes.
    public var minimumPeakBytes: UInt64 = 0
    /// The most rows to show.
    public var top: Int = 20

    /// The keys of a query for kills.
    public static let killKeys = ["since", "until", "host", "program", "user", "top"]
    /// The keys of a query for cgroups.
    public static let cgroupKeys = ["since", "until", "host", "cgroup", "min_peak", "top"]
    /// The keys of a query for compositions.
    public static let compositionKeys = ["since", "until", "host", "top"]

    /// A query for the first twenty of all time.
    public init() {}

    /// Whether there is a beginning or an end.
    public var hasRange: Bool { sinceMilliseconds != nil || untilMilliseconds != nil }

    /// Reads a query; what has no pair is as in `init()`.
    ///
    /// - Parameters:
    ///   - pairs: Keys of `keys`, each at most once.
    ///   - keys: The keys that the view takes.
    ///   - nowMilliseconds: Now, in milliseconds since the epoch in UTC.
    ///   - utcOffsetSeconds: Seconds east of UTC for times that name no offset.
    /// - Throws: The key that could not be taken, why, and what could.
    public init(
        pairs: [QueryPair], keys: [String], nowMilliseconds: Int64, utcOffsetSeconds: Int = 0
    ) throws(QueryError) {
        self.init()
        let reader = try QueryReader(pairs, keys: keys)
        (sinceMilliseconds, untilMilliseconds) = try reader.range(
            nowMilliseconds: nowMilliseconds, utcOffsetSeconds: utcOffsetSeconds)
        host = try reader.glob("host")
        program = try reader.glob("program")
        user = try reader.glob("user")
        cgroup = try reader.glob("cgroup")
        minimumPeakBytes = try reader.size("min_peak") ?? minimumPeakBytes
        top = try reader.number("top", in: ReportQuery.topRange) ?? top
    }
}

extension RangeQuery {
    /// Whether anything but hosts was asked for.
    var isFiltered: Bool {
        hasRange || program != nil || user != nil || cgroup != nil || minimumPeakBytes > 0
    }

    /// The range; open ends reach as far as time does.
    var range: ClosedRange<Int64> {
        let since = sinceMilliseconds ?? .min
        return since...max(since, untilMilliseconds ?? .max)
    }

    /// The hosts that pass.
    public func matching(_ hosts: [ReportedHost]) -> [ReportedHost] {
        guard let host else { return hosts }
        return hosts.filter { host.matches(host: $0.id, name: $0.description.name) }
    }

    /// The range in words, for a heading.
    func rangeText(_ style: TextStyle, nowMilliseconds: Int64) -> String {
        let end = style.minute(untilMilliseconds ?? nowMilliseconds)
        guard let sinceMilliseconds else { return "until \(end)" }
        return "\(style.minute(sinceMilliseconds)) to \(end)"
    }
}
