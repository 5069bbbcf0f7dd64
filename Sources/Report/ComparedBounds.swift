import MemoryModel

/// Between what a change of two peaks lies, as each of them may be no more than a bound.
struct ComparedBounds: Hashable {
    /// Whether the true change may be greater than the one that is shown.
    private(set) var mayBeMore: Bool
    /// Whether it may be less.
    private(set) var mayBeLess: Bool

    /// The bounds of the change from `before` to `now`; what is not there is nothing, exactly.
    init(now: ReportRow?, before: ReportRow?) {
        mayBeMore = now?.isPeakLowerBound == true || before?.isPeakUpperBound == true
        mayBeLess = now?.isPeakUpperBound == true || before?.isPeakLowerBound == true
    }

    /// What stands before the change.
    var mark: String {
        switch (mayBeMore, mayBeLess) {
        case (false, false): ""
        case (true, false): ">="
        case (false, true): "<="
        case (true, true): "~"
        }
    }

    /// Whether the change is a lower bound; nil where it is no bound and not exact either.
    var isLowerBound: Bool? { mayBeMore && mayBeLess ? nil : mayBeMore }
    /// Whether it is an upper bound, likewise.
    var isUpperBound: Bool? { mayBeMore && mayBeLess ? nil : mayBeLess }

    /// What the marks mean that occur; nil where none does.
    static func legend(_ bounds: [ComparedBounds]) -> String? {
        let meanings = [
            (">=", "at least"), ("<=", "at most"), ("~", "about, as neither peak is exact"),
        ]
        let marks = Set(bounds.map(\.mark))
        let said = meanings.filter { marks.contains($0.0) }.map { "\($0.0) \($0.1)" }
        return said.isEmpty ? nil : "before a change: " + said.joined(separator: ", ")
    }
}

extension ComparedGroup {
    /// How far the change that is shown may be off.
    var bounds: ComparedBounds { ComparedBounds(now: now, before: before) }

    /// Where it stands: what grew, what may have grown, what did not.
    private var rank: Int {
        guard let changeBytes else { return 3 }
        return changeBytes > 0 ? 0 : bounds.mayBeMore ? 1 : 2
    }

    /// Whether it stands before another one.
    func isBefore(_ other: ComparedGroup) -> Bool {
        if rank != other.rank { return rank < other.rank }
        let (mine, theirs) = (changeBytes ?? 0, other.changeBytes ?? 0)
        if mine != theirs { return mine > theirs }
        // Of what has no change the largest is what matters.
        if changeBytes == nil {
            let (mine, theirs) = (now ?? before, other.now ?? other.before)
            if mine?.peak?.bytes != theirs?.peak?.bytes {
                return mine?.peak?.bytes ?? 0 > theirs?.peak?.bytes ?? 0
            }
        }
        return (name?.bytes ?? []).lexicographicallyPrecedes(other.name?.bytes ?? [])
    }
}
