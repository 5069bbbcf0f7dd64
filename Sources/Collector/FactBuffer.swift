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
        var folds = 0
        var windows = 0
        var coverage = 0
        var sections = 0
        var growth = 0
        var nameBytes = 0
    }

    /// What is on its way to the disk.
    struct Taken {
        fileprivate var facts: MergedFacts
        fileprivate var windows: [StoredWindow]
        fileprivate var coverage: [StoredCoverage]
        fileprivate var size: Size
    }

    /// The most of each kind: twice what an agent keeps and more; a commit each second makes room.
    static let bounds = Size(
        totals: 65_536, cgroups: 16_384, kills: 4_096, gaps: 4_096, epochs: 1_024,
        folds: 16_384, windows: 262_144, coverage: 262_144, sections: 32_768,
        growth: 4_096, nameBytes: 32 << 20)

    private var due = MergedFacts()
    /// The store makes one of two copies; until then both stay.
    private var dueWindows: [StoredWindow] = []
    private var dueCoverage: [StoredCoverage] = []
    private var underWay = Size()
    /// What the names of sums, cgroups, sections, lines and folds in `due` take in bytes, and the
    /// histograms of folds.
    private var nameBytes = 0

    /// Whether nothing waits to be taken.
    var isEmpty: Bool { due.isEmpty && dueWindows.isEmpty && dueCoverage.isEmpty }

    /// What all of it takes in bytes, on its way to the disk or not.
    var sizeBytes: Int { size.bytes + underWay.bytes }

    // MARK: Facts in

    /// Takes in a greatest sum; false if there is no room.
    mutating func add(_ total: StoredTotal) -> Bool {
        if due.totals[total.key] == nil {
            guard due.totals.count + underWay.totals < FactBuffer.bounds.totals,
                takeRoom(for: total.subject.name.bytes.count)
            else { return false }
        }
        due.merge(total)
        return true
    }

    /// Takes in a cgroup, whose present is the latest; false if there is no room.
    mutating func add(_ cgroup: StoredCgroup) -> Bool {
        if due.cgroups[cgroup.key] == nil {
            guard due.cgroups.count + underWay.cgroups < FactBuffer.bounds.cgroups,
                takeRoom(for: cgroup.record.key.path.bytes.count)
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

    /// Takes in a section of a run; false if there is no room.
    mutating func add(_ section: StoredSection) -> Bool {
        if due.sections[section.key] == nil {
            guard due.sections.count + underWay.sections < FactBuffer.bounds.sections,
                takeRoom(for: section.record.key.name.bytes.count)
            else { return false }
        }
        due.merge(section)
        return true
    }

    /// Takes in which lines of a run ran while it grew; false if there is no room.
    mutating func add(_ growth: StoredGrowth) -> Bool {
        if due.growth[growth.key] == nil {
            guard due.growth.count + underWay.growth < FactBuffer.bounds.growth else {
                return false
            }
        }
        // What lines there are already is not looked up: names that came before count again.
        guard takeRoom(for: growth.record.textBytes) else { return false }
        due.merge(growth)
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

    /// Takes in a fold, of which a copy adds nothing; false if there is no room.
    mutating func add(_ fold: StoredFold) -> Bool {
        guard due.folds[fold.key] == nil else { return true }
        guard due.folds.count + underWay.folds < FactBuffer.bounds.folds,
            takeRoom(for: fold.fold.textAndHistogramBytes)
        else { return false }
        due.merge(fold)
        return true
    }

    /// Takes in the window of a run; false if there is no room.
    mutating func add(_ window: StoredWindow) -> Bool {
        guard dueWindows.count + underWay.windows < FactBuffer.bounds.windows else { return false }
        dueWindows.append(window)
        return true
    }

    /// Takes in a minute that was watched; false if there is no room.
    mutating func add(_ coverage: StoredCoverage) -> Bool {
        guard dueCoverage.count + underWay.coverage < FactBuffer.bounds.coverage else {
            return false
        }
        dueCoverage.append(coverage)
        return true
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
        batch.sections += due.sections.values
        batch.growth += due.growth.values
        batch.folds += due.folds.values
        batch.windows += dueWindows
        batch.coverage += dueCoverage
        let taken = Taken(facts: due, windows: dueWindows, coverage: dueCoverage, size: size)
        underWay.add(taken.size)
        due = MergedFacts()
        dueWindows = []
        dueCoverage = []
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
        dueWindows = taken.windows + dueWindows
        dueCoverage = taken.coverage + dueCoverage
        nameBytes =
            due.totals.keys.reduce(0) { $0 + $1.subject.name.bytes.count }
            + due.cgroups.keys.reduce(0) { $0 + $1.cgroup.path.bytes.count }
            + due.folds.values.reduce(0) { $0 + $1.fold.textAndHistogramBytes }
            + due.sections.keys.reduce(0) { $0 + $1.section.name.bytes.count }
            + due.growth.values.reduce(0) { $0 + $1.record.textBytes }
    }

    private var size: Size {
        Size(
            totals: due.totals.count, cgroups: due.cgroups.count, kills: due.kills.count,
            gaps: due.gaps.count, epochs: due.counters.count, folds: due.folds.count,
            windows: dueWindows.count, coverage: dueCoverage.count,
            sections: due.sections.count, growth: due.growth.count, nameBytes: nameBytes)
    }

    private mutating func takeRoom(for count: Int) -> Bool {
        let bytes = nameBytes + count
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
        folds += other.folds
        windows += other.windows
        coverage += other.coverage
        sections += other.sections
        growth += other.growth
        nameBytes += other.nameBytes
    }

    fileprivate mutating func remove(_ other: FactBuffer.Size) {
        totals -= other.totals
        cgroups -= other.cgroups
        kills -= other.kills
        gaps -= other.gaps
        epochs -= other.epochs
        folds -= other.folds
        windows -= other.windows
        coverage -= other.coverage
        sections -= other.sections
        growth -= other.growth
        nameBytes -= other.nameBytes
    }
}

extension Fold {
    /// What of it grows with its texts and its histogram, in bytes.
    fileprivate var textAndHistogramBytes: Int {
        // A step and its count, in a table that is never more than three quarters full.
        subject.program.bytes.count + (subject.user?.bytes.count ?? 0)
            + (subject.cgroup?.bytes.count ?? 0) + histogram.counts.count * 24
    }
}
