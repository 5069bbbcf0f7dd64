import GRDB
import MemoryModel
import PeakStore

/// Merges greatest sums into the tables `total` and `total_share` during one transaction.
struct TotalWriter {
    private let raise: PreparedStatement
    private let deleteShares: PreparedStatement
    private let insertShare: PreparedStatement
    private let names: NameWriter
    private let hosts: HostKeys

    /// The greater sum stays, whole: more bytes; a known time over an unknown one; the earlier
    /// time; more runs.
    private static let raiseSum = """
        INSERT INTO total (kind, hour_at_ms, host, name, boot, bytes, at_ms, run_count)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
        ON CONFLICT DO UPDATE SET
            boot = excluded.boot, bytes = excluded.bytes, at_ms = excluded.at_ms,
            run_count = excluded.run_count
        WHERE excluded.bytes > bytes OR excluded.bytes = bytes AND CASE
            WHEN (excluded.at_ms IS NULL) <> (at_ms IS NULL) THEN at_ms IS NULL
            WHEN excluded.at_ms <> at_ms THEN excluded.at_ms < at_ms
            ELSE excluded.run_count > run_count END
        """

    /// Prepares the statements.
    init(_ database: Database, names: NameWriter, hosts: HostKeys) throws {
        raise = try PreparedStatement(TotalWriter.raiseSum, on: database)
        deleteShares = try PreparedStatement(
            "DELETE FROM total_share WHERE hour_at_ms = ?1 AND host = ?2", on: database)
        insertShare = try PreparedStatement(
            """
            INSERT INTO total_share (
                hour_at_ms, host, rank, pid, start_ticks, image, resident_bytes
            ) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
            """, on: database)
        self.names = names
        self.hosts = hosts
    }

    /// Makes `total` and the row of its key one.
    func merge(_ total: StoredTotal, _ caches: inout WriterCaches) throws {
        let host = try hosts.host(total.host, &caches)
        try raise.bind(1, Int64(total.subject.kind.rawValue))
        try raise.bind(2, total.hourMilliseconds)
        try raise.bind(3, host)
        try raise.bind(4, names.id(of: total.subject.name, &caches.names))
        try raise.bind(5, hosts.boot(total.boot, of: total.host, &caches))
        try raise.bind(6, total.peak.bytes.storedAmount)
        try raise.bind(7, total.peak.atMilliseconds)
        try raise.bind(8, total.peak.runCount.storedAmount)
        let isKept = try raise.run() > 0
        guard isKept, total.subject.kind == .hostUsed else { return }
        try replaceShares(of: host, total)
    }

    private func replaceShares(of host: Int64, _ total: StoredTotal) throws {
        try deleteShares.bind(1, total.hourMilliseconds)
        try deleteShares.bind(2, host)
        try deleteShares.run()
        let shares = total.peak.composition.prefix(TotalPeak.maximumShares)
        for (rank, share) in shares.enumerated() {
            try insertShare.bind(1, total.hourMilliseconds)
            try insertShare.bind(2, host)
            try insertShare.bind(3, Int64(rank))
            try insertShare.bind(4, Int64(share.key.pid))
            try insertShare.bind(5, share.key.startTicks.storedBits)
            try insertShare.bind(6, Int64(share.key.image))
            try insertShare.bind(7, share.residentBytes.storedAmount)
            try insertShare.run()
        }
    }
}

/// Reads greatest sums during one read.
struct TotalReader {
    private let database: Database
    private let shares: PreparedStatement
    private var names: NameReader
    private var boots: BootReader

    /// Prepares for reading from `database`.
    init(_ database: Database) throws {
        self.database = database
        names = try NameReader(database)
        boots = try BootReader(database)
        shares = try PreparedStatement(
            """
            SELECT rank, pid, start_ticks, image, resident_bytes FROM total_share
            WHERE hour_at_ms = ?1 AND host = ?2 ORDER BY rank
            """, on: database)
    }

    /// The sums of `kinds` in the hours that overlap `range`, by host, subject and hour.
    mutating func totals(
        of kinds: Set<TotalKind>, in range: StoredRange, limit: Int
    ) throws -> [StoredTotal] {
        let list = kinds.map { String($0.rawValue) }.sorted().joined(separator: ", ")
        let row = try PreparedStatement(
            """
            SELECT total.boot, kind, total.name, hour_at_ms, total.bytes, at_ms, run_count,
                total.host
            FROM total CROSS JOIN host ON host.id = total.host
            CROSS JOIN name ON name.id = total.name
            WHERE kind IN (\(list)) AND hour_at_ms > ?1 AND hour_at_ms <= ?2
            ORDER BY host.host_id, kind, name.bytes, hour_at_ms LIMIT ?3
            """, on: database)
        defer { row.reset() }
        try row.bind(
            1,
            max(range.since, .min + StoredTotal.hourLengthMilliseconds)
                - StoredTotal.hourLengthMilliseconds)
        try row.bind(2, range.until)
        try row.bind(3, StoredRange.limit(limit))
        var totals: [StoredTotal] = []
        while try row.step() { totals.append(try total(row)) }
        return totals
    }

    private mutating func total(_ row: PreparedStatement) throws -> StoredTotal {
        let boot = try boots.boot(row.required(0, as: Int64.self))
        guard let kind = TotalKind(rawValue: try row.required(1, as: UInt8.self)) else {
            throw DamagedRow(reason: "a sum is of an unknown kind")
        }
        // By way of the reader, so that a name that stands in many rows takes memory once.
        let name = try names.name(row.required(2, as: Int64.self))
        let hour = try row.required(3, as: Int64.self)
        var peak = TotalPeak(
            bytes: try row.required(4, as: UInt64.self), atMilliseconds: row.number(5),
            runCount: try row.required(6, as: UInt64.self))
        if kind == .hostUsed {
            peak.composition = try composition(hour: hour, host: row.required(7, as: Int64.self))
        }
        return StoredTotal(
            host: boot.host, boot: boot.boot,
            subject: TotalSubject(kind: kind, name: name),
            hourMilliseconds: hour, peak: peak)
    }

    private func composition(hour: Int64, host: Int64) throws -> [TotalShare] {
        try shares.bind(1, hour)
        try shares.bind(2, host)
        defer { shares.reset() }
        var composition: [TotalShare] = []
        while try shares.step() {
            composition.append(
                TotalShare(
                    key: try RunReader.key(shares),
                    residentBytes: try shares.required(4, as: UInt64.self)))
        }
        return composition
    }
}
