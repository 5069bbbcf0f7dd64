public import MemoryModel
import PeakStore
public import Report

// What the store answers of the past.

extension SQLiteStore {
    /// What these runs held at most within the range, by the finest windows that are left of it.
    ///
    /// The end of the range is not part of it. Where only windows over an edge of it are left, the
    /// lower bound is 0.
    public func windows(
        of runs: [RunKey], sinceMilliseconds: Int64, untilMilliseconds: Int64
    ) throws -> [RunKey: RangedWindow] {
        let range = HistoryRange(since: sinceMilliseconds, until: untilMilliseconds)
        guard !range.isEmpty else { return [:] }
        return try read { database in
            var history = try HistoryReader(database)
            return try history.windows(of: runs, in: range)
        }
    }

    /// What `subject` held, window by window, oldest first, each of at least `length`.
    ///
    /// The end of the range is not part of it. The sums of a host are kept by the hour, and only
    /// their lower bound is known.
    public func history(
        of subject: HistorySubject, sinceMilliseconds: Int64, untilMilliseconds: Int64,
        length: WindowLength, limit: Int
    ) throws -> [HistoryPoint] {
        let range = HistoryRange(since: sinceMilliseconds, until: untilMilliseconds)
        guard !range.isEmpty, limit > 0 else { return [] }
        return try read { database in
            var history = try HistoryReader(database)
            return try history.points(
                of: subject, in: range, length: length,
                limit: min(limit, HistoryReader.maximumCount))
        }
    }
}

extension SQLiteStore {
    /// The time of the range that agents watched, by host: minutes, and where these are gone whole
    /// hours or days of which any was watched.
    ///
    /// The end of the range is not part of it.
    public func watchedTime(
        sinceMilliseconds: Int64, untilMilliseconds: Int64
    ) throws -> [HostID: WatchedTime] {
        let range = HistoryRange(since: sinceMilliseconds, until: untilMilliseconds)
        guard !range.isEmpty else { return [:] }
        return try read { database in
            var watched = WatchedReader(database, range)
            return try watched.times()
        }
    }
}

/// A range of time that is asked for, its end not included.
struct HistoryRange {
    /// Its beginning, in milliseconds of UTC.
    var since: Int64
    /// Its end.
    var until: Int64

    /// Takes both, cut to the times that are kept.
    init(since: Int64, until: Int64) {
        let farthest = WindowWriter.farthestMilliseconds
        self.since = max(-farthest, min(since, farthest))
        self.until = max(-farthest, min(until, farthest))
    }

    /// Whether no time is in it.
    var isEmpty: Bool { since >= until }

    /// The hour that it begins in.
    var firstHour: Int64 { WindowLength.hour.start(of: since) }

    /// The hour that it ends in.
    var lastHour: Int64 { WindowLength.hour.start(of: until - 1) }
}
