public import MemoryModel
public import Report

/// Which folds are put together, and what of them has to stay apart.
public struct FoldQuery: Hashable, Sendable {
    /// Only folds that ended then or later, milliseconds since the epoch in UTC; nil for all.
    public var sinceMilliseconds: Int64?
    /// Only folds whose first run ended then or before, likewise.
    public var untilMilliseconds: Int64?
    /// Only runs with peaks of at least this, in bytes, as closely as a histogram tells.
    public var minimumPeakBytes: UInt64 = 0
    /// Whether the runs of different users stay apart.
    public var keepsUsers = true
    /// Whether the runs of different cgroups stay apart.
    public var keepsCgroups = true

    /// All folds of all time.
    public init() {}

    /// The folds that a report needs: what it neither groups nor filters by need not stay apart.
    public init(_ query: ReportQuery) {
        sinceMilliseconds = query.sinceMilliseconds
        untilMilliseconds = query.untilMilliseconds
        minimumPeakBytes = query.minimumPeakBytes
        keepsUsers = query.grouping == .user || query.user != nil
        keepsCgroups = query.grouping == .cgroup || query.patterns[.cgroup] != nil
    }
}

/// Folds of one boot and program, and of one user and cgroup where these were to stay apart, put
/// together.
///
/// A report makes the same of them as of the folds by themselves, but that quantiles may be higher
/// by up to a step of the histogram. Whether peaks are final, and whether times are known, is the
/// same of all that are in one.
public struct FoldSum: Hashable, Sendable {
    /// The host on which the runs were.
    public var host: HostID
    /// The boot that they were in.
    public var boot: BootID
    /// All of them, without a user or cgroup where they had several; the ordinal means nothing.
    public var fold: Fold
    /// Whether a store made them, of runs whose peaks are all final.
    public var isMadeByStore: Bool

    /// Takes the parts as they are.
    public init(host: HostID, boot: BootID, fold: Fold, isMadeByStore: Bool) {
        self.host = host
        self.boot = boot
        self.fold = fold
        self.isMadeByStore = isMadeByStore
    }
}

/// All folds of a range, put together.
public struct FoldSums: Hashable, Sendable {
    /// In any order.
    public var sums: [FoldSum] = []
    /// Whether some were left out, because more have to stay apart than can be held.
    public var isCut = false

    /// How many are held at most.
    public static let maximumCount = 200_000

    /// None.
    public init() {}
}
