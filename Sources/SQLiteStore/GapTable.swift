import GRDB
import MemoryModel
import PeakStore

/// Keeps gaps in the table `gap` during one transaction.
struct GapWriter {
    private let insert: PreparedStatement
    private let hosts: HostKeys

    /// A gap never changes, but its time may become known.
    private static let insertGap = """
        INSERT INTO gap (
            host, epoch, ordinal, reason, not_before_ms, not_after_ms, missed_count
        ) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
        ON CONFLICT DO UPDATE SET
            not_before_ms = excluded.not_before_ms, not_after_ms = excluded.not_after_ms
        WHERE not_after_ms IS NULL AND excluded.not_after_ms IS NOT NULL
        """

    /// Prepares the statement.
    init(_ database: Database, hosts: HostKeys) throws {
        insert = try PreparedStatement(GapWriter.insertGap, on: database)
        self.hosts = hosts
    }

    /// Makes `stored` and the row of its key one.
    func merge(_ stored: StoredGap, _ caches: inout WriterCaches) throws {
        try insert.bind(1, hosts.host(stored.host, &caches))
        try insert.bind(2, stored.epoch.storedBits)
        try insert.bind(3, stored.gap.ordinal.storedBits)
        try insert.bind(4, Int64(stored.gap.reason.rawValue))
        try insert.bind(5, stored.gap.bracket?.notBeforeMilliseconds)
        try insert.bind(6, stored.gap.bracket?.notAfterMilliseconds)
        try insert.bind(7, stored.gap.missedCount?.storedAmount)
        try insert.run()
    }
}

/// Reads gaps during one read.
struct GapReader {
    private let database: Database

    /// Prepares for reading from `database`.
    init(_ database: Database) {
        self.database = database
    }

    /// The gaps that overlap `range`, latest first.
    ///
    /// Those whose reason is not known to this program are passed over.
    func gaps(in range: StoredRange, limit: Int) throws -> [StoredGap] {
        let known = GapReason.allCases.map { String($0.rawValue) }.joined(separator: ", ")
        let row = try PreparedStatement(
            """
            SELECT host.host_id, gap.epoch, ordinal, reason, not_before_ms, not_after_ms, missed_count
            FROM gap CROSS JOIN host ON host.id = gap.host
            WHERE (not_after_ms IS NULL OR not_after_ms >= ?1 AND not_before_ms <= ?2)
                AND reason IN (\(known))
            ORDER BY not_after_ms DESC NULLS LAST, gap.host, gap.epoch, ordinal DESC LIMIT ?3
            """, on: database)
        defer { row.reset() }
        try range.bind(to: row, limit: limit)
        var gaps: [StoredGap] = []
        while try row.step() { gaps.append(try gap(row)) }
        return gaps
    }

    private func gap(_ row: PreparedStatement) throws -> StoredGap {
        guard let reason = GapReason(rawValue: try row.required(3, as: UInt8.self)) else {
            throw DamagedRow(reason: "a gap has an unknown reason")
        }
        return StoredGap(
            host: try HostReader.hostID(row, 0),
            epoch: UInt64(bitPattern: try row.required(1, as: Int64.self)),
            gap: Gap(
                ordinal: UInt64(bitPattern: try row.required(2, as: Int64.self)), reason: reason,
                bracket: RunReader.bracket(row, from: 4),
                missedCount: try row.value(6, as: UInt64.self)))
    }
}
