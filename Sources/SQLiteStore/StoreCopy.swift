import GRDB
import Glibc
import PeakStore

/// Copies the database of a data directory into another file, beside a collector that goes on.
///
/// It is SQLite's backup of one snapshot: the copy is the database as it was when it began. As long
/// as it is under way the collector cannot cut its write-ahead log, which is therefore watched: the
/// copy is given up before the log grows beyond a bound.
public struct StoreCopy: Sendable {
    /// How far a copy has come, in bytes.
    public struct Progress: Hashable, Sendable {
        /// What is copied.
        public var copiedBytes: UInt64
        /// What there is to copy.
        public var totalBytes: UInt64
    }

    private let directory: String
    private let maximumLogBytes: Int64

    /// How far the write-ahead log may grow while a copy is made: 1 GiB.
    public static let usualMaximumLogBytes: Int64 = 1 << 30
    /// What is copied between two looks: 4 MiB of 4 KiB pages.
    private static let pagesPerStep: CInt = 1_024

    /// Copies from `dataDirectory`, and gives up when the log is larger than `maximumLogBytes`.
    public init(
        dataDirectory: String, maximumLogBytes: Int64 = StoreCopy.usualMaximumLogBytes
    ) {
        directory = dataDirectory
        self.maximumLogBytes = maximumLogBytes
    }

    private var source: String { directory + "/" + DataDirectory.databaseName }

    /// Copies into the empty or missing file `path`, which holds the whole database then.
    ///
    /// `onStep` is told how far it is after each step; what it throws ends the copy. Throws a
    /// `PeakStoreError` for everything else.
    public func copy(to path: String, onStep: (Progress) throws -> Void) throws {
        guard access(source, R_OK) == 0 else {
            let reason = errno == ENOENT ? "it is not there" : errorText(errno)
            throw PeakStoreError.refused(
                reason: "cannot read \(source) (\(reason)); run this on the collector's host as "
                    + "its user or root, and name its folder with --data-dir")
        }
        do {
            let from = try open()
            let target = try DatabaseQueue(path: path)
            try from.read { database in
                // The snapshot begins with the first read, and every step is of it.
                let pageBytes = try check(database)
                try target.writeWithoutTransaction { copy in
                    try withoutActuallyEscaping(onStep) { onStep in
                        try database.backup(
                            to: copy, pagesPerStep: StoreCopy.pagesPerStep
                        ) { step in
                            try checkLog()
                            try onStep(
                                Progress(
                                    copiedBytes: UInt64(step.completedPageCount) * pageBytes,
                                    totalBytes: UInt64(step.totalPageCount) * pageBytes))
                        }
                    }
                    // One file, which is read without a log beside it.
                    try copy.execute(sql: "PRAGMA journal_mode = DELETE")
                }
            }
            try target.close()
            try from.close()
        } catch let error as DatabaseError {
            throw StoreFailure.translate(error, path: source)
        }
    }

    private func open() throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        return try DatabaseQueue(path: source, configuration: configuration)
    }

    /// The size of a page of a database that is ours; throws for another program's.
    private func check(_ database: Database) throws -> UInt64 {
        guard
            try Int32.fetchOne(database, sql: "PRAGMA application_id") == Schema.applicationID
        else {
            throw PeakStoreError.notADatabase(
                path: source, reason: "it is another program's database")
        }
        return try UInt64.fetchOne(database, sql: "PRAGMA page_size") ?? 4_096
    }

    private func checkLog() throws {
        var status = stat()
        guard stat(source + "-wal", &status) == 0, status.st_size > maximumLogBytes else { return }
        throw PeakStoreError.refused(
            reason: "the copy takes too long: meanwhile the collector's log grew beyond "
                + "\(maximumLogBytes >> 20) MiB; write the copy to a faster disk, or try again "
                + "when less is going on")
    }
}
