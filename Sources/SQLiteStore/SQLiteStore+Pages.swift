import GRDB
public import MemoryModel
public import PeakStore

// What pages about one subject ask for.

extension SQLiteStore {
    /// The runs whose short names begin with `name`, in no order, at most `limit` of them.
    ///
    /// There is no index for it: it would add half to what writing a new run costs. The keys of all
    /// runs stand in the index by peak, which is read in their stead.
    public func runs(named name: ShortRunID, limit: Int) throws -> [StoredRun] {
        try read { database in
            let found = try SQLiteStore.keys(named: name, limit: limit, database)
            let row = try PreparedStatement(
                """
                SELECT \(RunReader.columns) FROM run
                WHERE boot = ?1 AND pid = ?2 AND start_ticks = ?3 AND image = ?4
                """, on: database)
            defer { row.reset() }
            var reader = try RunReader(database)
            var runs: [StoredRun] = []
            for (boot, key) in found {
                try row.bind(1, boot)
                try row.bind(2, Int64(key.pid))
                try row.bind(3, key.startTicks.storedBits)
                try row.bind(4, Int64(key.image))
                if try row.step() { runs.append(try reader.run(row)) }
                row.reset()
            }
            return runs
        }
    }

    private static func keys(
        named name: ShortRunID, limit: Int, _ database: Database
    ) throws -> [(boot: Int64, key: ProcessKey)] {
        let row = try PreparedStatement(
            "SELECT boot, pid, start_ticks, image FROM run INDEXED BY run_by_peak", on: database)
        defer { row.reset() }
        var boots = try BootReader(database)
        var hashes: [Int64: ShortRunHash] = [:]
        var found: [(Int64, ProcessKey)] = []
        while found.count < limit, try row.step() {
            let boot = try row.required(0, as: Int64.self)
            let key = try RunReader.key(row)
            let hash: ShortRunHash
            if let known = hashes[boot] {
                hash = known
            } else {
                let names = try boots.boot(boot)
                hash = ShortRunHash(host: names.host, boot: names.boot)
                hashes[boot] = hash
            }
            if name.matches(hash: hash[key]) { found.append((boot, key)) }
        }
        return found
    }

    /// The greatest figures of hosts by hour, without what they were made of, by host and hour.
    public func hourlyTotals(
        of kind: TotalKind, on host: HostID?, sinceMilliseconds: Int64?,
        untilMilliseconds: Int64?, limit: Int
    ) throws -> [StoredTotal] {
        let range = StoredRange(since: sinceMilliseconds, until: untilMilliseconds)
        return try read { database in
            var reader = try TotalReader(database)
            return try reader.hourlyTotals(of: kind, on: host, in: range, limit: limit)
        }
    }
}
