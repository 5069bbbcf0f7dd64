import MemoryModel

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
    /// Runs that passed the filters and are in a row, shown or not.
    public var matchedRunCount: Int
    /// Whether only some hosts were asked for.
    public var hasHostFilter: Bool
    /// Rows that there were before they were cut to the number asked for.
    public var matchedRowCount: Int

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

    /// Takes both parts as they are.
    public init(query: ReportQuery, nowMilliseconds: Int64) {
        self.query = query
        self.nowMilliseconds = nowMilliseconds
    }

    /// Makes the report.
    ///
    /// - Parameters:
    ///   - runs: The runs to choose from; those that do not match the query are passed over.
    ///   - hosts: Every host there is.
    ///   - unreadRunCount: Runs that match but were not read from the store, as there are too
    ///     many.
    ///   - totals: The totals of the query's `totalKinds` whose hours overlap its range; nil where
    ///     they are not known whole.
    ///   - gaps: What was missed in the range; nil where nobody asked.
    /// - Returns: At most as many rows as the query asks for.
    public func result(
        of runs: some Sequence<ReportedRun>, hosts: [ReportedHost], unreadRunCount: Int = 0,
        totals: [ReportedTotal]? = nil, gaps: GapSummary? = nil
    ) -> ReportResult {
        let runs = Array(runs)
        var inheritedCount = 0
        var matched: [Int] = []
        for index in runs.indices where query.matches(runs[index]) {
            if !query.includesInherited, runs[index].record.isPeakInherited {
                inheritedCount += 1
            } else {
                matched.append(index)
            }
        }
        let groups = orderedGroups(of: runs, matched)
        let known = KnownHosts(hosts)
        let chosen = hosts.filter { query.matches(host: $0.id, name: $0.description.name) }
        let sums = totals.map { PeaksOfSums($0, of: Set(chosen.map(\.id)), in: query.range) }
        var coverage = Coverage(hosts: chosen, gaps: gaps)
        coverage.hasRange = query.hasRange
        coverage.inheritedRunCount = inheritedCount
        coverage.unreadRunCount = max(0, unreadRunCount)
        coverage.hiddenRowCount = max(0, groups.count - query.top)
        return ReportResult(
            sinceMilliseconds: query.sinceMilliseconds,
            untilMilliseconds: query.untilMilliseconds ?? nowMilliseconds,
            madeAtMilliseconds: nowMilliseconds, grouping: query.grouping, coverage: coverage,
            rows: groups.prefix(query.top).map { group in
                var row = group.row(of: runs, hosts: known)
                if let sums { add(sums, to: &row, of: group, runs) }
                return row
            },
            matchedRunCount: matched.count, matchedRowCount: groups.count,
            hasHostFilter: query.host != nil)
    }

    /// Says what the runs of a row held together, where that is known.
    private func add(
        _ sums: PeaksOfSums, to row: inout ReportRow, of group: RunGroup, _ runs: [ReportedRun]
    ) {
        guard let kind = query.subjectKind, let name = groupName(of: runs[group.members[0]]) else {
            return
        }
        let isOfHost = kind == .host
        let host = isOfHost ? row.hostID : nil
        let subject = TotalSubject(kind: kind, name: isOfHost ? RawText("") : name)
        let hosts = Set(group.members.map { runs[$0].host })
        if !query.isCuttingThroughSubjects, sums.areKept(by: hosts),
            let peak = sums.peak(of: subject, on: host)
        {
            row.peakOfSumBytes = peak.bytes
            row.isPeakOfSumUpperBound = peak.isUpperBound
        }
        let used = TotalSubject(kind: .hostUsed, name: RawText(""))
        if isOfHost, let peak = sums.peak(of: used, on: host) {
            row.hostUsedPeakBytes = peak.bytes
            row.isHostUsedPeakUpperBound = peak.isUpperBound
        }
    }

    /// The groups in the order of the query.
    private func orderedGroups(of runs: [ReportedRun], _ matched: [Int]) -> [RunGroup] {
        var groups: [RunGroup] = []
        if query.grouping == .run {
            groups = matched.map { RunGroup(first: $0, of: runs) }
        } else {
            var places: [RawText?: Int] = [:]
            for index in matched {
                let name = groupName(of: runs[index])
                if let place = places[name] {
                    groups[place].add(index, of: runs)
                } else {
                    places[name] = groups.count
                    groups.append(RunGroup(first: index, of: runs))
                }
            }
        }
        return groups.sorted { isOrdered($0, $1, runs) }
    }

    private func groupName(of run: ReportedRun) -> RawText? {
        switch query.grouping {
        case .run: nil
        case .program: run.record.description.program
        case .user: run.user
        case .cgroup: run.record.description.cgroup
        case .host: RawText(run.host.text)
        }
    }

    private func isOrdered(_ left: RunGroup, _ right: RunGroup, _ runs: [ReportedRun]) -> Bool {
        switch query.order {
        case .peak: break
        case .runs:
            if left.members.count != right.members.count {
                return left.members.count > right.members.count
            }
        case .host:
            let mine = runs[left.peakHolder].hostName
            let theirs = runs[right.peakHolder].hostName
            if mine != theirs { return mine < theirs }
        case .last:
            let mine = left.peak?.bracket?.notAfterMilliseconds ?? .min
            let theirs = right.peak?.bracket?.notAfterMilliseconds ?? .min
            if mine != theirs { return mine > theirs }
        case .cpu:
            let mine = left.processorMilliseconds ?? 0
            let theirs = right.processorMilliseconds ?? 0
            if mine != theirs { return mine > theirs }
        }
        if left.peak?.bytes != right.peak?.bytes {
            guard let mine = left.peak, let theirs = right.peak else { return left.peak != nil }
            return mine.bytes > theirs.bytes
        }
        return isEarlier(runs[left.peakHolder], runs[right.peakHolder])
    }

    /// Equal rows stand in an order that does not hang on how they came.
    private func isEarlier(_ mine: ReportedRun, _ theirs: ReportedRun) -> Bool {
        if mine.hostName != theirs.hostName { return mine.hostName < theirs.hostName }
        if mine.host != theirs.host { return mine.host < theirs.host }
        if mine.record.key != theirs.record.key { return mine.record.key < theirs.record.key }
        return (mine.boot.high, mine.boot.low) < (theirs.boot.high, theirs.boot.low)
    }
}
