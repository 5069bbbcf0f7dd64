public import MemoryModel

/// Everything about one run on one page.
public struct RunPage: FleetView, Hashable {
    /// What is known beside the run itself.
    public struct Facts: Hashable, Sendable {
        /// Every host.
        public var hosts: [ReportedHost]
        /// Runs of the same program, on all hosts, this one included or not.
        public var siblings: [ReportedRun] = []
        /// How many more there are than were read.
        public var unreadSiblingCount = 0
        /// Kills for want of memory whose victim it is.
        public var kills: [ReportedKill] = []
        /// The cgroups of its path, host and boot.
        public var cgroups: [ReportedCgroup] = []
        /// The greatest used memory of its host in the hours of its life, with what it was made
        /// of; nil where none is known.
        public var hostMoment: ReportedTotal?
        /// The run that is its parent now; nil where none that lives has that pid.
        public var parent: ReportedRun?
        /// What its sections needed, the largest peak first.
        public var sections: [SectionRecord] = []
        /// Which of its lines ran while it grew; nil where nobody saw that.
        public var growth: GrowthRecord?
        /// What it held over time; nil where the store keeps no windows.
        public var history: [HistoryPoint]?
        /// What was missed in its life; nil where nobody asked.
        public var gaps: GapSummary?

        /// Facts of which only the hosts are known.
        public init(hosts: [ReportedHost]) {
            self.hosts = hosts
        }
    }

    /// When the page was made, in milliseconds since the epoch in UTC.
    public var madeAtMilliseconds: Int64
    /// The run.
    public var run: ReportedRun
    /// The time that the plot shows, in milliseconds since the epoch in UTC.
    public var range: ClosedRange<Int64>
    /// What is known beside it.
    public var facts: Facts
    /// The run as a row of a report.
    public var row: ReportRow
    /// The last runs of the program on the host, the latest peak first.
    public var lastRuns: [ReportRow]
    /// The hosts with runs of the program, the largest peak first.
    public var siblingHosts: [ReportRow]
    /// What the page rests on.
    public var coverage: Coverage

    /// How many of the last runs, and of the hosts, are shown.
    static let siblingCount = 6

    /// The page of `run`.
    ///
    /// - Parameters:
    ///   - run: The run.
    ///   - facts: What is known beside it.
    ///   - query: Of which time; where that is not said, of the life of the run.
    ///   - nowMilliseconds: Now, in milliseconds since the epoch in UTC.
    public init(
        run: ReportedRun, facts: Facts, query: SubjectQuery, nowMilliseconds: Int64
    ) {
        self.run = run
        self.facts = facts
        madeAtMilliseconds = nowMilliseconds
        range = run.shownRange(query, nowMilliseconds: nowMilliseconds)
        var asked = ReportQuery()
        asked.includesInherited = true
        row =
            ReportBuilder(query: asked, nowMilliseconds: nowMilliseconds)
            .result(of: [run], hosts: facts.hosts).rows.first ?? ReportRow(runs: 1)
        asked.top = RunPage.siblingCount
        asked.order = .last
        let own = facts.siblings.filter { $0.host == run.host && $0.key != run.key }
        lastRuns =
            ReportBuilder(query: asked, nowMilliseconds: nowMilliseconds)
            .result(of: own, hosts: facts.hosts).rows
        asked.order = .peak
        asked.grouping = .host
        asked.includesInherited = false
        let hosts = ReportBuilder(query: asked, nowMilliseconds: nowMilliseconds)
            .result(of: facts.siblings, hosts: facts.hosts).rows
        siblingHosts = hosts.contains { $0.hostID != run.host } ? hosts : []
        coverage = Coverage(hosts: facts.hosts.filter { $0.id == run.host }, gaps: facts.gaps)
        coverage.unreadRunCount = max(0, facts.unreadSiblingCount)
    }

    /// The host; nil where nothing is known of it any more.
    var host: ReportedHost? { facts.hosts.first { $0.id == run.host } }

    /// The cgroup of the run; of several at its path the one that was seen last.
    var cgroup: ReportedCgroup? {
        facts.cgroups.max {
            ($0.record.seenAtMilliseconds ?? .min) < ($1.record.seenAtMilliseconds ?? .min)
        }
    }

    /// What the run held in the fullest moment of its host; nil where it was not among the
    /// largest then.
    var shareOfMoment: UInt64? {
        facts.hostMoment?.peak.composition.first { $0.key == run.record.key }?.residentBytes
    }

    /// Whether that moment is known to lie in its life.
    var isMomentInLife: Bool {
        let life = run.shownRange(SubjectQuery(""), nowMilliseconds: madeAtMilliseconds)
        return facts.hostMoment?.isMoment(in: life) ?? false
    }

    /// How far the kernel's counts may be off; nil where that is not known.
    var counterBound: CounterBound? { host.flatMap { CounterBound($0.description) } }
}

extension ReportedRun {
    /// The time that a page of it shows: what was asked for, else its life.
    public func shownRange(_ query: SubjectQuery, nowMilliseconds: Int64) -> ClosedRange<Int64> {
        let known = [
            record.description.startedAtMilliseconds, record.peak?.bracket?.notBeforeMilliseconds,
            record.end?.bracket?.notBeforeMilliseconds, record.current?.atMilliseconds,
        ].compactMap { $0 }
        let end =
            record.end.map { $0.bracket?.notAfterMilliseconds ?? known.max() ?? nowMilliseconds }
        let until = min(query.untilMilliseconds ?? end ?? nowMilliseconds, nowMilliseconds)
        return Timestamp.range(query.sinceMilliseconds ?? known.min() ?? until, until)
    }
}
