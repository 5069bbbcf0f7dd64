import MemoryModel
import NIOPosix
import PeakStore
import Report

/// What people can look at, made of the fleet as it is now and of the store.
struct Views: Sendable {
    let fleet: Fleet
    let store: any PeakStoring
    let threads: NIOThreadPool
    /// How much of the disk what takes; nil of a store that does not say.
    private let sizes: SharedReading<ReadSizes>

    /// Sizes, and how large the store was when they were read.
    private struct ReadSizes: Sendable {
        var parts: StoreSizes?
        var storeBytes: UInt64?
    }

    /// So long sizes are kept, as reading them takes as long as a report: 5 minutes, unless the
    /// store doubles meanwhile.
    private static let sizesMilliseconds: Int64 = 300_000

    /// The most runs that one view reads from the store.
    static let maximumRuns = 200_000

    /// Reads the store on threads of `threads`, because that waits for the disk.
    init(fleet: Fleet, store: any PeakStoring, threads: NIOThreadPool) {
        self.fleet = fleet
        self.store = store
        self.threads = threads
        sizes = SharedReading(maximumAgeMilliseconds: Views.sizesMilliseconds) {
            try await threads.runIfActive {
                ReadSizes(
                    parts: try (store as? any StoreMeasuring)?.sizes(),
                    storeBytes: store.sizeBytes())
            }
        }
    }

    /// How much of the disk what takes; nil where the store does not say.
    private func storeSizes() async throws -> StoreSizes? {
        let now = store.sizeBytes() ?? 0
        return try await sizes.value { now / 2 > $0.storeBytes ?? now }.parts
    }

    /// One page about the whole fleet.
    func summary(nowMilliseconds now: Int64) async throws -> SummaryView {
        let sizes = try await storeSizes()
        return try await threads.runIfActive {
            let hosts = try hosts(nowMilliseconds: now).with(sizes)
            let query = SummaryView.query(nowMilliseconds: now)
            let (folds, areFoldsCut) = try folds(matching: query, of: hosts)
            var status = storeStatus(at: WallClock.now())
            status.parts = sizes.map(StoreParts.init)
            var view = SummaryView(
                hosts: hosts, runs: try runs(matching: query, of: hosts).runs, store: status,
                nowMilliseconds: now,
                gaps: try gaps(
                    of: hosts, since: query.sinceMilliseconds, until: query.untilMilliseconds, now),
                folds: folds, hourly: try recentHours(now))
            view.coverage.isCut = areFoldsCut
            return view
        }
    }

    /// Every host.
    func hosts(nowMilliseconds now: Int64) async throws -> HostsView {
        let sizes = try await storeSizes()
        return try await threads.runIfActive {
            let hosts = try hosts(nowMilliseconds: now).with(sizes)
            let query = SummaryView.query(nowMilliseconds: now)
            return HostsView(
                hosts: hosts, runs: try runs(matching: query, of: hosts).runs, nowMilliseconds: now,
                hourly: try recentHours(now))
        }
    }

    /// The used memory of all hosts in the last hours.
    private func recentHours(_ now: Int64) throws -> [ReportedTotal] {
        try hourlyTotals(
            of: .hostUsed, on: nil, in: HostsView.sparkRange(nowMilliseconds: now))
    }

    /// What lives now.
    func processes(
        matching query: ReportQuery, nowMilliseconds now: Int64
    ) async throws -> ProcessListView {
        try await threads.runIfActive {
            ProcessListView(
                hosts: try hosts(nowMilliseconds: now), runs: liveRuns(), query: query,
                nowMilliseconds: now)
        }
    }

    /// What is wrong, for monitoring; empty if nothing is.
    func problems(at now: Moment) -> [String] { storeStatus(at: now).problems }

    // MARK: Reading

    func hosts(nowMilliseconds now: Int64) throws -> [ReportedHost] {
        let counters = try store.counters()
        let health = try store.health()
        let hosts = fleet.read { $0.hosts.values.compactMap { $0.reported(nowMilliseconds: now) } }
        let conflicts = fleet.conflicts(at: WallClock.now())
        return hosts.map { host in
            var host = host
            host.claimants = conflicts[host.id].map {
                HostClaimants(present: $0.presentAddress, refused: $0.refusedAddress)
            }
            host.counters.merge(counters[host.id] ?? [:]) { $0 > .max - $1 ? .max : $0 + $1 }
            host.health = health[host.id]?.health
            return host
        }
    }

    /// The runs of the store that match, with what the fleet knows of them by now, and how many
    /// more match than are read.
    func runs(
        matching query: ReportQuery, of hosts: [ReportedHost], limit: Int = Views.maximumRuns
    ) throws -> (runs: [ReportedRun], unreadCount: Int) {
        var wide = query
        // Those with an inherited peak are counted by the report, so it has to see them.
        wide.includesInherited = true
        // The fleet is read first: what it forgets meanwhile is in the store by then.
        let live = liveRuns()
        let selection = try store.runs(matching: wide, limit: limit)
        return (
            merged(selection.runs, live, query, hosts),
            selection.matchedCount - selection.runs.count
        )
    }

    /// Runs of the store and of the fleet, each once; those of the fleet that match.
    func merged(
        _ stored: [StoredRun], _ live: [ReportedRun], _ query: ReportQuery,
        _ hosts: [ReportedHost]
    ) -> [ReportedRun] {
        let hosts = Dictionary(
            uniqueKeysWithValues: hosts.map { ($0.id, $0.description) })
        var runs: [RunKey: ReportedRun] = [:]
        for stored in stored {
            runs[stored.key] = ReportedRun(
                host: stored.host, hostName: hosts[stored.host]?.name ?? RawText(stored.host.text),
                labels: hosts[stored.host]?.labels ?? [], boot: stored.boot,
                record: stored.record)
        }
        for run in live {
            // A run that was forgotten and then defined again has its peak in the store only.
            if runs[run.key]?.record.merge(run.record, otherIsNewer: true) == nil,
                query.matches(run)
            {
                runs[run.key] = run
            }
        }
        return Array(runs.values)
    }
}

extension [ReportedHost] {
    /// The same with what the store takes for each; hosts of which nothing is kept take nothing.
    fileprivate func with(_ sizes: StoreSizes?) -> [ReportedHost] {
        guard let sizes else { return self }
        return map { host in
            var host = host
            host.storeBytes = sizes.hosts[host.id]?.bytes ?? 0
            return host
        }
    }
}

extension StoreParts {
    fileprivate init(_ sizes: StoreSizes) {
        self.init(
            minutesBytes: sizes.whole.minutesBytes, hoursBytes: sizes.whole.hoursBytes,
            daysBytes: sizes.whole.daysBytes, runsBytes: sizes.whole.runsBytes,
            freeBytes: sizes.reusableBytes)
    }
}
