public import MemoryModel

/// What a report found.
public struct ReportResult: Hashable, Sendable {
    /// Beginning of the range, milliseconds since the epoch in UTC; nil for all of time.
    public var sinceMilliseconds: Int64?
    /// End of the range, likewise: what was asked for, or now.
    public var untilMilliseconds: Int64
    /// When the report was made, likewise.
    public var madeAtMilliseconds: Int64
    /// By what the runs are put together.
    public var grouping: ReportQuery.Grouping
    /// What the report rests on and what it leaves out.
    public var coverage: Coverage
    /// The rows in the order that was asked for.
    public var rows: [ReportRow]
    /// Runs that passed the filters and are in a row, shown or not, folded ones included.
    public var matchedRunCount: Int
    /// Whether only some hosts were asked for.
    public var hasHostFilter: Bool
    /// Rows that there were before they were cut to the number asked for.
    public var matchedRowCount: Int
    /// The keys of the filters that were given.
    var filterKeys: [String] = []
    /// Whether any run has a peak of its own, also one whose row has too few runs.
    var isAnythingOwn = false
    /// Whether a filter leaves out some of what sums are made over, so that there are none.
    var areSumsCut = false
    /// Hosts of rows that keep no sums, so that these rows have none.
    var hostsWithoutSums = NamedHosts()
    /// Why there are no rows; nil where there are, or nobody looked.
    public var emptyReason: EmptyReason?

    /// Takes the parts as they are.
    public init(
        sinceMilliseconds: Int64?, untilMilliseconds: Int64, madeAtMilliseconds: Int64,
        grouping: ReportQuery.Grouping, coverage: Coverage, rows: [ReportRow],
        matchedRunCount: Int, matchedRowCount: Int, hasHostFilter: Bool = false
    ) {
        self.sinceMilliseconds = sinceMilliseconds
        self.untilMilliseconds = untilMilliseconds
        self.madeAtMilliseconds = madeAtMilliseconds
        self.grouping = grouping
        self.coverage = coverage
        self.rows = rows
        self.matchedRunCount = matchedRunCount
        self.matchedRowCount = matchedRowCount
        self.hasHostFilter = hasHostFilter
    }
}

/// Filters, groups, orders and cuts runs as a query asks.
public struct ReportBuilder: Sendable {
    /// What is asked for.
    public var query: ReportQuery
    /// Now, in milliseconds since the epoch in UTC.
    public var nowMilliseconds: Int64
    /// What was watched in the range that this one is compared with; nil without such a range.
    public var beside: WatchedHosts?

    /// Takes both parts as they are, for a report that is compared with none.
    public init(query: ReportQuery, nowMilliseconds: Int64) {
        self.query = query
        self.nowMilliseconds = nowMilliseconds
    }

    /// Makes the report.
    ///
    /// - Parameters:
    ///   - runs: The runs to choose from; those that do not match the query are passed over.
    ///   - folds: Folded runs to choose from; they count where runs are put together.
    ///   - hosts: Every host there is.
    ///   - windows: What runs held in the range, where the store knows.
    ///   - further: What was not handed over.
    ///   - totals: The totals of the query's `totalKinds` whose hours overlap its range; nil where
    ///     they are not known whole.
    ///   - gaps: What was missed in the range; nil where nobody asked.
    /// - Returns: At most as many rows as the query asks for.
    public func result(
        of runs: some Sequence<ReportedRun>, folds: [ReportedFold] = [], hosts: [ReportedHost],
        windows: [RunKey: RangedWindow] = [:], further: FurtherRuns = FurtherRuns(),
        totals: [ReportedTotal]? = nil, gaps: GapSummary? = nil
    ) -> ReportResult {
        var tally = ReportTally(query: query, hosts: hosts)
        var names = TextNumbers()
        func number(_ name: RawText) -> Int64 { names.number(name) }
        for run in runs where query.matches(run) {
            let place = tally.place(
                host: run.host, boot: run.boot, name: run.hostName, labels: run.labels)
            tally.add(RunFigures(run.record, number: number), at: place)
        }
        tally.add(folds, number: number)
        tally.settle(windows)
        return result(
            of: tally, hosts: hosts, further: further, totals: totals, gaps: gaps
        ) { names.text($0) }
    }

    /// Makes the report of what a tally took in and settled.
    ///
    /// `name` tells what a number of the tally's runs stands for; the rest is as above.
    public func result<Failure: Error>(
        of tally: ReportTally, hosts: [ReportedHost], further: FurtherRuns = FurtherRuns(),
        totals: [ReportedTotal]? = nil, gaps: GapSummary? = nil,
        name: (Int64) throws(Failure) -> RawText
    ) throws(Failure) -> ReportResult {
        var tally = tally
        let isAnythingOwn = !tally.groups.isEmpty
        tally.order()
        func text(_ number: Int64) throws(Failure) -> RawText {
            if let id = RunFigures.userID(ofNumber: number) { return RawText(String(id)) }
            return try name(number)
        }
        let chosen = query.matching(hosts)
        let sums = totals.map { PeaksOfSums($0, of: Set(chosen.map(\.id)), in: query.range) }
        let awaited = Set(chosen.filter(\.isAwaited).map(\.id))
        var withoutSums: Set<HostID> = []
        var rows: [ReportRow] = []
        for group in tally.groups.prefix(query.top) {
            var row = try group.row(tally.places, name: text)
            row.group = try tally.name(of: group, name: text)
            let hosts = Set(group.hosts.compactMap { tally.hostID($0) })
            if let sums, query.subjectKind != nil {
                // Commands are told of without sums, which are of all that runs on a host.
                let summed = hosts.intersection(awaited)
                let missing = (summed.isEmpty ? hosts : summed).subtracting(sums.keepers)
                add(sums, to: &row, areKept: missing.isEmpty)
                withoutSums.formUnion(missing)
            }
            row.isWatchedBeside = beside.map { !$0.hosts.isDisjoint(with: hosts) }
            if query.grouping == .host { addPresent(to: &row, of: chosen) }
            rows.append(row)
        }
        let rowCount = tally.groups.count.addingClamped(max(0, further.rowCount))
        var coverage = Coverage(hosts: chosen, gaps: gaps)
        coverage.inheritedRunCount = tally.inheritedRunCount.addingClamped(further.inheritedCount)
        coverage.unreadRunCount = max(0, further.unreadCount)
        coverage.isCut = tally.isCut
        if query.grouping == .run { coverage.unlistedFoldedRunCount = tally.foldedRunCount }
        coverage.untoldFoldedRunCount = tally.untoldFoldedRunCount
        coverage.hiddenRowCount = max(0, rowCount - query.top)
        var result = ReportResult(
            sinceMilliseconds: query.sinceMilliseconds,
            untilMilliseconds: query.untilMilliseconds ?? nowMilliseconds,
            madeAtMilliseconds: nowMilliseconds, grouping: query.grouping, coverage: coverage,
            rows: rows,
            matchedRunCount: tally.groups.reduce(0) { $0.addingClamped($1.runCount) },
            matchedRowCount: rowCount, hasHostFilter: query.isRestrictedToHosts)
        result.filterKeys = query.filterKeys
        result.isAnythingOwn = isAnythingOwn
        result.hostsWithoutSums = NamedHosts(
            chosen.filter { withoutSums.contains($0.id) }, coverage.hostNames)
        result.areSumsCut = query.subjectKind != nil && query.isCuttingThroughSubjects
        return result
    }

    /// Says what the runs of a row held together, where that is known.
    private func add(_ sums: PeaksOfSums, to row: inout ReportRow, areKept: Bool) {
        guard let kind = query.subjectKind, let name = row.group else { return }
        let isOfHost = kind == .host
        let host = isOfHost ? row.hostID : nil
        let subject = TotalSubject(kind: kind, name: isOfHost ? RawText("") : name)
        if !query.isCuttingThroughSubjects, areKept, let peak = sums.peak(of: subject, on: host) {
            // Looks miss what is between them, and a single run may have been seen to hold more.
            let held = row.heldBytes ?? 0
            row.peakOfSumBytes = max(peak.bytes, held)
            let isReached = held >= peak.bytes || !peak.isUpperBound
            row.isPeakOfSumLowerBound = isReached ? true : nil
            row.isPeakOfSumUpperBound = isReached ? false : nil
        }
        let used = TotalSubject(kind: .hostUsed, name: RawText(""))
        if isOfHost, let peak = sums.peak(of: used, on: host) {
            row.hostUsedPeakBytes = peak.bytes
            row.isHostUsedPeakUpperBound = peak.isUpperBound
        }
    }
}

extension ReportBuilder {
    /// Raises what a host used to what it uses now, which its agent tells before it tells the sums.
    private func addPresent(to row: inout ReportRow, of hosts: [ReportedHost]) {
        guard let host = hosts.first(where: { $0.id == row.hostID }),
            let used = host.memoryUsedBytes, host.state == .up,
            query.range.contains(host.lastHeardAtMilliseconds),
            let known = row.hostUsedPeakBytes, used > known
        else { return }
        row.hostUsedPeakBytes = used
        row.isHostUsedPeakUpperBound = false
    }
}

/// Runs that match a query and are not handed to whoever makes the report.
public struct FurtherRuns: Hashable, Sendable {
    /// Those that would be a row beyond the ones that are asked for.
    public var rowCount = 0
    /// Those that may belong among the rows, as there are too many to read.
    public var unreadCount = 0
    /// Those whose peak is only what they inherited.
    public var inheritedCount = 0

    /// None.
    public init() {}
}

extension ReportTally {
    /// Takes in the folds that pass the filters; `number` is what a name has for a number.
    public mutating func add<Failure: Error>(
        _ folds: [ReportedFold], number: (RawText) throws(Failure) -> Int64
    ) throws(Failure) {
        for fold in folds {
            switch query.judged(fold) {
            case .differs: continue
            case .unknown:
                untoldFoldedRunCount = untoldFoldedRunCount.addingClamped(
                    Int(clamping: fold.fold.runCount))
            case .matches(let part):
                let subject = part.fold.subject
                var names = FoldNames(
                    program: try number(subject.program), user: RunFigures.noName,
                    cgroup: RunFigures.noName)
                if let user = subject.user {
                    names.user = try RunFigures.number(ofUser: user, number: number)
                }
                if let cgroup = subject.cgroup { names.cgroup = try number(cgroup) }
                add(part, names)
            }
        }
    }

    /// The host with this number.
    func hostID(_ number: Int) -> HostID? {
        hostIDs.indices.contains(number) ? hostIDs[number] : nil
    }
}
