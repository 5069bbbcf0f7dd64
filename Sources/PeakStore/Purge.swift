public import MemoryModel

/// What is to be purged: every peak of a host whose time overlaps a stretch of UTC.
public struct PurgeRequest: Hashable, Sendable {
    /// The host.
    public var host: HostID
    /// The beginning of the stretch, in milliseconds since the epoch.
    public var sinceMilliseconds: Int64
    /// Its end, itself included.
    public var untilMilliseconds: Int64

    /// Takes the parts as they are.
    public init(host: HostID, sinceMilliseconds: Int64, untilMilliseconds: Int64) {
        self.host = host
        self.sinceMilliseconds = sinceMilliseconds
        self.untilMilliseconds = untilMilliseconds
    }

    /// Whether something that happened in `bracket`, in UTC, is meant; not if nobody knows when.
    public func covers(_ bracket: TimeBracket?) -> Bool {
        guard let bracket else { return false }
        return bracket.notBeforeMilliseconds <= untilMilliseconds
            && bracket.notAfterMilliseconds >= sinceMilliseconds
    }

    /// Whether something that happened at `milliseconds` is meant; not if nobody knows when.
    public func covers(atMilliseconds milliseconds: Int64?) -> Bool {
        covers(
            milliseconds.map {
                TimeBracket(notBeforeMilliseconds: $0, notAfterMilliseconds: $0)
            })
    }
}

/// What stands where something was purged, so that no copy of it comes back.
public struct Tombstone: Hashable, Sendable {
    /// Its number, from 1, never used again.
    public var id: Int64
    /// What was purged.
    public var request: PurgeRequest
    /// When, in milliseconds since the epoch.
    public var createdAtMilliseconds: Int64

    /// Takes the parts as they are.
    public init(id: Int64, request: PurgeRequest, createdAtMilliseconds: Int64) {
        self.id = id
        self.request = request
        self.createdAtMilliseconds = createdAtMilliseconds
    }
}

extension Tombstone {
    /// The most that stand for one host at a time, so that checking for them stays quick.
    public static let maximumCountOfHost = 256
}

/// How much a purge took away, or an undo brought back.
public struct PurgeOutcome: Hashable, Sendable {
    /// The tombstone.
    public var tombstone: Tombstone
    /// Runs whose peak it concerns.
    public var runs: Int
    /// Sums by hour.
    public var totals: Int
    /// Cgroups.
    public var cgroups: Int
    /// Folds.
    public var folds: Int
    /// Sections, each of a start of its agent.
    public var sections: Int
    /// Windows of runs: minutes, and hours of agents that had no room for those.
    public var windows: Int

    /// Takes the parts as they are.
    public init(
        tombstone: Tombstone, runs: Int, totals: Int, cgroups: Int, folds: Int,
        sections: Int = 0, windows: Int = 0
    ) {
        self.tombstone = tombstone
        self.runs = runs
        self.totals = totals
        self.cgroups = cgroups
        self.folds = folds
        self.sections = sections
        self.windows = windows
    }
}
