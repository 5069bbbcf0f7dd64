/// A stretch of time in which something happened, both ends included, in milliseconds.
///
/// The clock is the owner's to say: an agent counts `CLOCK_BOOTTIME` since boot, a collector
/// counts from the epoch in UTC.
public struct TimeBracket: Hashable, Sendable {
    /// It did not happen before this.
    public var notBeforeMilliseconds: Int64
    /// It did not happen after this.
    public var notAfterMilliseconds: Int64

    /// Takes both ends; a later beginning is cut to the end.
    public init(notBeforeMilliseconds: Int64, notAfterMilliseconds: Int64) {
        self.notBeforeMilliseconds = min(notBeforeMilliseconds, notAfterMilliseconds)
        self.notAfterMilliseconds = notAfterMilliseconds
    }

    /// The same stretch on a clock that reads `milliseconds` more.
    public func shifted(byMilliseconds milliseconds: Int64) -> TimeBracket {
        TimeBracket(
            notBeforeMilliseconds: notBeforeMilliseconds &+ milliseconds,
            notAfterMilliseconds: notAfterMilliseconds &+ milliseconds)
    }
}

/// Where a peak comes from, from the weakest source to the strongest.
///
/// The numbers are those of the wire and of the store.
public enum PeakSource: UInt8, Hashable, Sendable, CaseIterable {
    /// The largest of the samples: a peak between two of them is not in it.
    case sampled = 1
    /// The mark of a cgroup.
    case cgroup = 2
    /// The kernel's high-water mark of a living process (`VmHWM`).
    case hwm = 3
    /// The kernel's high-water mark as its exit record gave it.
    case exit = 4

    /// The word for it in every report.
    public var word: String {
        switch self {
        case .sampled: "sampled"
        case .cgroup: "cgroup"
        case .hwm: "hwm"
        case .exit: "exit"
        }
    }
}

/// The most memory that something held: how much, when, and how that is known.
///
/// A peak is one tuple. Two copies become one by keeping the greater tuple whole, so the time
/// and the source are always those of the bytes beside them.
public struct Peak: Hashable, Sendable {
    /// Resident memory in bytes.
    public var bytes: UInt64
    /// When it was reached; nil where the clock of its host could not be trusted.
    public var bracket: TimeBracket?
    /// How it is known.
    public var source: PeakSource

    /// Takes the three parts as they are.
    public init(bytes: UInt64, bracket: TimeBracket?, source: PeakSource) {
        self.bytes = bytes
        self.bracket = bracket
        self.source = source
    }

    /// The one of `self` and `other` that stays: the greater under `Comparable`.
    public func merged(with other: Peak) -> Peak {
        self < other ? other : self
    }

    /// The greater of two peaks where either may be missing.
    public static func merged(_ left: Peak?, _ right: Peak?) -> Peak? {
        guard let left else { return right }
        guard let right else { return left }
        return left.merged(with: right)
    }
}

extension Peak: Comparable {
    /// The total order of the merge table: more bytes; then the earlier not-after; then the later
    /// not-before; then the stronger source.
    ///
    /// A known time is greater than an unknown one.
    public static func < (left: Peak, right: Peak) -> Bool {
        if left.bytes != right.bytes { return left.bytes < right.bytes }
        switch (left.bracket, right.bracket) {
        case (nil, .some): return true
        case (.some, nil): return false
        case (.some(let mine), .some(let theirs)):
            if mine.notAfterMilliseconds != theirs.notAfterMilliseconds {
                return mine.notAfterMilliseconds > theirs.notAfterMilliseconds
            }
            if mine.notBeforeMilliseconds != theirs.notBeforeMilliseconds {
                return mine.notBeforeMilliseconds < theirs.notBeforeMilliseconds
            }
        case (nil, nil): break
        }
        return left.source.rawValue < right.source.rawValue
    }
}
