import GRDB
import MemoryModel
public import PeakStore

// How much of the disk what takes.

extension SQLiteStore: StoreMeasuring {
    /// The sizes by host, from the sizes that stand beside the blocks and the number of runs.
    ///
    /// A block's size is its bytes; what its pages waste counts as everything else.
    public func sizes() throws -> StoreSizes {
        try read { database in
            var sizes = StoreSizes()
            try add("sum(block_bytes)", of: "window_hour", \.minutesBytes, to: &sizes, database)
            try add("count(*)", of: "run INDEXED BY run_by_peak", \.runCount, to: &sizes, database)
            try addSubjects(to: &sizes, database)
            func pragma(_ name: String) throws -> UInt64 {
                UInt64(max(0, try Int64.fetchOne(database, sql: "PRAGMA \(name)") ?? 0))
            }
            let page = try pragma("page_size")
            sizes.reusableBytes = try pragma("freelist_count") * page
            let file = try pragma("page_count") * page
            let known = sizes.whole.bytes + sizes.reusableBytes
            sizes.share(file > known ? file - known : 0)
            return sizes
        }
    }

    private func add(
        _ what: String, of table: String,
        _ field: WritableKeyPath<StoreSizes.Part, UInt64>, to sizes: inout StoreSizes,
        _ database: Database
    ) throws {
        let name = table.split(separator: " ")[0]
        let row = try PreparedStatement(
            """
            SELECT host.host_id, sum(part) FROM (
                SELECT boot, \(what) AS part FROM \(table) GROUP BY boot
            ) AS \(name)_part
            JOIN boot ON boot.id = \(name)_part.boot JOIN host ON host.id = boot.host
            GROUP BY host.id
            """, on: database)
        defer { row.reset() }
        while try row.step() {
            let bytes = try row.required(1, as: UInt64.self)
            sizes.hosts[try HostReader.hostID(row, 0), default: .init()][keyPath: field] = bytes
            sizes.whole[keyPath: field] += bytes
        }
    }

    private func addSubjects(to sizes: inout StoreSizes, _ database: Database) throws {
        let row = try PreparedStatement(
            """
            SELECT host.host_id, length, sum(block_bytes)
            FROM subject_block INDEXED BY subject_block_size
            JOIN host ON host.id = subject_block.host GROUP BY subject_block.host, length
            """, on: database)
        defer { row.reset() }
        while try row.step() {
            let bytes = try row.required(2, as: UInt64.self)
            let isHour = row.number(1) == Int64(WindowLength.hour.rawValue)
            let field = isHour ? \StoreSizes.Part.hoursBytes : \.daysBytes
            sizes.hosts[try HostReader.hostID(row, 0), default: .init()][keyPath: field] += bytes
            sizes.whole[keyPath: field] += bytes
        }
    }
}

extension StoreSizes {
    /// Divides what is not accounted for by the number of runs.
    fileprivate mutating func share(_ bytes: UInt64) {
        whole.runsBytes = bytes
        let each = Double(bytes) / Double(max(1, whole.runCount))
        hosts = hosts.mapValues { part in
            var part = part
            part.runsBytes = UInt64(Double(part.runCount) * each)
            return part
        }
    }
}
