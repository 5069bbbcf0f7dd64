import MemoryModel
import PeakStore

/// What a host told beside its runs that is not on the disk yet.
///
/// Facts carry their boot and epoch, so that neither another boot nor another agent loses them.
/// What is on its way to the disk counts against the bounds until it is known to be there: a store
/// that cannot write does not let a host take more memory with each try.
struct FactBuffer {
    /// How much there is of each kind.
    struct Size {
        var totals = 0
        var cgroups = 0
        var kills = 0
        var gaps = 0
        var epochs = 0
        var nameBytes = 0
    }

    /// What is on its way to the disk.
    struct Taken {
        fileprivate var facts: MergedFacts
        fileprivate var size: Size
    }

    /// The most of each kind: twice what an agent keeps and more; a commit each second makes room.
    static let bounds = Size(
        totals: 65_536, cgroups: 16_384, kills: 4_096, gaps: 4_096, epochs: 1_024,
        nameBytes: 32 << 20)

    private var due = MergedFacts()
    private var underWay = Size()
    /// What the names of sums and cgroups in `due` take in bytes.
    private var nameBytes = 0

    /// Whether nothing waits to be taken.
    var isEmpty: Bool { due.isEmpty }

    // MARK: Facts in

    /// Takes in a greatest sum; false if there is no room.
    mutating func add(_ total: StoredTotal) -> Bool {
        if due.totals[total.key] == nil {
            guard due.totals.count + underWay.totals < FactBuffer.bounds.totals,
                takeRoom(for: total.subject.name)
            else { return false }
        }
        due.merge(total)
        return true
    }

    /// Takes in a cgroup, whose present is the latest; false if there is no room.
    mutating func add(_ cgroup: StoredCgroup) -> Bool {
        if due.cgroups[cgroup.key] == nil {
            guard due.cgroups.count + underWay.cgroups < FactBuffer.bounds.cgroups,
                takeRoom(for: cgroup.record.key.path)
            else { return false }
        }
        due.merge(cgroup, isNewer: true)
        return true
    }

    /// Takes in a kill; false if there is no room.
    mutating func add(_ kill: StoredKill) -> Bool {
        guard
            due.kills[kill.key] != nil
                || due.kills.count + underWay.kills < FactBuffer.bounds.kills
        else { return false }
        due.merge(kill)
        return true
    }

    /// Takes in a gap; false if there is no room.
    mutating func add(_ gap: StoredGap) -> Bool {
        guard due.gaps[gap.key] != nil || due.gaps.count + underWay.gaps < FactBuffer.bounds.gaps
        else { return false }
        due.merge(gap)
        return true
    }

    /// Takes in the counters of an epoch; false if there is no room.
    mutating func add(_ counters: StoredCounters) -> Bool {
        guard
            due.counters[counters.key] != nil
                || due.counters.count + underWay.epochs < FactBuffer.bounds.epochs
        else { return false }
        due.merge(counters)
        return true
    }

    /// Takes in what the agent says of itself, of which only the last is kept.
    mutating func add(_ health: StoredHealth) {
        due.merge(health)
    }

    // MARK: Committing

    /// Puts everything into `batch`.
    mutating func take(into batch: inout CommitBatch) -> Taken {
        batch.totals += due.totals.values
        batch.cgroups += due.cgroups.values
        batch.kills += due.kills.values
        batch.gaps += due.gaps.values
        batch.counters += due.counters.values
        batch.health += due.health.values
        let taken = Taken(facts: due, size: size)
        underWay.add(taken.size)
        due = MergedFacts()
        nameBytes = 0
        return taken
    }

    /// Takes note that `taken` is on the disk.
    mutating func committed(_ taken: Taken) {
        underWay.remove(taken.size)
    }

    /// Takes note that `taken` did not reach the disk: it is due again, with what came since.
    mutating func commitFailed(_ taken: Taken) {
        underWay.remove(taken.size)
        let later = due
        due = taken.facts
        due.mergeLater(later)
        nameBytes =
            due.totals.keys.reduce(0) { $0 + $1.subject.name.bytes.count }
            + due.cgroups.keys.reduce(0) { $0 + $1.cgroup.path.bytes.count }
    }

    private var size: Size {
        Size(
            totals: due.totals.count, cgroups: due.cgroups.count, kills: due.kills.count,
            gaps: due.gaps.count, epochs: due.counters.count, nameBytes: nameBytes)
    }

    private mutating func takeRoom(for name: RawText) -> Bool {
        let bytes = nameBytes + name.bytes.count
        guard bytes + underWay.nameBytes <= FactBuffer.bounds.nameBytes else { return false }
        nameBytes = bytes
        return true
    }
}

extension FactBuffer.Size {
    fileprivate mutating func add(_ other: FactBuffer.Size) {
        totals += other.totals
        cgroups += other.cgroups
        kills += other.kills
        gaps += other.gaps
        epochs += other.epochs
        nameBytes += other.nameBytes
    }

    fileprivate mutating func remove(_ other: FactBuffer.Size) {
        totals -= other.totals
        cgroups -= other.cgroups
        kills -= other.kills
        gaps -= other.gaps
        epochs -= other.epochs
        nameBytes -= other.nameBytes
    }
}

/// Which cgroups of a boot were put into a batch lately, so that not every look costs a row.
///
/// What a cgroup uses changes with every look. Its row is written when anything else of it changed,
/// and otherwise once a minute.
struct WrittenCgroups {
    private struct Mark {
        var lastingHash: Int
        var atMilliseconds: Int64
    }

    // A hash stands for the cgroup, and one for all that lasts of it: Swift seeds hashes for each
    // process, so that nobody can choose two that are equal, and by chance two of 64 bits are not.
    private var marks: [Int: Mark] = [:]

    /// How often the present alone is written.
    static let intervalMilliseconds: Int64 = 60_000

    /// Whether `record` is to be written now.
    func isDue(_ record: CgroupRecord, nowMilliseconds now: Int64) -> Bool {
        guard let mark = marks[record.key.hashValue] else { return true }
        return mark.lastingHash != WrittenCgroups.lastingHash(of: record)
            || !WrittenCgroups.isFresh(mark, nowMilliseconds: now)
    }

    /// Takes note that `record` will be written.
    mutating func note(_ record: CgroupRecord, nowMilliseconds now: Int64) {
        if marks.count >= FactBuffer.bounds.cgroups {
            marks = marks.filter { WrittenCgroups.isFresh($0.value, nowMilliseconds: now) }
        }
        guard marks.count < FactBuffer.bounds.cgroups else { return }
        marks[record.key.hashValue] = Mark(
            lastingHash: WrittenCgroups.lastingHash(of: record), atMilliseconds: now)
    }

    private static func isFresh(_ mark: Mark, nowMilliseconds now: Int64) -> Bool {
        // A clock that was set back must not keep a mark for ever.
        abs(now - mark.atMilliseconds) < intervalMilliseconds
    }

    private static func lastingHash(of record: CgroupRecord) -> Int {
        var lasting = record
        lasting.currentBytes = nil
        lasting.seenAtMilliseconds = nil
        return lasting.hashValue
    }
}
