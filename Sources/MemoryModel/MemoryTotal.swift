/// What a sum was made over.
///
/// The numbers are those of the wire and of the store.
public enum TotalKind: UInt8, Hashable, Sendable, CaseIterable {
    /// The resident memory of all processes of the host; shared pages count once for each.
    case host = 1
    /// Memory of the host that was not available: `MemTotal` minus `MemAvailable`.
    ///
    /// It is no sum, but the host's own figure beside that sum.
    case hostUsed = 2
    /// The resident memory of all processes of a user.
    case user = 3
    /// The resident memory of all runs of a program.
    case program = 4
    /// The resident memory of all processes in a cgroup, those below it not included.
    case cgroup = 5
}

/// What a register of a sum is for.
public struct TotalSubject: Hashable, Sendable, Comparable {
    /// What it is made over.
    public var kind: TotalKind
    /// The user, program or cgroup; empty for the host.
    ///
    /// A user without a name is its number.
    public var name: RawText

    /// Takes both parts as they are.
    public init(kind: TotalKind, name: RawText) {
        self.kind = kind
        self.name = name
    }

    /// Orders by kind, then name.
    public static func < (left: TotalSubject, right: TotalSubject) -> Bool {
        (left.kind.rawValue, left.name) < (right.kind.rawValue, right.name)
    }
}

/// A run's share of a total.
public struct TotalShare: Hashable, Sendable {
    /// Which run.
    public var key: ProcessKey
    /// What it held, in bytes.
    public var residentBytes: UInt64

    /// Takes both parts as they are.
    public init(key: ProcessKey, residentBytes: UInt64) {
        self.key = key
        self.residentBytes = residentBytes
    }
}

/// The greatest sum of one subject in one hour of UTC, with what was true in that moment.
public struct TotalPeak: Hashable, Sendable, Comparable {
    /// The sum in bytes.
    public var bytes: UInt64
    /// When, in milliseconds of the owner's clock; nil where it could not be trusted.
    public var atMilliseconds: Int64?
    /// How many runs it was made over.
    public var runCount: UInt64
    /// The runs that held most of it then, the largest first; only `hostUsed` has them.
    public var composition: [TotalShare]

    /// The most shares of a composition.
    public static let maximumShares = 10

    /// Takes the parts as they are.
    public init(
        bytes: UInt64, atMilliseconds: Int64?, runCount: UInt64, composition: [TotalShare] = []
    ) {
        self.bytes = bytes
        self.atMilliseconds = atMilliseconds
        self.runCount = runCount
        self.composition = composition
    }

    /// Whether `right` is to be kept rather than `left`: more bytes; then a known time; then the
    /// earlier one; then more runs.
    public static func < (left: TotalPeak, right: TotalPeak) -> Bool {
        if left.bytes != right.bytes { return left.bytes < right.bytes }
        switch (left.atMilliseconds, right.atMilliseconds) {
        case (nil, .some): return true
        case (.some, nil): return false
        case (.some(let mine), .some(let theirs)):
            if mine != theirs { return mine > theirs }
        case (nil, nil): break
        }
        return left.runCount < right.runCount
    }
}
