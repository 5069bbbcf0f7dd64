public import MemoryModel

/// Sums, cgroups, kills, gaps, counters, parts of runs and agents' health by what names them, two
/// copies of each made one by the rules of the store (`Protocol/store-v1.md`, "Merging").
public struct MergedFacts: Hashable, Sendable {
    /// The greatest sums.
    public private(set) var totals: [StoredTotal.Key: StoredTotal] = [:]
    /// The cgroups.
    public private(set) var cgroups: [StoredCgroup.Key: StoredCgroup] = [:]
    /// The kills for want of memory.
    public private(set) var kills: [StoredKill.Key: StoredKill] = [:]
    /// What was missed.
    public private(set) var gaps: [StoredGap.Key: StoredGap] = [:]
    /// The absolute counts of each start of an agent.
    public private(set) var counters: [StoredCounters.Key: StoredCounters] = [:]
    /// The folds.
    public private(set) var folds: [StoredFold.Key: StoredFold] = [:]
    /// What sections of runs needed.
    public private(set) var sections: [StoredSection.Key: StoredSection] = [:]
    /// Which lines of Python programs ran while they grew.
    public private(set) var growth: [StoredGrowth.Key: StoredGrowth] = [:]
    /// What agents said of themselves last.
    public private(set) var health: [HostID: StoredHealth] = [:]

    /// No facts.
    public init() {}

    /// Takes in everything else than hosts and runs that `batch` holds.
    public mutating func merge(_ batch: CommitBatch) {
        for total in batch.totals { merge(total) }
        for cgroup in batch.cgroups { merge(cgroup) }
        for kill in batch.kills { merge(kill) }
        for gap in batch.gaps { merge(gap) }
        for counters in batch.counters { merge(counters) }
        for fold in batch.folds { merge(fold) }
        for health in batch.health { merge(health) }
        for section in batch.sections { merge(section) }
        for growth in batch.growth { merge(growth) }
    }

    /// Whether there are none.
    public var isEmpty: Bool {
        totals.isEmpty && cgroups.isEmpty && kills.isEmpty && gaps.isEmpty && counters.isEmpty
            && folds.isEmpty && health.isEmpty && sections.isEmpty && growth.isEmpty
    }

    /// Takes in facts that were learned later than these.
    public mutating func mergeLater(_ later: MergedFacts) {
        for total in later.totals.values { merge(total) }
        for cgroup in later.cgroups.values { merge(cgroup, isNewer: true) }
        for kill in later.kills.values { merge(kill) }
        for gap in later.gaps.values { merge(gap) }
        for counters in later.counters.values { merge(counters) }
        for fold in later.folds.values { merge(fold) }
        for health in later.health.values { merge(health) }
        for section in later.sections.values { merge(section) }
        for growth in later.growth.values { merge(growth) }
    }

    /// Keeps the greater sum, whole.
    public mutating func merge(_ total: StoredTotal) {
        guard let known = totals[total.key], !(known.peak < total.peak) else {
            totals[total.key] = total
            return
        }
    }

    /// Takes in a copy of a cgroup whose present counts if it was seen no earlier.
    public mutating func merge(_ cgroup: StoredCgroup) {
        let known = cgroups[cgroup.key]?.record.seenAtMilliseconds
        let seen = cgroup.record.seenAtMilliseconds
        merge(cgroup, isNewer: known.map { known in seen.map { $0 >= known } ?? false } ?? true)
    }

    /// Takes in a copy of a cgroup, `newer` telling whether its present comes later.
    public mutating func merge(_ cgroup: StoredCgroup, isNewer newer: Bool) {
        cgroups[cgroup.key, default: cgroup].record.merge(cgroup.record, otherIsNewer: newer)
    }

    /// Fills what is not known of a kill and adds to its evidence.
    public mutating func merge(_ kill: StoredKill) {
        kills[kill.key, default: kill].fill(from: kill)
    }

    /// Keeps the first copy of a gap, and its first time that is known.
    public mutating func merge(_ gap: StoredGap) {
        var kept = gaps[gap.key] ?? gap
        kept.gap.bracket = kept.gap.bracket ?? gap.gap.bracket
        gaps[gap.key] = kept
    }

    /// Keeps the greater of each count.
    public mutating func merge(_ counts: StoredCounters) {
        counters[counts.key, default: counts].values.merge(counts.values) { max($0, $1) }
    }

    /// Keeps the first copy of a fold, which never changes.
    public mutating func merge(_ fold: StoredFold) {
        if folds[fold.key] == nil { folds[fold.key] = fold }
    }

    /// Keeps the greater of each figure of a section.
    public mutating func merge(_ section: StoredSection) {
        sections[section.key, default: section].record.merge(section.record)
    }

    /// Keeps the greater of each amount of growth.
    public mutating func merge(_ seen: StoredGrowth) {
        growth[seen.key, default: seen].record.merge(seen.record)
    }

    /// Keeps what was said later.
    public mutating func merge(_ said: StoredHealth) {
        let known = health[said.host]?.health.atMilliseconds
        if known.map({ said.health.atMilliseconds >= $0 }) ?? true { health[said.host] = said }
    }
}

extension StoredTotal {
    /// What names a greatest sum.
    public struct Key: Hashable, Sendable {
        /// The host.
        public let host: HostID
        /// What the sum is made over.
        public let subject: TotalSubject
        /// When the hour began.
        public let hourMilliseconds: Int64
    }

    /// What names it.
    public var key: Key {
        Key(host: host, subject: subject, hourMilliseconds: hourMilliseconds)
    }

    /// The beginning of the hour of UTC in which a time lies.
    public static func hour(of milliseconds: Int64) -> Int64 {
        let rest = milliseconds % hourLengthMilliseconds
        return milliseconds &- (rest < 0 ? rest + hourLengthMilliseconds : rest)
    }
}

extension StoredCgroup {
    /// What names a cgroup in the whole fleet.
    public struct Key: Hashable, Sendable {
        /// The host.
        public let host: HostID
        /// Its boot.
        public let boot: BootID
        /// The cgroup in that boot.
        public let cgroup: CgroupKey
    }

    /// What names it.
    public var key: Key { Key(host: host, boot: boot, cgroup: record.key) }
}

extension StoredKill {
    /// What names a kill.
    public struct Key: Hashable, Sendable {
        /// The host.
        public let host: HostID
        /// Its boot.
        public let boot: BootID
        /// When, in milliseconds since boot.
        public let sinceBootMilliseconds: Int64
        /// The victim; nil if nobody said which process it was.
        public let pid: Int32?
    }

    /// What names it.
    public var key: Key {
        Key(host: host, boot: boot, sinceBootMilliseconds: kill.atMilliseconds, pid: kill.pid)
    }

    /// The victim's run in the whole fleet; nil if it was not followed.
    public var runKey: RunKey? {
        kill.run.map { RunKey(host: host, boot: boot, process: $0) }
    }

    /// Takes from another copy what is not known here, and its evidence.
    fileprivate mutating func fill(from other: StoredKill) {
        atMilliseconds = atMilliseconds ?? other.atMilliseconds
        kill.run = kill.run ?? other.kill.run
        kill.comm = kill.comm ?? other.kill.comm
        kill.constraint = kill.constraint ?? other.kill.constraint
        kill.limitCgroup = kill.limitCgroup ?? other.kill.limitCgroup
        kill.limitBytes = kill.limitBytes ?? other.kill.limitBytes
        kill.cgroup = kill.cgroup ?? other.kill.cgroup
        kill.residentBytes = kill.residentBytes ?? other.kill.residentBytes
        kill.lastPeakBytes = kill.lastPeakBytes ?? other.kill.lastPeakBytes
        kill.evidence.formUnion(other.kill.evidence)
    }
}

extension StoredGap {
    /// What names a gap.
    public struct Key: Hashable, Sendable {
        /// The host.
        public let host: HostID
        /// The start of the agent that numbered it.
        public let epoch: UInt64
        /// Its number.
        public let ordinal: UInt64
    }

    /// What names it.
    public var key: Key { Key(host: host, epoch: epoch, ordinal: gap.ordinal) }
}

extension StoredSection {
    /// What names a section as one start of an agent was told of it.
    public struct Key: Hashable, Sendable {
        /// The host.
        public let host: HostID
        /// Its boot.
        public let boot: BootID
        /// The start of the agent.
        public let epoch: UInt64
        /// The section in that boot.
        public let section: SectionKey
    }

    /// What names it.
    public var key: Key { Key(host: host, boot: boot, epoch: epoch, section: record.key) }
}

extension StoredGrowth {
    /// What names the growth of a run as one start of an agent saw it.
    public struct Key: Hashable, Sendable {
        /// The run.
        public let run: RunKey
        /// The start of the agent.
        public let epoch: UInt64
    }

    /// What names it.
    public var key: Key { Key(run: runKey, epoch: epoch) }
}

extension StoredCounters {
    /// What names the counters of one start of an agent.
    public struct Key: Hashable, Sendable {
        /// The agent's host.
        public let host: HostID
        /// The start of the agent that counted.
        public let epoch: UInt64
    }

    /// What names them.
    public var key: Key { Key(host: host, epoch: epoch) }
}
