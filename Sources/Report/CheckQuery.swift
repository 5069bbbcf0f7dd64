public import MemoryModel

/// A threshold for a warning and one for an alarm; either may be missing.
public struct CheckThreshold<Value: Hashable & Comparable & Sendable>: Hashable, Sendable {
    /// Above it is a warning.
    public var warning: Value?
    /// Above it is an alarm.
    public var critical: Value?

    /// Whether there is neither.
    var isEmpty: Bool { warning == nil && critical == nil }

    /// What `value` is by these thresholds.
    public func severity(of value: Value) -> CheckStatus {
        if let critical, value > critical { return .critical }
        if let warning, value > warning { return .warning }
        return .ok
    }
}

/// What a check came to, with the numbers of exit statuses of monitoring plugins.
public enum CheckStatus: Int32, Hashable, Sendable, Comparable {
    /// Nothing is above a threshold.
    case ok = 0
    /// Something is above a threshold for warnings.
    case warning = 1
    /// Something is above a threshold for alarms.
    case critical = 2
    /// Nobody can tell.
    case unknown = 3

    /// The word of monitoring plugins.
    public var word: String {
        switch self {
        case .ok: "OK"
        case .warning: "WARNING"
        case .critical: "CRITICAL"
        case .unknown: "UNKNOWN"
        }
    }

    /// An alarm weighs most, then what nobody knows.
    public static func < (left: CheckStatus, right: CheckStatus) -> Bool {
        let order: [CheckStatus] = [.ok, .warning, .unknown, .critical]
        return order.firstIndex(of: left) ?? 0 < order.firstIndex(of: right) ?? 0
    }
}

/// What a check for monitoring looks at.
public struct CheckQuery: Hashable, Sendable {
    /// Beginning of the range for peaks, milliseconds since the epoch in UTC.
    public var sinceMilliseconds: Int64
    /// Only hosts whose id or name matches.
    public var host: Glob?
    /// Only programs that match, for peaks.
    public var program: Glob?
    /// Only users that match, for peaks.
    public var user: Glob?
    /// The largest peak of one run, in bytes.
    public var peak = CheckThreshold<UInt64>()
    /// The share of a host's memory that is in use, in tenths of a percent.
    public var used = CheckThreshold<UInt64>()
    /// How long a host was not heard of, in milliseconds.
    public var missing = CheckThreshold<UInt64>()

    /// Every key of the query of a check.
    public static let keys = [
        "since", "host", "program", "user", "peak_warning", "peak_critical", "used_warning",
        "used_critical", "missing_warning", "missing_critical",
    ]

    /// How far back peaks are looked at without `since`: an hour.
    public static let usualRangeMilliseconds: Int64 = 3_600_000
    /// How long a host may be silent if nothing else is asked for: 5 minutes.
    public static let usualMissingMilliseconds: UInt64 = 300_000

    /// Reads a check; one without any threshold is for hosts that are missing.
    ///
    /// - Parameters:
    ///   - pairs: Keys of `keys`, each at most once.
    ///   - nowMilliseconds: Now, in milliseconds since the epoch in UTC.
    /// - Throws: The key that could not be taken, why, and what could.
    public init(pairs: [QueryPair], nowMilliseconds: Int64) throws(QueryError) {
        let reader = try QueryReader(pairs, keys: CheckQuery.keys)
        let range = try reader.range(nowMilliseconds: nowMilliseconds, utcOffsetSeconds: 0)
        sinceMilliseconds =
            range.since ?? nowMilliseconds.subtractingClamped(CheckQuery.usualRangeMilliseconds)
        host = try reader.glob("host")
        program = try reader.glob("program")
        user = try reader.glob("user")
        peak = CheckThreshold(
            warning: try reader.size("peak_warning"), critical: try reader.size("peak_critical"))
        used = CheckThreshold(
            warning: try reader.value("used_warning", CheckQuery.permille),
            critical: try reader.value("used_critical", CheckQuery.permille))
        missing = CheckThreshold(
            warning: try reader.value("missing_warning", CheckQuery.length),
            critical: try reader.value("missing_critical", CheckQuery.length))
        if peak.isEmpty, program != nil || user != nil {
            throw QueryError(
                key: program == nil ? "user" : "program", value: "",
                reason: "is for peaks; say above which size with --peak-above, or with --warning "
                    + "and --critical")
        }
        if peak.isEmpty, used.isEmpty, missing.isEmpty {
            missing.critical = CheckQuery.usualMissingMilliseconds
        }
        try CheckQuery.check(peak, "peak")
        try CheckQuery.check(used, "used")
        try CheckQuery.check(missing, "missing")
    }

    private static func check<Value>(
        _ threshold: CheckThreshold<Value>, _ name: String
    ) throws(QueryError) {
        if let warning = threshold.warning, let critical = threshold.critical,
            warning > critical
        {
            throw QueryError(
                key: "\(name)_warning", value: "",
                reason: "a warning above the alarm would never come; swap the two")
        }
    }

    /// `90%` or `90` as 900.
    private static func permille(_ text: String) throws(InputError) -> UInt64 {
        let number = text.hasSuffix("%") ? text.dropLast() : text[...]
        guard let percent = Double(number), percent > 0, percent <= 100 else {
            throw InputError(
                text: text, problem: "is not a share of memory", advice: "a percentage such as 90%")
        }
        return UInt64((percent * 10).rounded())
    }

    private static func length(_ text: String) throws(InputError) -> UInt64 {
        UInt64(clamping: try DurationText.parse(text))
    }

    /// The query for the runs whose peaks are looked at.
    ///
    /// With `isAboveThreshold` only those that are large enough for a warning or an alarm match.
    public func runQuery(isAboveThreshold: Bool) -> ReportQuery {
        var query = ReportQuery()
        query.sinceMilliseconds = sinceMilliseconds
        query.host = host
        query.program = program
        query.user = user
        if isAboveThreshold {
            let thresholds = [peak.warning, peak.critical].compactMap { $0 }
            query.minimumPeakBytes = thresholds.min() ?? 0
        }
        return query
    }

    /// Says what a run is judged by.
    ///
    /// A peak from before the range says nothing of the range; what the run holds now, and what its
    /// windows say that it held, does.
    ///
    /// - Parameters:
    ///   - run: A run that overlaps the range.
    ///   - window: What it held in the range, where that was read.
    ///   - heardAtMilliseconds: When its host was last heard, in milliseconds of UTC; nil if never.
    /// - Returns: nil where nothing of its own is known to have been held in the range.
    public func judged(
        _ run: ReportedRun, window: RangedWindow? = nil, heardAtMilliseconds: Int64?
    ) -> CheckedRun? {
        guard let peak = run.record.peak, !run.record.isPeakInherited else { return nil }
        if (peak.bracket?.notAfterMilliseconds ?? .max) >= sinceMilliseconds {
            return CheckedRun(run: run, bytes: peak.bytes, isPeak: true)
        }
        var held: UInt64 = 0
        if run.record.end == nil, heardAtMilliseconds ?? .min >= sinceMilliseconds {
            held = run.record.current?.residentBytes ?? 0
        }
        if let window { held = max(held, min(window.window.atLeastBytes, peak.bytes)) }
        return held > 0 ? CheckedRun(run: run, bytes: held, isPeak: false) : nil
    }
}

/// A run and what it is judged by.
public struct CheckedRun: Hashable, Sendable {
    /// The run.
    public var run: ReportedRun
    /// The most that it is known to have held in the range, in bytes.
    public var bytes: UInt64
    /// Whether that is the peak of its life; else it only held so much in the range.
    public var isPeak: Bool
}
