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

    let storeID: UniqueID
    private let runsByHost: [String: [Run]]

    /// Reads the database in a collector's data directory.
    init(dataDirectory: String) throws {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(10)
        let queue = try DatabaseQueue(
            path: dataDirectory + "/highwater.db", configuration: configuration)
        (storeID, runsByHost) = try queue.read { database in
            let store = try Data.fetchOne(database, sql: "SELECT store_id FROM store")
            guard let store, store.count == 16 else {
                throw Program.Failure(description: "the store has no id")
            }
            return (CollectorDatabase.id(store), try CollectorDatabase.runs(database))
        }
    }

    /// The runs of a host.
    func runs(of host: String) -> [Run] { runsByHost[host] ?? [] }

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
