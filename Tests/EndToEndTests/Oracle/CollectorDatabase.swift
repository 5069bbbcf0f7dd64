import Foundation
import GRDB
import MemoryModel
import TestSupport

/// What a collector's database says, read as anybody may read it while it is in use.
struct CollectorDatabase {
    /// One row of `run`.
    struct Run: Sendable {
        var key: ProcessKey
        var peak: Peak?
        var endReason: Int?
    }

    /// One row of `fold`.
    struct Fold: Sendable {
        var name: FactName
        var program: [UInt8]
        var runCount: UInt64
        var sumOfPeaksBytes: UInt64
        var peakBytes: UInt64?
    }

    /// One stretch of time of which all peaks were purged, in UTC.
    struct Purge: Sendable {
        var stretch: TimeBracket
        var createdAtMilliseconds: Int64
    }

    let storeID: UniqueID
    private let runsByHost: [String: [Run]]
    private let foldsByHost: [String: [Fold]]
    private let purgedFoldsByHost: [String: [Fold]]
    private let purgesByHost: [String: [Purge]]
    private let registersByHost: [String: DatabaseRegisters]

    /// Reads the database in a collector's data directory.
    init(dataDirectory: String) throws {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(10)
        let queue = try DatabaseQueue(
            path: dataDirectory + "/highwater.db", configuration: configuration)
        let read = try queue.read { database in
            let store = try Data.fetchOne(database, sql: "SELECT store_id FROM store")
            guard let store, store.count == 16 else {
                throw Program.Failure(description: "the store has no id")
            }
            return (
                store: CollectorDatabase.id(store), runs: try CollectorDatabase.runs(database),
                folds: try CollectorDatabase.folds(database, table: "fold"),
                purgedFolds: try CollectorDatabase.folds(database, table: "purged_fold"),
                purges: try CollectorDatabase.purges(database),
                registers: try DatabaseRegisters.all(database)
            )
        }
        storeID = read.store
        runsByHost = read.runs
        foldsByHost = read.folds
        purgedFoldsByHost = read.purgedFolds
        purgesByHost = read.purges
        registersByHost = read.registers
    }

    /// The runs of a host.
    func runs(of host: String) -> [Run] { runsByHost[host] ?? [] }

    /// The folds of a host.
    func folds(of host: String) -> [Fold] { foldsByHost[host] ?? [] }

    /// The folds of a host that were taken away as a whole.
    func purgedFolds(of host: String) -> [Fold] { purgedFoldsByHost[host] ?? [] }

    /// The gaps, sums, counters, windows and ordinals of a host.
    func registers(of host: String) -> DatabaseRegisters {
        registersByHost[host] ?? DatabaseRegisters()
    }

    /// What was purged of a host.
    func purges(of host: String) -> [Purge] { purgesByHost[host] ?? [] }

    private static func id(_ bytes: Data) -> UniqueID {
        func half(_ bytes: Data) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
        return UniqueID(high: half(bytes.prefix(8)), low: half(bytes.suffix(8)))
    }

    private static func runs(_ database: Database) throws -> [String: [Run]] {
        let rows = try GRDB.Row.fetchCursor(
            database,
            sql: """
                SELECT host_id, pid, start_ticks, image, peak_bytes, peak_not_before_ms,
                    peak_not_after_ms, peak_source, end_reason
                FROM run JOIN boot ON boot.id = run.boot JOIN host ON host.id = boot.host
                """)
        var runs: [String: [Run]] = [:]
        while let row = try rows.next() {
            let start: Int64 = row["start_ticks"]
            let key = ProcessKey(
                pid: row["pid"], startTicks: UInt64(bitPattern: start), image: row["image"])
            runs[row["host_id"], default: []].append(
                Run(key: key, peak: peak(of: row), endReason: row["end_reason"]))
        }
        return runs
    }

    private static func folds(
        _ database: Database, table: String
    ) throws -> [String: [Fold]] {
        let rows = try GRDB.Row.fetchAll(
            database,
            sql: """
                SELECT host_id, fold.epoch, ordinal, name.bytes AS program, run_count,
                    sum_of_peaks_bytes, peak_bytes
                FROM \(table) AS fold JOIN host ON host.id = fold.host
                    JOIN name ON name.id = fold.program
                """)
        var folds: [String: [Fold]] = [:]
        for row in rows {
            let numbers = try ["epoch", "ordinal", "run_count", "sum_of_peaks_bytes"].map {
                UInt64(bitPattern: try row.decode(Int64.self, forColumn: $0))
            }
            let peak: Int64? = row["peak_bytes"]
            let program: Data = row["program"]
            folds[row["host_id"], default: []].append(
                Fold(
                    name: FactName(epoch: numbers[0], ordinal: numbers[1]),
                    program: Array(program), runCount: numbers[2], sumOfPeaksBytes: numbers[3],
                    peakBytes: peak.map { UInt64($0) }))
        }
        return folds
    }

    private static func purges(_ database: Database) throws -> [String: [Purge]] {
        let rows = try GRDB.Row.fetchAll(
            database,
            sql: """
                SELECT host_id, since_at_ms, until_at_ms, created_at_ms
                FROM tombstone JOIN host ON host.id = tombstone.host
                """)
        var purges: [String: [Purge]] = [:]
        for row in rows {
            let stretch = TimeBracket(
                notBeforeMilliseconds: row["since_at_ms"],
                notAfterMilliseconds: row["until_at_ms"])
            purges[row["host_id"], default: []].append(
                Purge(stretch: stretch, createdAtMilliseconds: row["created_at_ms"]))
        }
        return purges
    }

    private static func peak(of row: GRDB.Row) -> Peak? {
        let bytes: Int64? = row["peak_bytes"]
        let source: UInt8? = row["peak_source"]
        guard let bytes, let source = source.flatMap(PeakSource.init(rawValue:)) else { return nil }
        let begin: Int64? = row["peak_not_before_ms"]
        let end: Int64? = row["peak_not_after_ms"]
        var bracket: TimeBracket?
        if let begin, let end {
            bracket = TimeBracket(notBeforeMilliseconds: begin, notAfterMilliseconds: end)
        }
        return Peak(bytes: UInt64(bytes), bracket: bracket, source: source)
    }
}
