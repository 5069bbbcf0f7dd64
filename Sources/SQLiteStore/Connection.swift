import GRDB
import GRDBSQLite
import Glibc
import MemoryModel
import PeakStore

// How the store's connections to SQLite are set up.

extension SQLiteStore {
    /// The settings of every connection.
    static var configuration: Configuration {
        var configuration = Configuration()
        configuration.label = "highwater.store"
        // The writer has the file to itself but for users' own tools.
        configuration.busyMode = .timeout(5)
        configuration.maximumReaderCount = 4
        // The schema's references are documentation: rows are only written by this program, and
        // checking nine of them for each run would cost more than writing it.
        configuration.foreignKeysEnabled = false
        configuration.prepareDatabase { database in
            // Sorting must not need a writable or roomy temporary directory.
            try database.execute(sql: "PRAGMA temp_store = MEMORY")
            try database.execute(sql: "PRAGMA cache_size = -16384")
            // What is overwritten here is figures, not secrets; wiping it costs a fifth of the
            // time.
            try database.execute(sql: "PRAGMA secure_delete = OFF")
        }
        return configuration
    }

    /// Makes the writer's commits durable, bounds its log, and migrates the database.
    ///
    /// GRDB's pool sets `synchronous` to NORMAL after it has prepared the connection, under which
    /// a commit would not be flushed. So it is set here, after the pool is open, and read back.
    static func prepareWriter(_ database: Database, steps: [SchemaStep]) throws -> StoreID {
        try database.execute(sql: "PRAGMA synchronous = FULL")
        let synchronous = try synchronousSetting(of: database)
        guard synchronous == fullSynchronous else {
            throw PeakStoreError.failed(
                reason: "SQLite does not flush commits: synchronous is \(synchronous), not FULL")
        }
        // 64 MiB of 4 KiB pages. The pages of a fleet's runs change again with each commit, and a
        // checkpoint copies each of them once, however often it stands in the log.
        _ = try Int.fetchOne(database, sql: "PRAGMA wal_autocheckpoint = 16384")
        _ = try Int.fetchOne(database, sql: "PRAGMA journal_size_limit = \(64 << 20)")
        try database.execute(sql: "PRAGMA cache_size = -65536")
        var generator = SystemRandomNumberGenerator()
        return try Schema.migrate(
            database, by: steps, newStoreID: StoreID.random(using: &generator),
            nowMilliseconds: wallClockMilliseconds())
    }

    /// `PRAGMA synchronous` of a connection.
    static func synchronousSetting(of database: Database) throws -> Int {
        try Int.fetchOne(database, sql: "PRAGMA synchronous") ?? -1
    }

    /// Copies the write-ahead log into the database and cuts it to nothing, unless a reader still
    /// needs it.
    ///
    /// Returns whether it was cut.
    static func truncateLog(_ database: Database) throws -> Bool {
        // Commits wait meanwhile; a reader may hold them up only so long.
        try database.execute(sql: "PRAGMA busy_timeout = 100")
        defer { restoreBusyTimeout(database) }
        do {
            _ = try database.checkpoint(.truncate)
            return true
        } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
            return false
        }
    }

    /// What FULL is as a number.
    private static let fullSynchronous = 2

    private static func restoreBusyTimeout(_ database: Database) {
        guard let connection = database.sqliteConnection else { return }
        sqlite3_busy_timeout(connection, 5_000)
    }

    private static func wallClockMilliseconds() -> Int64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1_000 + Int64(now.tv_nsec) / 1_000_000
    }
}
