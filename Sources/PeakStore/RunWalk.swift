public import MemoryModel
public import Report

/// A walk over the runs that match a query, within one read of a store.
///
/// Names and boots are numbers of the walk: those that the store knows have its own, others get
/// one when they are asked for. It is valid only where it was handed over.
public protocol RunWalk: AnyObject {
    /// The next run, in any order; nil when there are no more.
    func next() throws -> WalkedRun?

    /// The number of a name.
    func number(ofName name: RawText) throws -> Int64

    /// The name that has this number.
    func name(_ number: Int64) throws -> RawText

    /// The boot that has this number.
    func boot(_ number: Int64) throws -> (host: HostID, boot: BootID)

    /// Folds put together, as `PeakStoring` says it: what the walk does not meet as it was folded.
    func foldSums(_ query: FoldQuery) throws -> FoldSums

    /// What these runs held at most within the range, as `HistoryStoring` says it; empty where the
    /// store keeps no windows.
    func windows(
        of runs: [RunKey], sinceMilliseconds: Int64, untilMilliseconds: Int64
    ) throws -> [RunKey: RangedWindow]
}

/// A run of a walk.
public struct WalkedRun: Sendable {
    /// The number of its boot.
    public var boot: Int64
    /// What is known of it.
    public var figures: RunFigures

    /// Takes both as they are.
    public init(boot: Int64, figures: RunFigures) {
        self.boot = boot
        self.figures = figures
    }
}
