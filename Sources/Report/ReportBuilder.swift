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
    /// Runs that passed the filters and are in a row, shown or not, folded ones included.
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
    ///   - folds: Folded runs to choose from; they count where runs are put together.
    ///   - hosts: Every host there is.
    ///   - unreadRunCount: Runs that match but were not read from the store, as there are too
    ///     many.
    ///   - totals: The totals of the query's `totalKinds` whose hours overlap its range; nil where
    ///     they are not known whole.
    ///   - gaps: What was missed in the range; nil where nobody asked.
    /// - Returns: At most as many rows as the query asks for.
    public func result(
        of runs: some Sequence<ReportedRun>, folds: [ReportedFold] = [], hosts: [ReportedHost],
        unreadRunCount: Int = 0, totals: [ReportedTotal]? = nil, gaps: GapSummary? = nil
    ) -> ReportResult {
        let all = ReportedPeaks(
            runs: Array(runs), folds: folds.compactMap { query.matching($0) })
        var inheritedCount = 0
        var matched: [Int] = []
        for index in all.runs.indices where query.matches(all.runs[index]) {
            if !query.includesInherited, all.runs[index].record.isPeakInherited {
                inheritedCount += 1
            } else {
                matched.append(index)
            }
        }
        let groups = orderedGroups(of: all, matched)
        let foldedCount = all.folds.reduce(0) {
            $0.addingClamped(Int(clamping: $1.fold.runCount))
        }
        let known = KnownHosts(hosts)
        let chosen = hosts.filter { query.matches(host: $0.id, name: $0.description.name) }
        let sums = totals.map { PeaksOfSums($0, of: Set(chosen.map(\.id)), in: query.range) }
        var coverage = Coverage(hosts: chosen, gaps: gaps)
        coverage.hasRange = query.hasRange
        coverage.inheritedRunCount = inheritedCount
        coverage.unreadRunCount = max(0, unreadRunCount)
        if query.grouping == .run { coverage.unlistedFoldedRunCount = foldedCount }
        coverage.hiddenRowCount = max(0, groups.count - query.top)
        return ReportResult(
            sinceMilliseconds: query.sinceMilliseconds,
            untilMilliseconds: query.untilMilliseconds ?? nowMilliseconds,
            madeAtMilliseconds: nowMilliseconds, grouping: query.grouping, coverage: coverage,
            rows: groups.prefix(query.top).map { group in
                var row = group.row(of: all, hosts: known)
                if let sums { add(sums, to: &row, of: group, all) }
                return row
            },
            matchedRunCount: groups.reduce(0) { $0.addingClamped($1.runCount) },
            matchedRowCount: groups.count,
            hasHostFilter: query.host != nil)
    }

    /// Says what the runs of a row held together, where that is known.
    private func add(
        _ sums: PeaksOfSums, to row: inout ReportRow, of group: RunGroup, _ all: ReportedPeaks
    ) {
        guard let kind = query.subjectKind, let name = groupName(of: group.peakHolder, all) else {
            return
        }
        let isOfHost = kind == .host
        let host = isOfHost ? row.hostID : nil
        let subject = TotalSubject(kind: kind, name: isOfHost ? RawText("") : name)
        let hosts = group.hosts(of: all)
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

    /// The groups in the order of the query; single runs leave folded ones out.
    private func orderedGroups(of all: ReportedPeaks, _ matched: [Int]) -> [RunGroup] {
        var groups: [RunGroup] = []
        if query.grouping == .run {
            groups = matched.map { RunGroup(first: .run($0), of: all) }
        } else {
            var places: [RawText?: Int] = [:]
            for member in matched.map(RunGroup.Member.run)
                + all.folds.indices.map(RunGroup.Member.fold)
            {
                let name = groupName(of: member, all)
                if let place = places[name] {
                    groups[place].add(member, of: all)
                } else {
                    places[name] = groups.count
                    groups.append(RunGroup(first: member, of: all))
                }
            }
        }
        return groups.sorted { isOrdered($0, $1, all) }
    }

    private func groupName(of member: RunGroup.Member, _ all: ReportedPeaks) -> RawText? {
        switch member {
        case .run(let index):
            let run = all.runs[index]
            return switch query.grouping {
            case .run: nil
            case .program: run.record.description.program
            case .user: run.user
            case .cgroup: run.record.description.cgroup
            case .host: RawText(run.host.text)
            }
        case .fold(let index):
            let fold = all.folds[index]
            return switch query.grouping {
            case .run: nil
            case .program: fold.fold.subject.program
            case .user: fold.fold.subject.user
            case .cgroup: fold.fold.subject.cgroup
            case .host: RawText(fold.host.text)
            }
        }
    }

    private func isOrdered(_ left: RunGroup, _ right: RunGroup, _ all: ReportedPeaks) -> Bool {
        switch query.order {
        case .peak: break
        case .runs:
            if left.runCount != right.runCount { return left.runCount > right.runCount }
        case .host:
            let mine = all.hostName(of: left.peakHolder)
            let theirs = all.hostName(of: right.peakHolder)
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
        return all.place(of: left.peakHolder) < all.place(of: right.peakHolder)
    }
}

/// Where something stands among equals, so that the order does not hang on how they came.
private struct PlaceAmongEquals: Comparable {
    var hostName: RawText
    var host: HostID
    /// Its process; nil for folded ones, which come last.
    var key: ProcessKey?
    var boot: BootID
    var subject: RawText

    static func < (left: PlaceAmongEquals, right: PlaceAmongEquals) -> Bool {
        if left.hostName != right.hostName { return left.hostName < right.hostName }
        if left.host != right.host { return left.host < right.host }
        if left.key != right.key {
            guard let mine = left.key, let theirs = right.key else { return left.key != nil }
            return mine < theirs
        }
        return (left.boot.high, left.boot.low, left.subject)
            < (right.boot.high, right.boot.low, right.subject)
    }
}

extension ReportedPeaks {
    fileprivate func hostName(of member: RunGroup.Member) -> RawText {
        switch member {
        case .run(let index): runs[index].hostName
        case .fold(let index): folds[index].hostName
        }
    }

    fileprivate func place(of member: RunGroup.Member) -> PlaceAmongEquals {
        switch member {
        case .run(let index):
            let run = runs[index]
            return PlaceAmongEquals(
                hostName: run.hostName, host: run.host, key: run.record.key, boot: run.boot,
                subject: run.record.description.program)
        case .fold(let index):
            let fold = folds[index]
            let subject = fold.fold.subject
            let parts = [subject.program, subject.user, subject.cgroup]
            return PlaceAmongEquals(
                hostName: fold.hostName, host: fold.host, key: nil, boot: fold.boot,
                subject: RawText(Array(parts.map { $0?.bytes ?? [] }.joined(separator: [0]))))
        }
    }
}
