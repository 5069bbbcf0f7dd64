public import MemoryModel

/// Everything about one host on one page.
public struct HostPage: FleetView, Hashable {
    /// What is known beside the host itself.
    public struct Facts: Hashable, Sendable {
        /// Its runs in the range, all that live among them.
        public var runs: [ReportedRun] = []
        /// How many more there are than were read.
        public var unreadRunCount = 0
        /// Its folded runs in the range.
        public var folds: [ReportedFold] = []
        /// Its used memory by hour, as totals of the kind `hostUsed`.
        public var hourly: [ReportedTotal] = []
        /// The greatest of them with what it was made of; nil where none is known.
        public var moment: ReportedTotal?
        /// The runs of that moment, as far as they are known.
        public var momentRuns: [RunKey: RunRecord] = [:]
        /// Its cgroups in the range.
        public var cgroups: [ReportedCgroup] = []
        /// Kills for want of memory in the range.
        public var kills: [ReportedKill] = []
        /// What was missed in the range; nil where nobody asked.
        public var gaps: GapSummary?
        /// When it was watched in the range; nil where nobody asked.
        public var watched: WatchedTime?

        /// No facts.
        public init() {}
    }

    /// When the page was made, in milliseconds since the epoch in UTC.
    public var madeAtMilliseconds: Int64
    /// The time that it shows, likewise.
    public var range: ClosedRange<Int64>
    /// The host as the view of hosts has it.
    public var host: HostsView.Row
    /// Its largest runs.
    public var largest: [ReportRow]
    /// What held its memory when most was used; nil where that is not known.
    public var composition: CompositionView.Row?
    /// Its largest cgroups.
    public var cgroups: [ReportedCgroup]
    /// Its last kills.
    public var kills: [ReportedKill]
    /// Its used memory by hour; hours of which nothing is known were not watched.
    public var history: [HistoryPoint]
    /// When it was watched in the range; nil where that is not known.
    public var watched: WatchedTime?
    /// What the page rests on.
    public var coverage: Coverage

    /// How many runs, cgroups and kills are shown.
    static let listedCount = 8

    /// The page of `host`.
    ///
    /// - Parameters:
    ///   - host: The host.
    ///   - facts: What is known beside it.
    ///   - query: Of which time.
    ///   - nowMilliseconds: Now, in milliseconds since the epoch in UTC.
    public init(
        host: ReportedHost, facts: Facts, query: SubjectQuery, nowMilliseconds: Int64
    ) {
        madeAtMilliseconds = nowMilliseconds
        range = query.range(
            usualMilliseconds: SubjectQuery.usualHostMilliseconds,
            nowMilliseconds: nowMilliseconds)
        let rows = HostsView(
            hosts: [host], runs: facts.runs, nowMilliseconds: nowMilliseconds
        ).rows
        self.host =
            rows.first
            ?? HostsView.Row(host: host, liveRunCount: 0, largestNow: nil, largestPeak: nil)
        var asked = ReportQuery()
        asked.top = HostPage.listedCount
        // The runs are those of the range already; their peaks are those of their whole life.
        let result = ReportBuilder(query: asked, nowMilliseconds: nowMilliseconds)
            .result(of: facts.runs, folds: facts.folds, hosts: [host], gaps: facts.gaps)
        largest = result.rows
        var coverage = result.coverage
        coverage.hiddenRowCount = 0
        coverage.unreadRunCount = max(0, facts.unreadRunCount)
        self.coverage = coverage
        let range = self.range
        composition = facts.moment.map { moment in
            CompositionView.Row(
                host: host, total: moment, isInRange: moment.isMoment(in: range),
                shares: moment.runKeys.map {
                    CompositionView.Share(
                        key: $0.key, run: facts.momentRuns[$0.key],
                        residentBytes: $0.residentBytes)
                })
        }
        var ranged = RangeQuery()
        ranged.top = HostPage.listedCount
        cgroups =
            CgroupsView(
                hosts: [host], cgroups: facts.cgroups, query: ranged, gaps: nil,
                nowMilliseconds: nowMilliseconds
            ).rows.filter { $0.record.peak != nil }
        kills =
            KillsView(
                hosts: [host], kills: facts.kills, query: ranged, gaps: nil,
                nowMilliseconds: nowMilliseconds
            ).rows
        watched = facts.watched
        history = HistoryPoint.hours(facts.hourly, in: range).map { point in
            var point = point
            let end = point.startsAtMilliseconds + point.length.milliseconds
            point.watchedMilliseconds = facts.watched?.milliseconds(
                in: point.startsAtMilliseconds..<end)
            return point
        }
    }
}

extension Timestamp {
    /// The range between two times that can be written; a beginning after the end is the end.
    static func range(_ since: Int64, _ until: Int64) -> ClosedRange<Int64> {
        let until = min(max(until, earliestMilliseconds), latestMilliseconds)
        return min(max(since, earliestMilliseconds), until)...until
    }
}

extension SubjectQuery {
    /// The time to show: what was asked for, else the last `usualMilliseconds`.
    public func range(
        usualMilliseconds: Int64, nowMilliseconds now: Int64
    ) -> ClosedRange<Int64> {
        let until = min(untilMilliseconds ?? now, now)
        let since = sinceMilliseconds ?? until.subtractingClamped(usualMilliseconds)
        return Timestamp.range(since, until)
    }
}

extension HistoryPoint {
    /// The most hours that a page draws one by one: 90 days.
    private static let maximumHours: Int64 = 90 * 24

    /// Sums by hour as windows: from the first that is known on, an hour without one was not
    /// watched; of the last one nothing may have been told yet.
    static func hours(
        _ totals: [ReportedTotal], in range: ClosedRange<Int64>
    ) -> [HistoryPoint] {
        var bytes: [Int64: UInt64] = [:]
        for total in totals where total.overlaps(range) {
            bytes[total.hourMilliseconds] = max(
                bytes[total.hourMilliseconds] ?? 0, total.peak.bytes)
        }
        let length = WindowLength.hour.milliseconds
        let last = WindowLength.hour.start(of: range.upperBound)
        guard let known = bytes.keys.min(), known <= last else { return [] }
        let count = min((last - known) / length, maximumHours)
        return (0...count).compactMap { index in
            let hour = last - (count - index) * length
            guard hour < last || bytes[hour] != nil else { return nil }
            return HistoryPoint(
                startsAtMilliseconds: hour, length: .hour,
                window: bytes[hour].map { Window(atLeastBytes: $0, atMostBytes: nil) },
                isWatched: bytes[hour] != nil)
        }
    }
}
