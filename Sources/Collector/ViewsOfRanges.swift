import MemoryModel
import NIOPosix
import PeakStore
import Report

/// What is read from the store for a range of time beside the runs.
extension Views {
    /// The most kills, cgroups or gaps that one view reads.
    static let maximumFacts = 100_000
    /// The most totals that one view reads.
    private static let maximumTotals = 1_000_000

    /// Who was killed for want of memory.
    func kills(
        matching query: RangeQuery, nowMilliseconds now: Int64
    ) async throws -> KillsView {
        try await threads.runIfActive {
            let hosts = try hosts(nowMilliseconds: now)
            let names = names(of: hosts)
            let stored = try store.kills(
                sinceMilliseconds: query.sinceMilliseconds,
                untilMilliseconds: query.untilMilliseconds, limit: Views.maximumFacts)
            let runs = try records(of: Set(stored.compactMap(\.runKey)))
            var view = KillsView(
                hosts: hosts,
                kills: stored.map { kill in
                    ReportedKill(
                        host: kill.host, hostName: names[kill.host] ?? RawText(kill.host.text),
                        boot: kill.boot, kill: kill.kill, atMilliseconds: kill.atMilliseconds,
                        run: kill.runKey.flatMap { runs[$0] })
                },
                query: query, gaps: try gaps(matching: query, of: hosts, now),
                nowMilliseconds: now)
            view.coverage.isCut = stored.count >= Views.maximumFacts
            return view
        }
    }

    /// The kernel's peaks of cgroups.
    func cgroups(
        matching query: RangeQuery, nowMilliseconds now: Int64
    ) async throws -> CgroupsView {
        try await threads.runIfActive {
            let hosts = try hosts(nowMilliseconds: now)
            let names = names(of: hosts)
            let stored = try store.cgroups(
                sinceMilliseconds: query.sinceMilliseconds,
                untilMilliseconds: query.untilMilliseconds, limit: Views.maximumFacts)
            let owners = cgroupOwners()
            var view = CgroupsView(
                hosts: hosts,
                cgroups: stored.map { cgroup in
                    let path = CgroupPlace(host: cgroup.host, path: cgroup.record.key.path)
                    return ReportedCgroup(
                        host: cgroup.host,
                        hostName: names[cgroup.host] ?? RawText(cgroup.host.text),
                        boot: cgroup.boot, record: cgroup.record, unit: owners[path]?.unit,
                        container: owners[path]?.container)
                },
                query: query, gaps: try gaps(matching: query, of: hosts, now),
                nowMilliseconds: now)
            view.coverage.isCut = stored.count >= Views.maximumFacts
            return view
        }
    }

    /// What held the memory of each host when most was used.
    func composition(
        matching query: RangeQuery, nowMilliseconds now: Int64
    ) async throws -> CompositionView {
        try await threads.runIfActive {
            let hosts = try hosts(nowMilliseconds: now)
            let totals = try totals(
                of: [.hostUsed], since: query.sinceMilliseconds, until: query.untilMilliseconds)
            let selected = CompositionView.selected(totals ?? [], hosts: hosts, query: query)
            let keys = selected.prefix(query.top).flatMap { $0.runKeys.map(\.key) }
            var view = CompositionView(
                hosts: hosts, selected: selected, runs: try records(of: Set(keys)), query: query,
                gaps: try gaps(matching: query, of: hosts, now), nowMilliseconds: now)
            view.coverage.areTotalsCut = totals == nil
            return view
        }
    }

    // MARK: Reading

    /// What was missed on `hosts` in the range.
    func gaps(
        of hosts: [ReportedHost], since: Int64?, until: Int64?, _ now: Int64
    ) throws -> GapSummary {
        let allowed = Set(hosts.map(\.id))
        let stored = try store.gaps(
            sinceMilliseconds: since, untilMilliseconds: until, limit: Views.maximumFacts)
        var summary = GapSummary(
            stored.filter { allowed.contains($0.host) }
                .map { ReportedGap(host: $0.host, gap: $0.gap) },
            sinceMilliseconds: since, untilMilliseconds: until ?? now)
        summary.isCut = stored.count >= Views.maximumFacts
        return summary
    }

    /// The folded runs of the range of `query`, put together, and whether there are more than can
    /// be held.
    func folds(
        matching query: ReportQuery, of hosts: [ReportedHost]
    ) throws -> (folds: [ReportedFold], isCut: Bool) {
        folds(of: try store.foldSums(FoldQuery(query)), hosts)
    }

    /// The same of sums that were read elsewhere.
    func folds(
        of sums: FoldSums, _ hosts: [ReportedHost]
    ) -> (folds: [ReportedFold], isCut: Bool) {
        let hosts = Dictionary(uniqueKeysWithValues: hosts.map { ($0.id, $0.description) })
        let folds = sums.sums.map { sum in
            ReportedFold(
                host: sum.host, hostName: hosts[sum.host]?.name ?? RawText(sum.host.text),
                labels: hosts[sum.host]?.labels ?? [], boot: sum.boot, fold: sum.fold,
                arePeaksFinal: sum.isMadeByStore)
        }
        return (folds, sums.isCut)
    }

    private func gaps(
        matching query: RangeQuery, of hosts: [ReportedHost], _ now: Int64
    ) throws -> GapSummary {
        try gaps(
            of: query.matching(hosts), since: query.sinceMilliseconds,
            until: query.untilMilliseconds, now)
    }

    /// The totals of `kinds` whose hours overlap the range; nil where there are too many to read.
    func totals(
        of kinds: Set<TotalKind>, since: Int64?, until: Int64?
    ) throws -> [ReportedTotal]? {
        guard !kinds.isEmpty else { return [] }
        let stored = try store.totals(
            of: kinds, sinceMilliseconds: since, untilMilliseconds: until,
            limit: Views.maximumTotals)
        guard stored.count < Views.maximumTotals else { return nil }
        return stored.map {
            ReportedTotal(
                host: $0.host, boot: $0.boot, subject: $0.subject,
                hourMilliseconds: $0.hourMilliseconds, peak: $0.peak)
        }
    }

    func names(of hosts: [ReportedHost]) -> [HostID: RawText] {
        Dictionary(uniqueKeysWithValues: hosts.map { ($0.id, $0.description.name) })
    }

    /// The runs of `keys`, as the store has them and the fleet knows them by now.
    func records(of keys: Set<RunKey>) throws -> [RunKey: RunRecord] {
        guard !keys.isEmpty else { return [:] }
        // The fleet is read first: what it forgets meanwhile is in the store by then.
        let live = fleet.read { fleet in
            var records: [RunKey: RunRecord] = [:]
            for key in keys {
                if let host = fleet.hosts[key.host], host.boot == key.boot {
                    records[key] = host.ledger[key.process]
                }
            }
            return records
        }
        var records = try store.runs(Array(keys)).mapValues(\.record)
        for (key, record) in live {
            if records[key]?.merge(record, otherIsNewer: true) == nil { records[key] = record }
        }
        return records
    }

    /// Unit and container of every cgroup in which something lives.
    func cgroupOwners() -> [CgroupPlace: CgroupOwner] {
        var owners: [CgroupPlace: CgroupOwner] = [:]
        for run in liveRuns() {
            let description = run.record.description
            guard let path = description.cgroup else { continue }
            owners[CgroupPlace(host: run.host, path: path)] = CgroupOwner(
                unit: description.unit, container: description.container)
        }
        return owners
    }
}

/// A cgroup's path on a host.
struct CgroupPlace: Hashable {
    var host: HostID
    var path: RawText
}

/// To what a cgroup belongs.
struct CgroupOwner {
    var unit: RawText?
    var container: RawText?
}

extension StoredKill {
    /// The victim's run; nil if it was not followed.
    fileprivate var runKey: RunKey? {
        kill.run.map { RunKey(host: host, boot: boot, process: $0) }
    }
}
