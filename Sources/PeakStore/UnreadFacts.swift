public import MemoryModel

/// For stores that do not keep these facts yet: nothing of them is known.
extension PeakStoring {
    /// No totals.
    public func totals(
        of kinds: Set<TotalKind>, sinceMilliseconds: Int64?, untilMilliseconds: Int64?, limit: Int
    ) throws -> [StoredTotal] { [] }

    /// No cgroups.
    public func cgroups(
        sinceMilliseconds: Int64?, untilMilliseconds: Int64?, limit: Int
    ) throws -> [StoredCgroup] { [] }

    /// No kills.
    public func kills(
        sinceMilliseconds: Int64?, untilMilliseconds: Int64?, limit: Int
    ) throws -> [StoredKill] { [] }

    /// No gaps.
    public func gaps(
        sinceMilliseconds: Int64?, untilMilliseconds: Int64?, limit: Int
    ) throws -> [StoredGap] { [] }

    /// Of no agent.
    public func health() throws -> [HostID: StoredHealth] { [:] }

    /// No runs.
    public func runs(_ keys: [RunKey]) throws -> [RunKey: StoredRun] { [:] }
}
