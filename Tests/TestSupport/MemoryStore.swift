public import MemoryModel
public import PeakStore
public import Report
import Synchronization

/// A store that keeps everything in memory, merges as the real one does and fails when told to.
public final class MemoryStore: PeakStoring {
    private struct Content {
        var hosts: [HostID: StoredHost] = [:]
        var runs: [RunKey: StoredRun] = [:]
        var counters: [HostID: [UInt64: [CounterReason: UInt64]]] = [:]
        var totals: [StoredTotal] = []
        var cgroups: [StoredCgroup] = []
        var kills: [StoredKill] = []
        var gaps: [StoredGap] = []
        var health: [HostID: StoredHealth] = [:]
        var failure: PeakStoreError?
        var commitCount = 0
    }

    /// The name of this store.
    public let storeID: StoreID
    private let content = Mutex(Content())

    /// An empty store.
    public init(storeID: StoreID = StoreID(high: 7, low: 8)) {
        self.storeID = storeID
    }

    /// What the next commits throw; nil lets them succeed again.
    public var failure: PeakStoreError? {
        get { content.withLock { $0.failure } }
        set { content.withLock { $0.failure = newValue } }
    }

    /// How often a commit succeeded.
    public var commitCount: Int { content.withLock { $0.commitCount } }

    /// Every run that was ever committed.
    public var runs: [RunKey: StoredRun] { content.withLock { $0.runs } }

    /// Merges the batch, or throws the failure.
    public func commit(_ batch: CommitBatch) throws {
        try content.withLock { content in
            if let failure = content.failure { throw failure }
            content.commitCount += 1
            for host in batch.hosts { content.hosts[host.id] = host }
            for run in batch.runs {
                content.runs[run.key, default: run].record.merge(run.record, otherIsNewer: true)
            }
            content.totals += batch.totals
            content.cgroups += batch.cgroups
            content.kills += batch.kills
            content.gaps += batch.gaps
            for health in batch.health { content.health[health.host] = health }
            for counters in batch.counters {
                content.counters[counters.host, default: [:]][counters.epoch, default: [:]]
                    .merge(counters.values) { max($0, $1) }
            }
        }
    }

    /// Every host.
    public func hosts() -> [StoredHost] {
        content.withLock { $0.hosts.values.sorted { $0.id < $1.id } }
    }

    /// The runs of `host` that have not ended.
    public func openRuns(of host: HostID) -> [StoredRun] {
        content.withLock { content in
            content.runs.values.filter { $0.host == host && $0.record.end == nil }
        }
    }

    /// The runs that match, by the query's own judgement.
    public func runs(matching query: ReportQuery, limit: Int) -> RunSelection {
        let matching = content.withLock { content in
            content.runs.values.filter { run in
                query.matches(
                    ReportedRun(
                        host: run.host, hostName: RawText(run.host.text), labels: [],
                        boot: run.boot, record: run.record))
            }
        }
        let sorted = matching.sorted {
            ($0.record.peak?.bytes ?? 0) > ($1.record.peak?.bytes ?? 0)
        }
        return RunSelection(runs: Array(sorted.prefix(limit)), matchedCount: sorted.count)
    }

    /// Nothing: it takes no disk.
    public func sizeBytes() -> UInt64? { nil }

    /// The counters by host, summed over the epochs.
    public func counters() -> [HostID: [CounterReason: UInt64]] {
        content.withLock { content in
            content.counters.mapValues { epochs in
                epochs.values.reduce(into: [:]) { $0.merge($1, uniquingKeysWith: +) }
            }
        }
    }

    /// The totals that overlap the range, in the order in which they were committed.
    public func totals(
        of kinds: Set<TotalKind>, sinceMilliseconds: Int64?, untilMilliseconds: Int64?, limit: Int
    ) -> [StoredTotal] {
        let matching = content.withLock { $0.totals }.filter { total in
            let end = total.hourMilliseconds + StoredTotal.hourLengthMilliseconds
            return kinds.contains(total.subject.kind)
                && total.hourMilliseconds <= untilMilliseconds ?? .max
                && end > sinceMilliseconds ?? .min
        }
        return Array(matching.prefix(limit))
    }

    /// The cgroups that were seen since, the largest peak first.
    public func cgroups(
        sinceMilliseconds: Int64?, untilMilliseconds: Int64?, limit: Int
    ) -> [StoredCgroup] {
        let matching = content.withLock { $0.cgroups }.filter { cgroup in
            cgroup.record.seenAtMilliseconds ?? .max >= sinceMilliseconds ?? .min
        }
        let sorted = matching.sorted {
            $0.record.peak?.bytes ?? 0 > $1.record.peak?.bytes ?? 0
        }
        return Array(sorted.prefix(limit))
    }

    /// The kills of the range, the latest first.
    public func kills(
        sinceMilliseconds: Int64?, untilMilliseconds: Int64?, limit: Int
    ) -> [StoredKill] {
        let matching = content.withLock { $0.kills }.filter { kill in
            kill.atMilliseconds ?? .max >= sinceMilliseconds ?? .min
                && kill.atMilliseconds ?? .min <= untilMilliseconds ?? .max
        }
        let sorted = matching.sorted {
            $0.atMilliseconds ?? .min > $1.atMilliseconds ?? .min
        }
        return Array(sorted.prefix(limit))
    }

    /// The gaps that overlap the range.
    public func gaps(
        sinceMilliseconds: Int64?, untilMilliseconds: Int64?, limit: Int
    ) -> [StoredGap] {
        let matching = content.withLock { $0.gaps }.filter { gap in
            let bracket = gap.gap.bracket
            return bracket?.notAfterMilliseconds ?? .max >= sinceMilliseconds ?? .min
                && bracket?.notBeforeMilliseconds ?? .min <= untilMilliseconds ?? .max
        }
        return Array(matching.prefix(limit))
    }

    /// What each host's agent last said of itself.
    public func health() -> [HostID: StoredHealth] { content.withLock { $0.health } }

    /// Those of the runs that there are.
    public func runs(_ keys: [RunKey]) -> [RunKey: StoredRun] {
        content.withLock { content in content.runs.filter { keys.contains($0.key) } }
    }
}
