public import MemoryModel

/// Everything about one program on all hosts on one page.
public struct ProgramPage: FleetView, Hashable {
    /// What is known of it.
    public struct Facts: Hashable, Sendable {
        /// Every host.
        public var hosts: [ReportedHost]
        /// Its runs in the range.
        public var runs: [ReportedRun] = []
        /// How many more there are than were read.
        public var unreadRunCount = 0
        /// Its folded runs in the range.
        public var folds: [ReportedFold] = []
        /// Kills for want of memory in the range whose victims ran it.
        public var kills: [ReportedKill] = []
        /// What its largest run held over time; nil where the store keeps no windows.
        public var history: [HistoryPoint]?
        /// What was missed in the range; nil where nobody asked.
        public var gaps: GapSummary?

        /// Facts of which only the hosts are known.
        public init(hosts: [ReportedHost]) {
            self.hosts = hosts
        }
    }

    /// When the page was made, in milliseconds since the epoch in UTC.
    public var madeAtMilliseconds: Int64
    /// The time that it shows, likewise.
    public var range: ClosedRange<Int64>
    /// The program.
    public var program: RawText
    /// All its runs as a row of a report; nil where there are none in the range.
    public var row: ReportRow?
    /// Its hosts, the largest peak first.
    public var hosts: [ReportRow]
    /// How many hosts there are, shown or not.
    public var hostCount: Int
    /// Its largest runs.
    public var largest: [ReportRow]
    /// Its runs whose peaks are the latest.
    public var latest: [ReportRow]
    /// How its runs ended.
    public var ends: EndCounts
    /// How many of its runs had a peak of which size.
    public var sizes: PeakHistogram
    /// Its last kills.
    public var kills: [ReportedKill]
    /// What it held over time.
    public var history: [HistoryPoint]
    /// Whether that is only by when the peaks of its runs were reached, as no windows are known.
    public var isHistoryOfPeaks: Bool
    /// What the page rests on.
    public var coverage: Coverage

    /// How many hosts, runs and kills are shown.
    static let listedCount = 6

    /// The page of `program`.
    ///
    /// - Parameters:
    ///   - program: The program.
    ///   - facts: What is known of it.
    ///   - query: Of which time.
    ///   - nowMilliseconds: Now, in milliseconds since the epoch in UTC.
    public init(
        program: RawText, facts: Facts, query: SubjectQuery, nowMilliseconds: Int64
    ) {
        let now = nowMilliseconds
        self.program = program
        madeAtMilliseconds = now
        range = query.range(
            usualMilliseconds: SubjectQuery.usualProgramMilliseconds, nowMilliseconds: now)
        // The runs are those of the range already; their peaks are those of their whole life.
        var asked = ReportQuery()
        asked.program = Glob(exactly: program)
        asked.top = ProgramPage.listedCount
        func result(
            _ grouping: ReportQuery.Grouping, _ order: ReportQuery.Order = .peak
        ) -> ReportResult {
            var query = asked
            query.grouping = grouping
            query.order = order
            return ReportBuilder(query: query, nowMilliseconds: now).result(
                of: facts.runs, folds: facts.folds, hosts: facts.hosts, gaps: facts.gaps)
        }
        let whole = result(.program)
        row = whole.rows.first
        let byHost = result(.host)
        hosts = byHost.rows
        hostCount = byHost.matchedRowCount
        largest = result(.run).rows
        latest = result(.run, .last).rows
        ends = EndCounts(facts.runs, folds: facts.folds, hosts: facts.hosts)
        sizes = PeakHistogram()
        for run in facts.runs where !run.record.isPeakInherited {
            if let peak = run.record.peak { sizes.add(bytes: peak.bytes) }
        }
        for fold in facts.folds { sizes.add(fold.fold.histogram) }
        var ranged = RangeQuery()
        ranged.top = ProgramPage.listedCount
        kills =
            KillsView(
                hosts: facts.hosts, kills: facts.kills, query: ranged, gaps: nil,
                nowMilliseconds: now
            ).rows
        let windows = facts.history ?? []
        isHistoryOfPeaks = !windows.contains { $0.window != nil }
        history = isHistoryOfPeaks ? HistoryPoint.peaks(of: facts.runs, in: range) : windows
        var coverage = whole.coverage
        coverage.unreadRunCount = max(0, facts.unreadRunCount)
        self.coverage = coverage
    }
}

/// How many runs ended in which way.
public struct EndCounts: Hashable, Sendable {
    /// Runs that live, as far as their hosts are heard of.
    public var live = 0
    /// Runs by exit code.
    public var codes: [Int32: Int] = [:]
    /// Runs by the signal that killed them, those killed for want of memory not among them.
    public var signals: [Int32: Int] = [:]
    /// Runs killed for want of memory, folded ones included.
    public var outOfMemoryKills = 0
    /// Runs that executed another program.
    public var executed = 0
    /// Runs of which nobody knows how they ended.
    public var unknown = 0
    /// Folded runs.
    public var folded = 0
    /// Folded runs that ended with another exit code than 0, or by a signal.
    public var foldedFailures = 0

    init(_ runs: [ReportedRun], folds: [ReportedFold], hosts: [ReportedHost]) {
        let gone = Set(hosts.filter { $0.state == .gone }.map(\.id))
        for run in runs { add(run, isGone: gone.contains(run.host)) }
        for fold in folds.map(\.fold) {
            folded = folded.addingClamped(Int(clamping: fold.runCount))
            foldedFailures = foldedFailures.addingClamped(Int(clamping: fold.failureCount))
            outOfMemoryKills = outOfMemoryKills.addingClamped(Int(clamping: fold.killCount))
        }
    }

    private mutating func add(_ run: ReportedRun, isGone: Bool) {
        if run.record.flags.contains(.killedForMemory) {
            outOfMemoryKills += 1
        } else if let end = run.record.end {
            if let code = end.exitCode {
                codes[code, default: 0] += 1
            } else if let signal = end.exitSignal {
                signals[signal, default: 0] += 1
            } else if end.reason == .executed {
                executed += 1
            } else {
                unknown += 1
            }
        } else if isGone {
            unknown += 1
        } else {
            live += 1
        }
    }
}

extension HistoryPoint {
    /// Up to this length of a range, peaks are put together by the hour, beyond it by the day.
    private static let hoursUpTo: Int64 = 3 * 86_400_000

    /// The largest peak that runs reached in each hour or day, as far as the times are known.
    static func peaks(
        of runs: [ReportedRun], in range: ClosedRange<Int64>
    ) -> [HistoryPoint] {
        let span = range.upperBound.subtractingClamped(range.lowerBound)
        let length: WindowLength = span <= hoursUpTo ? .hour : .day
        var windows: [Int64: Window] = [:]
        for run in runs where !run.record.isPeakInherited {
            guard let peak = run.record.peak, let at = peak.bracket?.notAfterMilliseconds,
                range.contains(at)
            else { continue }
            let window = Window(atLeastBytes: peak.bytes, atMostBytes: nil)
            let start = length.start(of: at)
            windows[start] = windows[start]?.merged(with: window) ?? window
        }
        return windows.sorted { $0.key < $1.key }.map { start, window in
            HistoryPoint(
                startsAtMilliseconds: start, length: length, window: window, isWatched: true)
        }
    }
}
