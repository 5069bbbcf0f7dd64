import GRDB
public import MemoryModel
public import PeakStore

// What a store keeps beside hosts and runs.

extension SQLiteStore {
    /// The greatest sums of `kinds` in the hours that overlap the range, by host, subject and hour.
    public func totals(
        of kinds: Set<TotalKind>, sinceMilliseconds: Int64?, untilMilliseconds: Int64?, limit: Int
    ) throws -> [StoredTotal] {
        let range = StoredRange(since: sinceMilliseconds, until: untilMilliseconds)
        return try read { database in
            var reader = try TotalReader(database)
            return try reader.totals(of: kinds, in: range, limit: limit)
        }
    }

    /// The cgroups that were last seen at the beginning of the range or later, largest peak first.
    ///
    /// Those of a boot that is known to have begun after the range are left out.
    public func cgroups(
        sinceMilliseconds: Int64?, untilMilliseconds: Int64?, limit: Int
    ) throws -> [StoredCgroup] {
        let range = StoredRange(since: sinceMilliseconds, until: untilMilliseconds)
        return try read { database in
            var reader = try CgroupReader(database)
            return try reader.cgroups(in: range, limit: limit)
        }
    }

    /// The kills in the range, latest first; those at an unknown time are in every range.
    public func kills(
        sinceMilliseconds: Int64?, untilMilliseconds: Int64?, limit: Int
    ) throws -> [StoredKill] {
        let range = StoredRange(since: sinceMilliseconds, until: untilMilliseconds)
        return try read { database in
            var reader = try KillReader(database)
            return try reader.kills(in: range, limit: limit)
        }
    }

    /// The gaps that overlap the range, latest first; those at an unknown time are in every range.
    public func gaps(
        sinceMilliseconds: Int64?, untilMilliseconds: Int64?, limit: Int
    ) throws -> [StoredGap] {
        let range = StoredRange(since: sinceMilliseconds, until: untilMilliseconds)
        return try read { try GapReader($0).gaps(in: range, limit: limit) }
    }

    /// What each host's agent last said of itself.
    public func health() throws -> [HostID: StoredHealth] {
        try read { try HealthReader($0).health() }
    }

    /// The runs of these keys, as far as they are there.
    public func runs(_ keys: [RunKey]) throws -> [RunKey: StoredRun] {
        try read { database in
            let row = try PreparedStatement(SQLiteStore.selectRun, on: database)
            defer { row.reset() }
            var reader = try RunReader(database)
            var runs: [RunKey: StoredRun] = [:]
            for key in keys where runs[key] == nil {
                try row.bind(1, text: key.host.text)
                try row.bind(2, bytes: key.boot.bytes)
                try row.bind(3, Int64(key.process.pid))
                try row.bind(4, key.process.startTicks.storedBits)
                try row.bind(5, Int64(key.process.image))
                if try row.step() { runs[key] = try reader.run(row) }
                row.reset()
            }
            return runs
        }
    }

    private static let selectRun = """
        SELECT \(RunReader.columns)
        FROM host CROSS JOIN boot ON boot.host = host.id CROSS JOIN run ON run.boot = boot.id
        WHERE host.host_id = ?1 AND boot.boot_id = ?2
            AND run.pid = ?3 AND run.start_ticks = ?4 AND run.image = ?5
        """
}
