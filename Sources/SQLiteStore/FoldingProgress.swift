import MemoryModel
import PeakStore

/// Which hours were looked through for runs to fold, and what was found in the one at hand.
///
/// It lasts as long as the store is open: the next one looks at all hours again, so that another
/// rule holds for what is there as well.
struct FoldingProgress {
    /// By which rule.
    var rule: FoldingRule?
    /// All hours that begin before this were looked through; nil before the first.
    var next: Int64?
    /// Hours before that in which a run ended that came since.
    private(set) var late: Set<Int64> = []
    /// The hour at hand.
    var hour: FoldingHour?

    /// The most hours of late runs that are remembered; with more all are looked through again.
    static let maximumLateHours = 10_000

    /// Takes note that a run was written that ended then.
    mutating func ended(atMilliseconds end: Int64?) {
        guard let end, let next, end < next else { return }
        late.insert(StoredTotal.hour(of: end))
        if late.count > FoldingProgress.maximumLateHours {
            late = []
            self.next = nil
        }
    }

    /// The first hour of late runs that began at `hour` or before; it is not late any more.
    mutating func takeLate(atOrBefore hour: Int64) -> Int64? {
        guard let first = late.min(), first <= hour else { return nil }
        late.remove(first)
        return first
    }
}

/// What was found in an hour that is looked through.
struct FoldingHour {
    /// When it began, in milliseconds since the epoch in UTC.
    var start: Int64
    /// The last run that was looked at; nil before the first.
    var last: EndedRun?
    /// Whether all of its runs were looked at.
    var isRead = false
    /// The largest run of each host.
    var largest: [Int64: RankedRun] = [:]
    /// The runs that may be folded.
    var candidates: [FoldingCandidate] = []

    /// Whether the candidates are in order, and on their way into folds.
    var isArranged = false

    /// The most candidates that are held; an hour that has more is folded in parts.
    static let maximumCandidates = 50_000

    /// Begins with the hour at `start`.
    init(start: Int64) { self.start = start }

    /// Puts those beside each other that have the same subject, leaves out the largest run of each
    /// host and those that are alone of their kind; the last ones are taken first.
    mutating func arrange() {
        let largest = Set(largest.values.map(\.place))
        candidates.removeAll { largest.contains($0.place) }
        candidates.sort { $0.order < $1.order }
        var kept: [FoldingCandidate] = []
        for (index, candidate) in candidates.enumerated() {
            let hasCompany =
                index > 0 && candidates[index - 1].subject == candidate.subject
                || index + 1 < candidates.count
                    && candidates[index + 1].subject == candidate.subject
            if hasCompany { kept.append(candidate) }
        }
        candidates = kept
        isArranged = !kept.isEmpty
    }

    /// Takes out runs of one subject, at most `limit`.
    mutating func takeGroup(limit: Int) -> [FoldingCandidate] {
        guard let subject = candidates.last?.subject else { return [] }
        let count = candidates.reversed().prefix(limit).prefix { $0.subject == subject }.count
        let group = Array(candidates.suffix(count))
        candidates.removeLast(count)
        isArranged = !candidates.isEmpty
        return group
    }
}

/// A run by when it ended, as the index has them.
struct EndedRun {
    /// The end of the bracket of its end.
    var end: Int64
    /// The run.
    var place: RunPlace
}

/// How large a run was, so that the largest of a host and hour stays itself.
struct RankedRun {
    /// The run.
    var place: RunPlace
    /// Whether its peak is its own, and not its parent's.
    var isOwn: Bool
    /// Its peak.
    var peak: Peak?

    /// Whether it is larger: by its own peak, and of equals the first of the keys.
    static func > (left: RankedRun, right: RankedRun) -> Bool {
        if left.isOwn != right.isOwn { return left.isOwn }
        guard let mine = left.peak else { return false }
        guard let theirs = right.peak else { return true }
        return mine == theirs ? left.place < right.place : theirs < mine
    }
}

/// What folded runs have in common, by numbers.
struct FoldingSubject: Hashable {
    /// The boot.
    var boot: Int64
    /// The program.
    var program: Int64
    /// The user's name; -1 where it has none.
    var user: Int64
    /// The user's number; -1 where it is not known or has a name.
    var userID: Int64
    /// The cgroup; -1 where it is not known.
    var cgroup: Int64
}

/// A run that may be folded.
struct FoldingCandidate {
    /// What it has in common with others.
    var subject: FoldingSubject
    /// The run.
    var key: ProcessKey

    /// The run with its boot.
    var place: RunPlace { RunPlace(boot: subject.boot, key: key) }

    /// By subject, and then by key, as the rows lie.
    fileprivate var order: Order { Order(subject: subject, key: key) }

    fileprivate struct Order: Comparable {
        var subject: FoldingSubject
        var key: ProcessKey

        static func < (left: Order, right: Order) -> Bool {
            let (mine, theirs) = (left.subject, right.subject)
            if mine == theirs { return left.key < right.key }
            return (mine.boot, mine.program, mine.user, mine.userID, mine.cgroup)
                < (theirs.boot, theirs.program, theirs.user, theirs.userID, theirs.cgroup)
        }
    }
}

extension RunPlace {
    /// In the order of the table, but for starts from 2^63 on.
    fileprivate static func < (left: RunPlace, right: RunPlace) -> Bool {
        left.boot == right.boot ? left.key < right.key : left.boot < right.boot
    }
}
