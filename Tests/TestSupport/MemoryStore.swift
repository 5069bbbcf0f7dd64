public import MemoryModel
public import PeakStore
public import Report
import Synchronization

/// A store that keeps everything in memory, merges as the real one does and fails when told to.
public final class MemoryStore: PeakStoring {
    struct Content {
        var hosts: [HostID: StoredHost] = [:]
        var runs: [RunKey: StoredRun] = [:]
        var facts = MergedFacts()
        var applied: [EpochKey: OrdinalRanges] = [:]
        var tombstones: [Tombstone] = []
        var lastTombstone: Int64 = 0
        var aside: [Int64: SetAside] = [:]
        var failure: PeakStoreError?
        var commitCount = 0

        /// A kill tells something of its run, whichever of both comes first.
        mutating func markKilled() {
            for key in facts.kills.values.compactMap(\.runKey) {
                runs[key]?.record.add(.killedForMemory)
            }
        }
    }

    /// One start of an agent.
    struct EpochKey: Hashable {
        var host: HostID
        var epoch: UInt64
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

    /// How often a commit of something succeeded.
    public var commitCount: Int { content.withLock { $0.commitCount } }

    /// Every run that was ever committed.
    public var runs: [RunKey: StoredRun] { content.withLock { $0.runs } }

    /// Merges the batch, or throws the failure.
    public func commit(_ batch: CommitBatch) throws {
        try content.withLock { content in
            if let failure = content.failure { throw failure }
            guard !batch.isEmpty else { return }
            content.commitCount += 1
            content.merge(batch)
            content.markKilled()
        }
    }

    func withContent<Result: Sendable>(_ body: (inout Content) -> Result) -> Result {
        content.withLock { body(&$0) }
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

    /// The runs that follow `position`, ordered by host, boot and process.
    public func runs(after position: RunKey?, limit: Int) -> [StoredRun] {
        func comes(_ left: RunKey, before right: RunKey) -> Bool {
            if left.host != right.host { return left.host < right.host }
            if left.boot != right.boot {
                return (left.boot.high, left.boot.low) < (right.boot.high, right.boot.low)
            }
            return left.process < right.process
        }
        let runs = content.withLock { Array($0.runs.values) }
        return Array(
            runs.filter { run in position.map { comes($0, before: run.key) } ?? true }
                .sorted { comes($0.key, before: $1.key) }.prefix(limit))
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
        let sorted = matching.filter { query.includesInherited || !$0.record.isPeakInherited }
            .sorted { ($0.record.peak?.bytes ?? 0) > ($1.record.peak?.bytes ?? 0) }
        return RunSelection(
            runs: Array(sorted.prefix(limit)), matchedCount: sorted.count,
            inheritedCount: matching.count - sorted.count)
    }

    /// Walks over the runs that match, inherited peaks among them.
    public func walk<Result>(
        matching query: ReportQuery, _ body: (any RunWalk) throws -> Result
    ) throws -> Result {
        var all = query
        all.includesInherited = true
        return try body(MemoryWalk(runs(matching: all, limit: .max).runs, foldSums))
    }

    /// Nothing: it takes no disk.
    public func sizeBytes() -> UInt64? { nil }

    /// The counters by host, summed over the epochs.
    public func counters() -> [HostID: [CounterReason: UInt64]] {
        content.withLock { content in
            content.facts.counters.values.reduce(into: [:]) {
                $0[$1.host, default: [:]].merge($1.values, uniquingKeysWith: +)
            }
        }
    }

    /// Everything beside hosts and runs.
    public var facts: MergedFacts { content.withLock { $0.facts } }

    /// The greatest sums, by host, subject and hour.
    public func totals(
        of kinds: Set<TotalKind>, sinceMilliseconds since: Int64?,
        untilMilliseconds until: Int64?, limit: Int
    ) -> [StoredTotal] {
        let matching = facts.totals.values.filter { total in
            let end = total.hourMilliseconds + StoredTotal.hourLengthMilliseconds
            return kinds.contains(total.subject.kind) && end > since ?? .min
                && total.hourMilliseconds <= until ?? .max
        }
        let sorted = matching.sorted { left, right in
            (left.host, left.subject, left.hourMilliseconds)
                < (right.host, right.subject, right.hourMilliseconds)
        }
        return Array(sorted.prefix(limit))
    }

    /// The cgroups of the range, largest peak first.
    public func cgroups(
        sinceMilliseconds since: Int64?, untilMilliseconds until: Int64?, limit: Int
    ) -> [StoredCgroup] {
        let hosts = content.withLock { $0.hosts }
        let matching = facts.cgroups.values.filter { cgroup in
            let host = hosts[cgroup.host].flatMap { $0.boot == cgroup.boot ? $0 : nil }
            return cgroup.record.seenAtMilliseconds ?? .max >= since ?? .min
                && host?.description.wallMinusBootMilliseconds ?? .min <= until ?? .max
        }
        let sorted = matching.sorted { left, right in
            let (first, second) = (left.record.peak?.bytes ?? 0, right.record.peak?.bytes ?? 0)
            return first == second
                ? (left.host, left.record.key.path) < (right.host, right.record.key.path)
                : first > second
        }
        return Array(sorted.prefix(limit))
    }

    /// The kills in the range, latest first.
    public func kills(
        sinceMilliseconds since: Int64?, untilMilliseconds until: Int64?, limit: Int
    ) -> [StoredKill] {
        let matching = facts.kills.values.filter { kill in
            guard let at = kill.atMilliseconds else { return true }
            return at >= since ?? .min && at <= until ?? .max
        }
        let sorted = matching.sorted { left, right in
            (left.atMilliseconds ?? .min, left.kill.atMilliseconds, left.kill.pid ?? 0)
                > (right.atMilliseconds ?? .min, right.kill.atMilliseconds, right.kill.pid ?? 0)
        }
        return Array(sorted.prefix(limit))
    }

    /// The gaps that overlap the range, latest first.
    public func gaps(
        sinceMilliseconds since: Int64?, untilMilliseconds until: Int64?, limit: Int
    ) -> [StoredGap] {
        let matching = facts.gaps.values.filter { gap in
            guard let bracket = gap.gap.bracket else { return true }
            return bracket.notAfterMilliseconds >= since ?? .min
                && bracket.notBeforeMilliseconds <= until ?? .max
        }
        let sorted = matching.sorted { left, right in
            let (first, second) = (left.gap.bracket, right.gap.bracket)
            return (first?.notAfterMilliseconds ?? .min, left.gap.ordinal)
                > (second?.notAfterMilliseconds ?? .min, right.gap.ordinal)
        }
        return Array(sorted.prefix(limit))
    }

    /// The sections of these runs, the largest peak first.
    public func sections(of runs: [RunKey]) -> [RunKey: [SectionRecord]] {
        let wanted = Set(runs)
        var sections: [RunKey: [SectionRecord]] = [:]
        for stored in facts.sections.values where wanted.contains(stored.runKey) {
            let known = sections[stored.runKey]?.firstIndex { $0.key == stored.record.key }
            if let known {
                sections[stored.runKey]?[known].addCalls(of: stored.record)
            } else {
                sections[stored.runKey, default: []].append(stored.record)
            }
        }
        return sections.mapValues { own in
            own.sorted {
                ($1.peak.bytes, $0.key.name) < ($0.peak.bytes, $1.key.name)
            }
        }
    }

    /// Which lines of these runs ran while they grew.
    public func growth(
        of runs: [RunKey], hasStacks: Bool, limitBytes: Int
    ) -> GrowthSelection {
        let all = growth(of: runs, hasStacks: hasStacks)
        var selection = GrowthSelection()
        var bytes = 0
        for run in runs {
            selection.isCut = bytes >= limitBytes
            guard !selection.isCut else { break }
            selection.growth[run] = all[run]
            bytes += all[run]?.textBytes ?? 0
        }
        return selection
    }

    /// The same of all of them.
    public func growth(of runs: [RunKey], hasStacks: Bool) -> [RunKey: GrowthRecord] {
        let wanted = Set(runs)
        var growth: [RunKey: GrowthRecord] = [:]
        for stored in facts.growth.values where wanted.contains(stored.runKey) {
            if growth[stored.runKey] == nil {
                growth[stored.runKey] = stored.record
            } else {
                growth[stored.runKey]?.addGrowth(of: stored.record)
            }
            if !hasStacks { growth[stored.runKey]?.peakStack = nil }
        }
        return growth
    }

    /// The runs that have such parts, by the query's own judgement.
    public func runs(
        having part: RunPart, matching query: ReportQuery, limit: Int
    ) -> [StoredRun] {
        let keys: Set<RunKey> =
            switch part {
            case .sections: Set(facts.sections.values.map(\.runKey))
            case .lines: Set(facts.growth.values.map(\.runKey))
            }
        return Array(
            runs(matching: query, limit: .max).runs.filter { keys.contains($0.key) }.prefix(limit))
    }

    /// What each host's agent last said of itself.
    public func health() -> [HostID: StoredHealth] { facts.health }

    /// The runs whose short names begin so.
    public func runs(named name: ShortRunID, limit: Int) -> [StoredRun] {
        Array(runs.values.filter { name.matches($0.key) }.prefix(limit))
    }

    /// The greatest figures of hosts by hour, without what they were made of.
    public func hourlyTotals(
        of kind: TotalKind, on host: HostID?, sinceMilliseconds: Int64?,
        untilMilliseconds: Int64?, limit: Int
    ) -> [StoredTotal] {
        let all = totals(
            of: [kind], sinceMilliseconds: sinceMilliseconds,
            untilMilliseconds: untilMilliseconds, limit: .max)
        return all.filter { host == nil || $0.host == host }.prefix(limit).map { total in
            var total = total
            total.peak.composition = []
            return total
        }
    }

    /// The runs of these keys.
    public func runs(_ keys: [RunKey]) -> [RunKey: StoredRun] {
        let wanted = Set(keys)
        return runs.filter { wanted.contains($0.key) }
    }
}

/// A walk over runs in memory.
private final class MemoryWalk: RunWalk {
    private var rest: ArraySlice<StoredRun>
    private var boots: [(host: HostID, boot: BootID)] = []
    private var names: [RawText] = []

    private let sums: (FoldQuery) -> FoldSums

    init(_ runs: [StoredRun], _ sums: @escaping (FoldQuery) -> FoldSums) {
        rest = runs[...]
        self.sums = sums
    }

    func foldSums(_ query: FoldQuery) -> FoldSums { sums(query) }

    func next() -> WalkedRun? {
        guard let run = rest.popFirst() else { return nil }
        let known = boots.firstIndex { $0.host == run.host && $0.boot == run.boot }
        if known == nil { boots.append((run.host, run.boot)) }
        return WalkedRun(
            boot: Int64(known ?? boots.count - 1),
            figures: RunFigures(run.record, number: number(ofName:)))
    }

    func number(ofName name: RawText) -> Int64 {
        if let known = names.firstIndex(of: name) { return Int64(known) + 1 }
        names.append(name)
        return Int64(names.count)
    }

    func name(_ number: Int64) -> RawText { names[Int(number) - 1] }

    func boot(_ number: Int64) -> (host: HostID, boot: BootID) { boots[Int(number)] }

    func windows(
        of runs: [RunKey], sinceMilliseconds: Int64, untilMilliseconds: Int64
    ) -> [RunKey: RangedWindow] { [:] }
}
