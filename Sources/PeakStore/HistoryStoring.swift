public import MemoryModel
public import Report

/// What a store knows of the past beyond the peak of a whole life: windows of minutes, hours and
/// days, and which time was watched.
///
/// Fine windows are kept for a while and make up coarser ones before they go. All times are
/// milliseconds since the epoch in UTC. Every method may block on a disk.
public protocol HistoryStoring: PeakStoring {
    /// What these runs held at most within the range, by the finest windows that are left of it.
    ///
    /// A window that overlaps an edge of the range counts with its upper bound only. A run of which
    /// nothing is known in the range is not in the answer; its peak of a lifetime may still be.
    func windows(
        of runs: [RunKey], sinceMilliseconds: Int64, untilMilliseconds: Int64
    ) throws -> [RunKey: RangedWindow]

    /// What `subject` held, window by window, oldest first, each of at least `length`.
    ///
    /// Time without any window is in the answer as points that say whether it was watched; where
    /// windows of `length` are gone, coarser ones stand in their place. At most `limit` points, the
    /// latest ones.
    func history(
        of subject: HistorySubject, sinceMilliseconds: Int64, untilMilliseconds: Int64,
        length: WindowLength, limit: Int
    ) throws -> [HistoryPoint]

    /// The time of the range that agents watched, by host: minutes, and where these are gone whole
    /// hours or days of which any was watched.
    func watchedTime(
        sinceMilliseconds: Int64, untilMilliseconds: Int64
    ) throws -> [HostID: WatchedTime]
}

/// The window of one run, as a commit writes it.
public struct StoredWindow: Hashable, Sendable {
    /// Whose it is.
    public var run: RunKey
    /// A minute, or an hour where an agent had no room for minutes.
    public var length: WindowLength
    /// Where it begins, in milliseconds of UTC: a multiple of its length.
    public var startsAtMilliseconds: Int64
    /// What it holds.
    public var window: Window

    /// Takes the parts as they are.
    public init(
        run: RunKey, length: WindowLength, startsAtMilliseconds: Int64, window: Window
    ) {
        self.run = run
        self.length = length
        self.startsAtMilliseconds = startsAtMilliseconds
        self.window = window
    }
}

/// A minute that an agent watched: a run that lived in it and has no window of its own was as in
/// the minute before.
public struct StoredCoverage: Hashable, Sendable {
    /// The host.
    public var host: HostID
    /// The boot that it was in.
    public var boot: BootID
    /// Where the minute begins, in milliseconds of UTC.
    public var startsAtMilliseconds: Int64
    /// How many runs lived at its end.
    public var liveCount: UInt64

    /// Takes the parts as they are.
    public init(host: HostID, boot: BootID, startsAtMilliseconds: Int64, liveCount: UInt64) {
        self.host = host
        self.boot = boot
        self.startsAtMilliseconds = startsAtMilliseconds
        self.liveCount = liveCount
    }
}
