public import MemoryModel
public import Report

/// What a collector keeps, durably: hosts, runs with their peaks, sums, cgroups, kills, gaps, and
/// what agents say of themselves.
///
/// All times are milliseconds since the epoch in UTC. Every method may block on a disk and is
/// called from a thread that may wait. Writing merges by the merge table of the protocol, so
/// committing the same batch twice changes nothing.
public protocol PeakStoring: Sendable {
    /// The name of this store, drawn when its database was made.
    var storeID: StoreID { get }

    /// Writes the whole batch in one transaction and returns once it is on the disk.
    ///
    /// Throws a `PeakStoreError`; then nothing of the batch was written.
    func commit(_ batch: CommitBatch) throws

    /// Every host that was ever heard of, ordered by host id.
    func hosts() throws -> [StoredHost]

    /// The runs of `host` that have not ended, of any boot.
    func openRuns(of host: HostID) throws -> [StoredRun]

    /// The runs that overlap the range of `query` and pass its filters, largest peak first, at most
    /// `limit` of them.
    ///
    /// The grouping, order and length of the query are the caller's to apply. A run whose beginning
    /// or end is not known overlaps on that side: it is rather shown than hidden.
    ///
    /// Where the query asks for no inherited peaks, such runs are counted and not among them.
    func runs(matching query: ReportQuery, limit: Int) throws -> RunSelection

    /// The runs that follow `position`, or the first, at most `limit` of them, in an order of the
    /// store's own that never changes.
    ///
    /// A walk over all runs is many such reads, none of which is long. Runs come back without
    /// their ordinals.
    func runs(after position: RunKey?, limit: Int) throws -> [StoredRun]

    /// Walks over every run that overlaps the range of `query` and passes its filters, also those
    /// with an inherited peak; `body` is called once.
    func walk<Result>(
        matching query: ReportQuery, _ body: (any RunWalk) throws -> Result
    ) throws -> Result

    /// How much of the disk the store takes, in bytes; nil if that cannot be told.
    func sizeBytes() -> UInt64?

    /// How much of the disk the write-ahead log takes, in bytes; nil where there is none.
    func logBytes() -> UInt64?

    /// How many gaps of each reason each host has.
    func gapCounts() throws -> [HostID: [GapReason: UInt64]]

    /// Totals of the agents' counters by host, each summed over the epochs of its agent.
    func counters() throws -> [HostID: [CounterReason: UInt64]]

    /// The greatest sums of `kinds` in the hours that overlap the range, ordered by host, subject
    /// and hour, at most `limit` of them.
    ///
    /// A bound of the range that is nil leaves it open on that side, here and below.
    func totals(
        of kinds: Set<TotalKind>, sinceMilliseconds: Int64?, untilMilliseconds: Int64?,
        limit: Int
    ) throws -> [StoredTotal]

    /// The cgroups that were last seen at the beginning of the range or later, largest peak first,
    /// at most `limit` of them.
    ///
    /// Those of a boot that is known to have begun after the range are left out. A cgroup that was
    /// last seen at an unknown time is in every range.
    func cgroups(
        sinceMilliseconds: Int64?, untilMilliseconds: Int64?, limit: Int
    ) throws -> [StoredCgroup]

    /// The kills in the range, latest first, at most `limit` of them.
    ///
    /// Those at an unknown time are in every range, and last.
    func kills(
        sinceMilliseconds: Int64?, untilMilliseconds: Int64?, limit: Int
    ) throws -> [StoredKill]

    /// The gaps that overlap the range, latest first, at most `limit` of them.
    ///
    /// Those at an unknown time are in every range, and last.
    func gaps(
        sinceMilliseconds: Int64?, untilMilliseconds: Int64?, limit: Int
    ) throws -> [StoredGap]

    /// The sections of these runs, each with the calls that all starts of its agent were told of,
    /// the largest peak first.
    func sections(of runs: [RunKey]) throws -> [RunKey: [SectionRecord]]

    /// Which lines of these runs ran while they grew, each over all starts of its agent, and where
    /// asked for the stacks when most was resident; of very many lines those that grew most.
    ///
    /// Once what was read takes `limitBytes`, the runs that are left are not looked at.
    func growth(
        of runs: [RunKey], hasStacks: Bool, limitBytes: Int
    ) throws -> GrowthSelection

    /// The runs that have such parts, overlap the range of `query` and pass its filters, in no
    /// order, at most `limit` of them.
    func runs(
        having part: RunPart, matching query: ReportQuery, limit: Int
    ) throws -> [StoredRun]

    /// What each host's agent last said of itself.
    func health() throws -> [HostID: StoredHealth]

    /// The runs of these keys; those that the store does not know are not in the answer.
    ///
    /// Runs come back without their ordinals, which are kept apart from them.
    func runs(_ keys: [RunKey]) throws -> [RunKey: StoredRun]

    /// The runs whose short names begin with `name`, in no order, at most `limit` of them.
    ///
    /// Every run is looked through, which takes a part of a second for a million of them.
    func runs(named name: ShortRunID, limit: Int) throws -> [StoredRun]

    /// The greatest figures of hosts in the hours that overlap the range, without what they were
    /// made of, ordered by host and hour, at most `limit` of them.
    ///
    /// `kind` is `host` or `hostUsed`; `host` is nil for all of them.
    func hourlyTotals(
        of kind: TotalKind, on host: HostID?, sinceMilliseconds: Int64?,
        untilMilliseconds: Int64?, limit: Int
    ) throws -> [StoredTotal]

    /// The folds with ends in the range, latest first, at most `limit` of them.
    ///
    /// Those whose time is not known are in every range, and last.
    func folds(
        sinceMilliseconds: Int64?, untilMilliseconds: Int64?, limit: Int
    ) throws -> [StoredFold]

    /// The folds with ends in the range of `query`, or of an unknown time, put together.
    func foldSums(_ query: FoldQuery) throws -> FoldSums

    /// Up to `limit` programs that match and of which runs were folded, of a user that matches
    /// where one is asked for.
    func foldedPrograms(matching program: Glob, user: Glob?, limit: Int) throws -> Set<RawText>

    /// Which ordinals of one start of an agent were taken in, as ranges that do not touch,
    /// ascending.
    func appliedOrdinals(of host: HostID, epoch: UInt64) throws -> [ClosedRange<UInt64>]

    // MARK: Purging

    /// Takes away what `request` means, and leaves a tombstone so that no copy of it comes back.
    ///
    /// Resident peaks of runs, sums, peaks of cgroups and folds go; the runs and cgroups stay,
    /// their peaks not known. What has no known time is not meant. When it returns all is gone and
    /// on the disk; commits go on beside it. If it throws after it began, what stands is
    /// finished by the next purge or undo, and when the store is opened again.
    func purge(_ request: PurgeRequest, nowMilliseconds: Int64) throws -> PurgeOutcome

    /// Brings back what a purge took away, merged with what came since, and removes its tombstone.
    ///
    /// What another tombstone covers, too, stays away. nil means that there is no such tombstone.
    func undoPurge(_ tombstone: Int64) throws -> PurgeOutcome?

    /// The tombstones that stand, by number.
    func tombstones() throws -> [Tombstone]
}

extension PeakStoring {
    /// The same of a few runs, which are bounded by themselves.
    public func growth(of runs: [RunKey], hasStacks: Bool) throws -> [RunKey: GrowthRecord] {
        try growth(of: runs, hasStacks: hasStacks, limitBytes: .max).growth
    }

    /// None.
    public func logBytes() -> UInt64? { nil }

    /// Counts all gaps.
    public func gapCounts() throws -> [HostID: [GapReason: UInt64]] {
        try gaps(sinceMilliseconds: nil, untilMilliseconds: nil, limit: .max)
            .reduce(into: [:]) { $0[$1.host, default: [:]][$1.gap.reason, default: 0] += 1 }
    }
}

/// What one transaction writes.
public struct CommitBatch: Sendable, Equatable {
    /// Hosts that are new or changed.
    public var hosts: [StoredHost] = []
    /// Runs that are new or changed, each as a whole.
    public var runs: [StoredRun] = []
    /// Folds, each named by its host, epoch and ordinal.
    public var folds: [StoredFold] = []
    /// Counters by host and epoch, absolute.
    public var counters: [StoredCounters] = []
    /// Greatest sums by hour.
    public var totals: [StoredTotal] = []
    /// Cgroups that are new or changed, each as a whole.
    public var cgroups: [StoredCgroup] = []
    /// Kills for want of memory.
    public var kills: [StoredKill] = []
    /// What was missed.
    public var gaps: [StoredGap] = []
    /// What sections of runs needed.
    public var sections: [StoredSection] = []
    /// Which lines of Python programs ran while they grew.
    public var growth: [StoredGrowth] = []
    /// What agents say of themselves.
    public var health: [StoredHealth] = []
    /// Windows of runs, new or changed.
    public var windows: [StoredWindow] = []
    /// Minutes that were watched.
    public var coverage: [StoredCoverage] = []

    /// A batch of nothing.
    public init() {}

    /// Whether there is nothing to write.
    public var isEmpty: Bool { self == CommitBatch() }
}

/// A host as the store keeps it.
public struct StoredHost: Hashable, Sendable {
    /// Its lasting name.
    public var id: HostID
    /// Its newest boot.
    public var boot: BootID
    /// The newest start of its agent.
    public var epoch: UInt64
    /// What it is.
    public var description: HostDescription
    /// The version of its agent.
    public var agentVersion: RawText
    /// When it was first heard of.
    public var firstHeardAtMilliseconds: Int64
    /// When it was last heard.
    public var lastHeardAtMilliseconds: Int64

    /// Takes the parts as they are.
    public init(
        id: HostID, boot: BootID, epoch: UInt64, description: HostDescription,
        agentVersion: RawText, firstHeardAtMilliseconds: Int64, lastHeardAtMilliseconds: Int64
    ) {
        self.id = id
        self.boot = boot
        self.epoch = epoch
        self.description = description
        self.agentVersion = agentVersion
        self.firstHeardAtMilliseconds = firstHeardAtMilliseconds
        self.lastHeardAtMilliseconds = lastHeardAtMilliseconds
    }
}

/// A run as the store keeps it, with its times in UTC.
public struct StoredRun: Hashable, Sendable {
    /// Its host.
    public var host: HostID
    /// Its boot.
    public var boot: BootID
    /// Everything known of it.
    public var record: RunRecord
    /// The start of the agent that gave it the ordinal of its record; nil where it has none.
    public var epoch: UInt64?

    /// Takes the parts as they are.
    public init(host: HostID, boot: BootID, record: RunRecord, epoch: UInt64? = nil) {
        self.host = host
        self.boot = boot
        self.record = record
        self.epoch = epoch
    }

    /// Which run this is in the whole fleet.
    public var key: RunKey { RunKey(host: host, boot: boot, process: record.key) }
}

/// The counters of one start of an agent.
public struct StoredCounters: Hashable, Sendable {
    /// The agent's host.
    public var host: HostID
    /// The start of the agent that counted.
    public var epoch: UInt64
    /// The absolute counts since that start.
    public var values: [CounterReason: UInt64]

    /// Takes the parts as they are.
    public init(host: HostID, epoch: UInt64, values: [CounterReason: UInt64]) {
        self.host = host
        self.epoch = epoch
        self.values = values
    }
}

/// Runs that a query selected.
public struct RunSelection: Sendable, Equatable {
    /// The runs, largest peak first.
    public var runs: [StoredRun]
    /// How many runs passed the filters, also beyond the limit.
    public var matchedCount: Int
    /// How many more would have, but for a peak that is only inherited.
    public var inheritedCount: Int

    /// Takes the parts as they are.
    public init(runs: [StoredRun], matchedCount: Int, inheritedCount: Int = 0) {
        self.runs = runs
        self.matchedCount = matchedCount
        self.inheritedCount = inheritedCount
    }
}

/// Why a store could not do what it was asked.
public enum PeakStoreError: Error, Equatable {
    /// What was asked for is more than the store takes; nothing was changed.
    case refused(reason: String)
    /// The database was written by a newer version of this program.
    case newerVersion(found: Int, supported: Int)
    /// The file is there but is not a Highwater database, or is damaged.
    case notADatabase(path: String, reason: String)
    /// The directory or file cannot be opened for writing.
    case notWritable(path: String, reason: String)
    /// Another collector uses the same data directory.
    case inUse(path: String)
    /// The disk is full; the same commit may succeed later.
    case full(reason: String)
    /// Another program holds the database; the same commit may succeed later.
    case locked(reason: String)
    /// A read or write failed; nothing that was not acknowledged may be taken as kept.
    case failed(reason: String)
}

extension PeakStoreError {
    /// Whether what stands in the way can pass by itself, so that trying again is right.
    public var isPassing: Bool {
        switch self {
        case .full, .locked: true
        default: false
        }
    }
}
