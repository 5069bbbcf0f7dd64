import GRDB
import MemoryModel
import PeakStore

/// Merges greatest sums into the tables `total` and `total_share`, or into those of what was
/// purged, during one transaction.
struct TotalWriter {
    private let kept: TotalStatements
    private let purged: TotalStatements
    private let names: NameWriter
    private let hosts: HostKeys

    /// Prepares the statements.
    init(_ database: Database, names: NameWriter, hosts: HostKeys) throws {
        kept = try TotalStatements(database, tables: .kept)
        purged = try TotalStatements(database, tables: .purged)
        self.names = names
        self.hosts = hosts
    }

    /// Makes `total` and the row of its key one, or sets it aside where it was purged.
    func merge(_ total: StoredTotal, _ caches: inout WriterCaches) throws {
        let moment = total.peak.atMilliseconds.map {
            TimeBracket(notBeforeMilliseconds: $0, notAfterMilliseconds: $0)
        }
        if let tombstone = caches.tombstone(over: moment, of: total.host) {
            try setAside(total, under: tombstone, &caches)
        } else {
            try kept.merge(row(total, &caches), total.peak.composition)
        }
    }

    /// Makes `total` and what of its key is set aside under a tombstone one.
    func setAside(
        _ total: StoredTotal, under tombstone: Int64, _ caches: inout WriterCaches
    ) throws {
        try purged.merge(row(total, &caches), total.peak.composition, under: tombstone)
    }

    /// Takes `total` out of the store; its row is there.
    func delete(_ total: StoredTotal, _ caches: inout WriterCaches) throws {
        try kept.delete(row(total, &caches))
    }

    /// Forgets `total` as one that is set aside under a tombstone.
    func deleteAside(
        _ total: StoredTotal, under tombstone: Int64, _ caches: inout WriterCaches
    ) throws {
        try purged.delete(row(total, &caches), under: tombstone)
    }

    private func row(_ total: StoredTotal, _ caches: inout WriterCaches) throws -> TotalRow {
        TotalRow(
            kind: total.subject.kind, hour: total.hourMilliseconds,
            host: try hosts.host(total.host, &caches),
            name: try names.id(of: total.subject.name, &caches.names),
            boot: try hosts.boot(total.boot, of: total.host, &caches), peak: total.peak)
    }
}

/// A greatest sum with numbers in place of names.
private struct TotalRow {
    var kind: TotalKind
    var hour: Int64
    var host: Int64
    var name: Int64
    var boot: Int64
    var peak: TotalPeak
}

/// Where greatest sums and their shares stand.
struct TotalTables {
    /// The table of the sums.
    var sums: String
    /// That of their shares.
    var shares: String
    /// What stands before every key.
    var keyPrefix: String

    /// Those that reports read.
    static let kept = TotalTables(sums: "total", shares: "total_share", keyPrefix: "")
    /// Those of what was purged.
    static let purged = TotalTables(
        sums: "purged_total", shares: "purged_total_share", keyPrefix: "tombstone, ")
}

/// Merges into one pair of tables; the tombstone of those that have one is `?9`.
private struct TotalStatements {
    private let raise: PreparedStatement
    private let deleteSum: PreparedStatement
    private let deleteShares: PreparedStatement
    private let insertShare: PreparedStatement

    init(_ database: Database, tables: TotalTables) throws {
        let prefix = tables.keyPrefix
        let value = prefix.isEmpty ? "" : "?9, "
        let condition = prefix.isEmpty ? "" : " AND tombstone = ?9"
        raise = try PreparedStatement(
            """
            INSERT INTO \(tables.sums) (
                \(prefix)kind, hour_at_ms, host, name, boot, bytes, at_ms, run_count
            ) VALUES (\(value)?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) \(TotalStatements.keepGreater)
            """, on: database)
        deleteSum = try PreparedStatement(
            """
            DELETE FROM \(tables.sums)
            WHERE kind = ?1 AND hour_at_ms = ?2 AND host = ?3 AND name = ?4\(condition)
            """, on: database)
        deleteShares = try PreparedStatement(
            "DELETE FROM \(tables.shares) WHERE hour_at_ms = ?1 AND host = ?2\(condition)",
            on: database)
        insertShare = try PreparedStatement(
            """
            INSERT INTO \(tables.shares) (
                \(prefix)hour_at_ms, host, rank, pid, start_ticks, image, resident_bytes
            ) VALUES (\(value)?1, ?2, ?3, ?4, ?5, ?6, ?7)
            """, on: database)
    }

    /// The greater sum stays, whole: more bytes; a known time over an unknown one; the earlier
    /// time; more runs.
    private static let keepGreater = """
        ON CONFLICT DO UPDATE SET
            boot = excluded.boot, bytes = excluded.bytes, at_ms = excluded.at_ms,
            run_count = excluded.run_count
        WHERE excluded.bytes > bytes OR excluded.bytes = bytes AND CASE
            WHEN (excluded.at_ms IS NULL) <> (at_ms IS NULL) THEN at_ms IS NULL
            WHEN excluded.at_ms <> at_ms THEN excluded.at_ms < at_ms
            ELSE excluded.run_count > run_count END
        """

    func merge(
        _ row: TotalRow, _ composition: [TotalShare], under tombstone: Int64? = nil
    ) throws {
        try bindKey(row, tombstone, to: raise)
        try raise.bind(5, row.boot)
        try raise.bind(6, row.peak.bytes.storedAmount)
        try raise.bind(7, row.peak.atMilliseconds)
        try raise.bind(8, row.peak.runCount.storedAmount)
        let isKept = try raise.run() > 0
        guard isKept, row.kind == .hostUsed else { return }
        try delete(sharesOf: row, tombstone)
        let shares = composition.prefix(TotalPeak.maximumShares)
        for (rank, share) in shares.enumerated() {
            try insertShare.bind(1, row.hour)
            try insertShare.bind(2, row.host)
            try insertShare.bind(3, Int64(rank))
            try insertShare.bind(4, Int64(share.key.pid))
            try insertShare.bind(5, share.key.startTicks.storedBits)
            try insertShare.bind(6, Int64(share.key.image))
            try insertShare.bind(7, share.residentBytes.storedAmount)
            try bind(tombstone, to: insertShare)
            try insertShare.run()
        }
    }

    func delete(_ row: TotalRow, under tombstone: Int64? = nil) throws {
        try bindKey(row, tombstone, to: deleteSum)
        try deleteSum.run()
        if row.kind == .hostUsed { try delete(sharesOf: row, tombstone) }
    }

    private func delete(sharesOf row: TotalRow, _ tombstone: Int64?) throws {
        try deleteShares.bind(1, row.hour)
        try deleteShares.bind(2, row.host)
        try bind(tombstone, to: deleteShares)
        try deleteShares.run()
    }

    private func bindKey(
        _ row: TotalRow, _ tombstone: Int64?, to statement: PreparedStatement
    ) throws {
        try statement.bind(1, Int64(row.kind.rawValue))
        try statement.bind(2, row.hour)
        try statement.bind(3, row.host)
        try statement.bind(4, row.name)
        try bind(tombstone, to: statement)
    }

    private func bind(_ tombstone: Int64?, to statement: PreparedStatement) throws {
        if let tombstone { try statement.bind(9, tombstone) }
    }
}

/// Reads greatest sums during one read.
struct TotalReader {
    private let database: Database
    private let shares: PreparedStatement
    private var names: NameReader
    private var boots: BootReader

    /// Prepares for reading from `database`: what is kept, or what is set aside under `tombstone`.
    init(_ database: Database, setAsideUnder tombstone: Int64? = nil) throws {
        self.database = database
        names = try NameReader(database)
        boots = try BootReader(database)
        let tables: TotalTables = tombstone == nil ? .kept : .purged
        shares = try PreparedStatement(
            """
            SELECT rank, pid, start_ticks, image, resident_bytes FROM \(tables.shares)
            WHERE hour_at_ms = ?1 AND host = ?2\(tombstone.map { " AND tombstone = \($0)" } ?? "")
            ORDER BY rank
            """, on: database)
    }

    /// The sums of `kinds` in the hours that overlap `range`, by host, subject and hour.
    mutating func totals(
        of kinds: Set<TotalKind>, in range: StoredRange, limit: Int
    ) throws -> [StoredTotal] {
        let list = kinds.map { String($0.rawValue) }.sorted().joined(separator: ", ")
        return try totals(
            """
            FROM total CROSS JOIN host ON host.id = total.host
            CROSS JOIN name ON name.id = total.name
            WHERE kind IN (\(list)) AND hour_at_ms > ?1 AND hour_at_ms <= ?2
            ORDER BY host.host_id, kind, name.bytes, hour_at_ms LIMIT ?3
            """
        ) { try TotalReader.bindHours(of: range, limit: limit, to: $0) }
    }

    /// The figures of one kind of a host, or of all, in the hours that overlap `range`, without
    /// what they were made of, by host and hour.
    mutating func hourlyTotals(
        of kind: TotalKind, on host: HostID?, in range: StoredRange, limit: Int
    ) throws -> [StoredTotal] {
        try totals(
            """
            FROM total CROSS JOIN host ON host.id = total.host
            WHERE kind = \(kind.rawValue) AND hour_at_ms > ?1 AND hour_at_ms <= ?2
                \(host == nil ? "" : "AND host.host_id = ?4")
            ORDER BY host.host_id, hour_at_ms LIMIT ?3
            """, readsComposition: false
        ) { row in
            try TotalReader.bindHours(of: range, limit: limit, to: row)
            if let host { try row.bind(4, text: host.text) }
        }
    }

    /// Gives the hours that overlap `range` to parameters 1 and 2, and the limit to 3.
    private static func bindHours(
        of range: StoredRange, limit: Int, to row: PreparedStatement
    ) throws {
        let length = StoredTotal.hourLengthMilliseconds
        try row.bind(1, max(range.since, .min + length) - length)
        try row.bind(2, range.until)
        try row.bind(3, StoredRange.limit(limit))
    }

    /// The sums of one kind, hour and host that were reached in `range`.
    mutating func totals(
        ofKind kind: Int64, hour: Int64, host: Int64, reachedIn range: StoredRange
    ) throws -> [StoredTotal] {
        try totals(
            """
            FROM total WHERE kind = ?1 AND hour_at_ms = ?2 AND host = ?3
                AND at_ms >= ?4 AND at_ms <= ?5
            """
        ) { row in
            for (index, value) in [kind, hour, host, range.since, range.until].enumerated() {
                try row.bind(Int32(index + 1), value)
            }
        }
    }

    /// Sums that are set aside under a tombstone, at most `limit` of them.
    mutating func totals(setAsideUnder tombstone: Int64, limit: Int) throws -> [StoredTotal] {
        try totals("FROM purged_total AS total WHERE tombstone = ?1 LIMIT ?2") { row in
            try row.bind(1, tombstone)
            try row.bind(2, StoredRange.limit(limit))
        }
    }

    private mutating func totals(
        _ rest: String, readsComposition: Bool = true,
        _ bind: (PreparedStatement) throws -> Void
    ) throws -> [StoredTotal] {
        let row = try PreparedStatement(
            """
            SELECT total.boot, kind, total.name, hour_at_ms, total.bytes, at_ms, run_count,
                total.host
            \(rest)
            """, on: database)
        defer { row.reset() }
        try bind(row)
        var totals: [StoredTotal] = []
        while try row.step() { totals.append(try total(row, readsComposition)) }
        return totals
    }

    private mutating func total(
        _ row: PreparedStatement, _ readsComposition: Bool
    ) throws -> StoredTotal {
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
        if kind == .hostUsed, readsComposition {
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
