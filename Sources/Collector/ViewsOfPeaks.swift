import MemoryModel
import NIOPosix
import PeakStore
import Report

/// Reports, which choose among all that the store has.
extension Views {
    /// Runs beyond those asked for that are looked at in a range, as what they held there may be
    /// less than the peak of their life.
    private static let furtherCandidates = 2_000
    /// The most runs whose windows are read for rows of several runs.
    private static let maximumWindows = 1_000
    /// How many runs have their windows read at once.
    static let windowBatch = 100

    /// The peaks, a comparison of them, or sizes suggested by them: what the query asks for.
    func answer(
        to query: ReportQuery, nowMilliseconds now: Int64
    ) async throws -> any FleetView {
        if let part = query.part {
            return try await parts(part, matching: query, nowMilliseconds: now)
        }
        if let margin = query.suggestionMarginPercent {
            let report = try await report(matching: query, nowMilliseconds: now)
            return SuggestionView(report.result, marginPercent: margin)
        }
        guard let ranges = query.compared(nowMilliseconds: now) else {
            return try await report(matching: query, nowMilliseconds: now)
        }
        let (lately, earlier) = try await threads.runIfActive {
            (try watched(ranges.now, now), try watched(ranges.before, now))
        }
        func result(
            _ query: ReportQuery, _ own: WatchedHosts?, beside other: WatchedHosts?
        ) async throws -> ReportResult {
            var result = try await report(matching: query, nowMilliseconds: now, beside: other)
                .result
            result.coverage.watched = own
            return result
        }
        return ComparisonView(
            now: try await result(ranges.now, lately, beside: earlier),
            before: try await result(ranges.before, earlier, beside: lately), query: query)
    }

    /// What was watched in the range of a query; nil where the store keeps no windows.
    private func watched(_ query: ReportQuery, _ now: Int64) throws -> WatchedHosts? {
        guard let store = store as? any HistoryStoring else { return nil }
        let until = query.untilMilliseconds ?? now
        let since = min(query.sinceMilliseconds ?? .min, until)
        return WatchedHosts(
            try store.watchedTime(sinceMilliseconds: since, untilMilliseconds: until),
            of: query.matching(try hosts(nowMilliseconds: now)), in: since...until,
            nowMilliseconds: now)
    }

    /// The peaks; `beside` is what was watched in a range that this one is compared with.
    func report(
        matching query: ReportQuery, nowMilliseconds now: Int64, beside: WatchedHosts? = nil
    ) async throws -> ReportView {
        try await threads.runIfActive {
            let hosts = try hosts(nowMilliseconds: now)
            let totals = try totals(
                of: query.totalKinds, since: query.sinceMilliseconds,
                until: query.untilMilliseconds)
            let gaps = try gaps(
                of: query.matching(hosts), since: query.sinceMilliseconds,
                until: query.untilMilliseconds, now)
            var builder = ReportBuilder(query: query, nowMilliseconds: now)
            builder.beside = beside
            var result: ReportResult
            if query.grouping == .run {
                let (folds, areFoldsCut) = try folds(matching: query, of: hosts)
                let selected = try select(query, of: hosts)
                result = builder.result(
                    of: selected.runs, folds: folds, hosts: hosts, windows: selected.windows,
                    further: selected.further, gaps: gaps)
                result.coverage.isCut = result.coverage.isCut || areFoldsCut
            } else {
                result = try groups(of: builder, hosts: hosts, totals: totals, gaps: gaps)
                result.coverage.areTotalsCut = totals == nil
            }
            if result.rows.isEmpty { result.emptyReason = try emptyReason(query) }
            return ReportView(result)
        }
    }

    /// The most runs whose names are compared with one that nobody has.
    private static let comparedRuns = 1_000

    /// Which filter of a query leaves nothing of what there is.
    func emptyReason(_ query: ReportQuery) throws -> EmptyReason {
        var reason = EmptyReason()
        let live = liveRuns()
        for filter in query.filters {
            let stored = try store.runs(
                matching: filter.rest, limit: filter.field == nil ? 0 : Views.comparedRuns)
            let known = live.filter { filter.rest.matches($0) }
            // Those that live are in the store as well, or will be in a moment.
            reason.add(filter, runCount: max(stored.matchedCount, known.count))
            guard let field = filter.field else { continue }
            let names = (stored.runs.map(\.record) + known.map(\.record)).compactMap {
                $0.description.name(field)
            }
            reason.look(for: filter, in: query, names: Set(names))
        }
        return reason
    }

    // MARK: Single runs

    private struct Selection {
        var runs: [ReportedRun]
        var windows: [RunKey: RangedWindow] = [:]
        var further = FurtherRuns()
    }

    /// The runs that may be among the rows, with what they held in the range.
    private func select(_ query: ReportQuery, of hosts: [ReportedHost]) throws -> Selection {
        guard query.order == .peak || query.order == .p95 || query.order == .runs else {
            let (runs, unread) = try runs(matching: query, of: hosts)
            var selection = Selection(runs: runs)
            selection.further.unreadCount = unread
            selection.windows = try windows(of: runs, query)
            return selection
        }
        let limit = query.top + (query.hasRange ? Views.furtherCandidates : 0)
        // The fleet is read first: what it forgets meanwhile is in the store by then.
        let live = largestLiveRuns(matching: query, limit: limit)
        let stored = try store.runs(matching: query, limit: limit)
        let known = Set(live.runs.map(\.key))
        let others = liveRuns(of: stored.runs.map(\.key).filter { !known.contains($0) })
        var candidates = merged(stored.runs, live.runs + others, query, hosts)
        var selection = Selection(runs: [])
        if !query.includesInherited {
            let count = candidates.count
            candidates.removeAll { $0.record.isPeakInherited }
            // Those that live are in the store as well, or will be in a moment.
            selection.further.inheritedCount = max(
                stored.inheritedCount, live.inheritedCount, count - candidates.count)
        }
        candidates.sort { ($0.record.peak?.bytes ?? 0) > ($1.record.peak?.bytes ?? 0) }
        let unread = max(
            0, stored.matchedCount - stored.runs.count, live.matchedCount - live.runs.count)
        // Beyond the last that was read, those that were have company that was not.
        let isStoreCut = stored.matchedCount > stored.runs.count
        let least = max(
            isStoreCut ? stored.runs.last?.record.peak?.bytes ?? 0 : 0, live.boundBytes)
        let isSettled = try choose(among: candidates, atLeast: least, query, into: &selection)
        let matched = max(stored.matchedCount, live.matchedCount, candidates.count)
        selection.further.rowCount = matched - selection.runs.count
        if !isSettled { selection.further.unreadCount = unread }
        return selection
    }

    /// Takes candidates, the largest peak of a life first, until no other can be among the rows;
    /// returns whether that was reached.
    ///
    /// The peak of a life is at least what the run held in the range.
    private func choose(
        among candidates: [ReportedRun], atLeast least: UInt64, _ query: ReportQuery,
        into selection: inout Selection
    ) throws -> Bool {
        var figures: [UInt64] = []
        var next = candidates[...]
        while !next.isEmpty {
            let batch = next.prefix(max(Views.windowBatch, query.top))
            next = next.dropFirst(batch.count)
            selection.windows.merge(try windows(of: Array(batch), query)) { first, _ in first }
            selection.runs += batch
            figures += batch.compactMap { query.figure(of: $0, selection.windows[$0.key]) }
            figures.sort(by: >)
            guard figures.count >= query.top else { continue }
            let last = figures[query.top - 1]
            let bound = max(next.first?.record.peak?.bytes ?? 0, least)
            if last >= bound { return true }
        }
        return least == 0
    }

    /// What runs whose peak may lie outside the range held in it.
    func windows(
        of runs: [ReportedRun], _ query: ReportQuery
    ) throws -> [RunKey: RangedWindow] {
        let keys = runs.filter { query.needsWindows($0.record.peak) }.map(\.key)
            .prefix(Views.maximumWindows)
        guard query.hasRange, !keys.isEmpty, let store = store as? any HistoryStoring else {
            return [:]
        }
        return try store.windows(
            of: Array(keys), sinceMilliseconds: query.sinceMilliseconds ?? .min,
            untilMilliseconds: query.untilMilliseconds ?? .max)
    }

    // MARK: Rows of several runs

    /// Walks over the runs of the store once, with what the fleet knows of them by now.
    ///
    /// Folds are of the same read, so that a run that is folded meanwhile counts once.
    private func groups(
        of builder: ReportBuilder, hosts: [ReportedHost], totals: [ReportedTotal]?,
        gaps: GapSummary?
    ) throws -> ReportResult {
        let query = builder.query
        var tally = ReportTally(query: query, hosts: hosts)
        // The fleet is read first: what it forgets meanwhile is in the store by then.
        var live = liveRuns()
        var places = LivePlaces()
        for (index, run) in live.enumerated() {
            let boot = tally.place(host: run.host, boot: run.boot)
            places.insert(run.record.key, ofBoot: boot, at: index)
        }
        return try store.walk(matching: query) { walk in
            var boots: [Int64: Int] = [:]
            var last = (number: Int64.min, place: 0)
            while let run = try walk.next() {
                if run.boot != last.number {
                    if boots[run.boot] == nil {
                        let boot = try walk.boot(run.boot)
                        boots[run.boot] = tally.place(host: boot.host, boot: boot.boot)
                    }
                    last = (run.boot, boots[run.boot] ?? 0)
                }
                if let index = places.index(of: run.figures.key, ofBoot: last.place) {
                    live[index].record.merge(run.figures)
                } else {
                    tally.add(run.figures, at: last.place)
                }
            }
            for run in live where query.matches(run) {
                let place = tally.place(host: run.host, boot: run.boot)
                tally.add(try RunFigures(run.record, number: walk.number(ofName:)), at: place)
            }
            let (folds, areFoldsCut) = folds(of: try walk.foldSums(FoldQuery(query)), hosts)
            try tally.add(folds, number: walk.number(ofName:))
            let pending = tally.pendingRuns(limit: Views.maximumWindows)
            tally.settle(
                try walk.windows(
                    of: pending, sinceMilliseconds: query.sinceMilliseconds ?? .min,
                    untilMilliseconds: query.untilMilliseconds ?? .max))
            var result = try builder.result(
                of: tally, hosts: hosts, totals: totals, gaps: gaps, name: walk.name)
            result.coverage.isCut = result.coverage.isCut || areFoldsCut
            return result
        }
    }
}

extension RunRecord {
    /// Takes in what the store has of the same run; what describes the present stays.
    fileprivate mutating func merge(_ stored: RunFigures) {
        raisePeak(stored.peak)
        raiseSwapPeak(stored.swapPeakBytes)
        raiseProcessorTime(stored.processorMilliseconds)
        add(stored.flags)
        setEnd(stored.end)
    }
}
