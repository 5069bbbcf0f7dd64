import GRDB
import Glibc
public import MemoryModel
public import PeakStore
public import Report
import Synchronization

/// The store in one SQLite file, `highwater.db` in a data directory.
///
/// `Protocol/store-v1.md` describes the file. There is one writer; its transactions are flushed to
/// the disk before they return. Reads go on beside it, each on a snapshot of its own.
public final class SQLiteStore: HistoryStoring {
    /// The name of this store, drawn when its database was made.
    public let storeID: StoreID

    /// The newest version of the database that this program can read.
    public static let schemaVersion = Schema.steps.last?.version ?? 0

    // The pool stands before the directory, so that it is gone when the lock goes.
    private let pool: DatabasePool
    private let directory: DataDirectory
    private let file: DatabaseFile
    private let writer = Mutex(WriterState())
    private let maximumLogBytes: Int64

    /// Above this the write-ahead log is copied into the database and cut to nothing: 256 MiB, four
    /// times what it has when nobody's reading holds it up.
    static let defaultMaximumLogBytes: Int64 = 256 << 20

    /// By how many times the log may be larger than that while reads need it: 2, so 512 MiB.
    static let patienceWithReads: Int64 = 2

    /// Opens the store in `dataDirectory`, making both if they are missing, and brings a database
    /// of an older version to the present one.
    ///
    /// Throws a `PeakStoreError`; a database of a newer version, another program's file and
    /// something that is no database at all are left as they are.
    public convenience init(dataDirectory: String) throws {
        try self.init(
            dataDirectory: dataDirectory, steps: Schema.steps,
            maximumLogBytes: SQLiteStore.defaultMaximumLogBytes)
    }

    init(dataDirectory: String, steps: [SchemaStep], maximumLogBytes: Int64) throws {
        let directory = try DataDirectory(path: dataDirectory)
        self.directory = directory
        self.maximumLogBytes = maximumLogBytes
        let path = directory.databasePath
        do {
            file = try directory.openDatabaseFile()
            try file.check(
                supportedVersion: steps.last?.version ?? 0,
                hasLog: directory.writeAheadLogBytes() > 0)
            let pool = try DatabasePool(path: path, configuration: SQLiteStore.configuration)
            self.pool = pool
            storeID = try pool.writeWithoutTransaction { database in
                try SQLiteStore.prepareWriter(database, steps: steps)
            }
        } catch {
            throw StoreFailure.translate(error, path: path)
        }
        try finishPurges()
    }

    var databasePath: String { directory.databasePath }

    func writeAheadLogBytes() -> Int64 { directory.writeAheadLogBytes() }

    /// `PRAGMA synchronous` as the writer has it: 2 is FULL.
    public func synchronousSetting() throws -> Int {
        try access {
            try pool.writeWithoutTransaction { try SQLiteStore.synchronousSetting(of: $0) }
        }
    }

    /// Copies the write-ahead log into the database, so that the one file holds everything, and
    /// closes it for another collector to open.
    ///
    /// Whatever is asked of the store afterwards throws.
    public func close() throws {
        try access {
            try pool.writeWithoutTransaction { database in
                _ = try SQLiteStore.truncateLog(database)
            }
            try pool.close()
        }
        directory.unlock()
    }

    /// Writes the whole batch in one transaction and returns once it is on the disk.
    ///
    /// Throws a `PeakStoreError`; then nothing of the batch may be acknowledged. A full disk and a
    /// database that another program keeps locked may be tried again; after any other failure
    /// every further commit throws the same.
    public func commit(_ batch: CommitBatch) throws {
        guard !batch.isEmpty else {
            // Also then it must be known whether anything may be acknowledged.
            return try writer.withLock { if let failure = $0.failure { throw failure } }
        }
        try write { try SQLiteStore.write(batch, to: $0, &$1) }
    }

    /// Runs `body` in one transaction, which is on the disk when this returns.
    func write<Result: Sendable>(
        _ body: (Database, inout WriterCaches) throws -> Result
    ) throws -> Result {
        try writer.withLock { state in
            if let failure = state.failure { throw failure }
            guard directory.stillHolds(file) else {
                throw state.fail(
                    .failed(reason: "\(directory.databasePath) was removed or replaced"))
            }
            return try pool.writeWithoutTransaction { database in
                var result: Result?
                do {
                    try database.inTransaction(.immediate) {
                        try state.caches.readTombstones(database)
                        result = try body(database, &state.caches)
                        return .commit
                    }
                } catch {
                    state.caches.removeAll()
                    throw state.fail(error, path: directory.databasePath, on: database)
                }
                bound(database, &state)
                guard let result else { throw PeakStoreError.failed(reason: "nothing was done") }
                return result
            }
        }
    }

    /// Every host that was ever heard of, ordered by host id.
    ///
    /// A host of which only runs or counters were committed is not among them.
    public func hosts() throws -> [StoredHost] {
        try read { database in
            var reader = try HostReader(database)
            return try reader.hosts()
        }
    }

    /// The runs of `host` that have not ended, of any boot.
    public func openRuns(of host: HostID) throws -> [StoredRun] {
        try read { database in
            let row = try PreparedStatement(SQLiteStore.selectOpenRuns, on: database)
            defer { row.reset() }
            try row.bind(1, text: host.text)
            var reader = try RunReader(database)
            var runs: [StoredRun] = []
            while try row.step() { runs.append(try reader.run(row)) }
            return runs
        }
    }

    /// The runs that overlap the range of `query` and pass its filters, largest peak first.
    ///
    /// A run whose end or beginning is not known counts as overlapping on that side.
    public func runs(matching query: ReportQuery, limit: Int) throws -> RunSelection {
        try runs(matching: query, limit: limit, fewRuns: RunSearch.fewRuns)
    }

    /// Walks over every run that overlaps the range of `query` and passes its filters.
    public func walk<Result>(
        matching query: ReportQuery, _ body: (any RunWalk) throws -> Result
    ) throws -> Result {
        try walk(matching: query, fewRuns: RunSearch.fewRuns, body)
    }

    func walk<Result>(
        matching query: ReportQuery, fewRuns: Int64, _ body: (any RunWalk) throws -> Result
    ) throws -> Result {
        try read { database in
            let walker = try RunWalker(query, database, fewRuns: fewRuns)
            defer { walker.close() }
            return try body(walker)
        }
    }

    func runs(matching query: ReportQuery, limit: Int, fewRuns: Int64) throws -> RunSelection {
        try read { database in
            var search = try RunSearch(query, database, fewRuns: fewRuns)
            return try search.run(limit: limit)
        }
    }

    /// Totals of the agents' counters by host, each summed over the epochs of its agent.
    public func counters() throws -> [HostID: [CounterReason: UInt64]] {
        try read { try HostReader($0).counters() }
    }

    private static let selectOpenRuns = """
        SELECT \(RunReader.columns)
        FROM host CROSS JOIN boot ON boot.host = host.id
        CROSS JOIN run INDEXED BY run_open ON run.boot = boot.id
        WHERE host.host_id = ?1 AND run.end_reason IS NULL
        """

    private static func write(
        _ batch: CommitBatch, to database: Database, _ caches: inout WriterCaches
    ) throws {
        let names = try NameWriter(database)
        let keys = try HostKeys(database)
        let applied = try AppliedWriter(database)
        let hosts = try HostWriter(database, names: names, hosts: keys)
        for host in batch.hosts { try hosts.merge(host, &caches) }
        let runs = try RunWriter(database, names: names, hosts: keys, applied: applied)
        for run in batch.runs { try runs.merge(run, &caches) }
        let folds = try FoldWriter(database, names: names, hosts: keys, applied: applied)
        for fold in batch.folds { try folds.merge(fold, &caches) }
        try applied.flush(&caches)
        for counters in batch.counters { try hosts.merge(counters, &caches) }
        let totals = try TotalWriter(database, names: names, hosts: keys)
        for total in batch.totals { try totals.merge(total, &caches) }
        let cgroups = try CgroupWriter(database, names: names, hosts: keys)
        for cgroup in batch.cgroups { try cgroups.merge(cgroup, &caches) }
        let kills = try KillWriter(database, names: names, hosts: keys)
        for kill in batch.kills { try kills.merge(kill, &caches) }
        let gaps = try GapWriter(database, hosts: keys)
        for gap in batch.gaps { try gaps.merge(gap, &caches) }
        let health = try HealthWriter(database, hosts: keys)
        for said in batch.health { try health.merge(said, &caches) }
        try writeParts(batch, to: database, names: names, hosts: keys, &caches)
        guard !batch.windows.isEmpty || !batch.coverage.isEmpty else { return }
        let windows = try WindowWriter(database, hosts: keys)
        try windows.merge(batch.windows, batch.coverage, &caches)
    }

    /// Cuts the write-ahead log when it has grown large.
    ///
    /// What was committed is safe already, so that a full disk or a reader in the way only puts
    /// this off; a reader that is in the way for very long is ended. Anything else that fails here
    /// makes the next commit fail.
    private func bound(_ database: Database, _ state: inout WriterState) {
        guard directory.writeAheadLogBytes() > maximumLogBytes else { return }
        do {
            let isCut = try SQLiteStore.truncateLog(database)
            let length = directory.writeAheadLogBytes() / SQLiteStore.patienceWithReads
            // Whoever has read for so long may ask for less; the log would fill the disk.
            if !isCut, length > maximumLogBytes { pool.interrupt() }
        } catch {
            _ = state.fail(error, path: directory.databasePath, on: database)
        }
    }

    func read<Result>(_ body: (Database) throws -> Result) throws -> Result {
        try access { try pool.read(body) }
    }

    private func access<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch {
            throw StoreFailure.translate(error, path: directory.databasePath)
        }
    }
}

/// What only the writer touches.
private struct WriterState {
    var caches = WriterCaches()
    /// Why nothing may be committed any more.
    var failure: PeakStoreError?

    mutating func fail(_ failure: PeakStoreError) -> PeakStoreError {
        self.failure = failure
        return failure
    }

    mutating func fail(
        _ error: any Error, path: String, on database: Database
    ) -> PeakStoreError {
        let meaning = StoreFailure.translate(
            error, path: path, systemError: database.systemError)
        if StoreFailure.isFinal(error, meaning: meaning) { failure = meaning }
        return meaning
    }
}
