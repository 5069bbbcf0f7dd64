import GRDB
public import MemoryModel
public import PeakStore

// A walk over all runs in many short reads, so that the write-ahead log never waits for its end.

extension SQLiteStore {
    /// The runs that follow `position`, in the order of their keys in the database.
    public func runs(after position: RunKey?, limit: Int) throws -> [StoredRun] {
        try read { database in
            let start = try position.map { try SQLiteStore.boot(of: $0, database) } ?? -1
            let row = try PreparedStatement(SQLiteStore.selectFollowing, on: database)
            defer { row.reset() }
            try row.bind(1, start)
            try row.bind(2, Int64(position?.process.pid ?? 0))
            try row.bind(3, (position?.process.startTicks ?? 0).storedBits)
            try row.bind(4, Int64(position?.process.image ?? 0))
            try row.bind(5, Int64(limit))
            var reader = try RunReader(database)
            var runs: [StoredRun] = []
            while try row.step() { runs.append(try reader.run(row)) }
            return runs
        }
    }

    private static func boot(of key: RunKey, _ database: Database) throws -> Int64 {
        let row = try PreparedStatement(
            """
            SELECT boot.id FROM host CROSS JOIN boot ON boot.host = host.id
            WHERE host.host_id = ?1 AND boot.boot_id = ?2
            """, on: database)
        defer { row.reset() }
        try row.bind(1, text: key.host.text)
        try row.bind(2, bytes: key.boot.bytes)
        guard try row.step() else {
            throw PeakStoreError.refused(reason: "a host went away meanwhile; begin again")
        }
        return try row.required(0, as: Int64.self)
    }

    private static let selectFollowing = """
        SELECT \(RunReader.columns) FROM run
        WHERE (boot, pid, start_ticks, image) > (?1, ?2, ?3, ?4)
        ORDER BY boot, pid, start_ticks, image LIMIT ?5
        """
}
