import GRDB
import MemoryModel
import PeakStore

/// What stands in the table `section`.
enum SectionTable {
    /// The columns of a row, in the order of `?1` to `?15`.
    static let columns = """
        boot, pid, start_ticks, image, name, epoch, flags, peak_bytes, peak_not_before_ms, \
        peak_not_after_ms, peak_source, growth_bytes, call_count, total_us, longest_us
        """
    static let parameters = (1...15).map { "?\($0)" }.joined(separator: ", ")

    /// Whether a row's run is not there any more.
    static let hasNoRun = """
        NOT EXISTS (SELECT 1 FROM run WHERE run.boot = section.boot AND run.pid = section.pid
            AND run.start_ticks = section.start_ticks AND run.image = section.image)
        """

    /// A row whose key is `?1` to `?6`.
    static let isSame = """
        boot = ?1 AND pid = ?2 AND start_ticks = ?3 AND image = ?4 AND name = ?5 AND epoch = ?6
        """

    private static func greater(_ column: String) -> String {
        "\(column) = CASE WHEN \(isGreaterPeak) THEN excluded.\(column) ELSE \(column) END"
    }

    /// How a row that is there and one that is written become one; SQLite judges all of it before
    /// any column changes.
    static let merge = """
        ON CONFLICT DO UPDATE SET
            flags = flags | excluded.flags,
            \(greater("peak_bytes")),
            \(greater("peak_not_before_ms")),
            \(greater("peak_not_after_ms")),
            \(greater("peak_source")),
            growth_bytes = max(growth_bytes, excluded.growth_bytes),
            call_count = max(call_count, excluded.call_count),
            total_us = max(total_us, excluded.total_us),
            longest_us = max(longest_us, excluded.longest_us)
        """

    private static let isGreaterPeak = """
        (excluded.peak_bytes > peak_bytes OR excluded.peak_bytes = peak_bytes AND CASE
            WHEN (excluded.peak_not_after_ms IS NULL) <> (peak_not_after_ms IS NULL)
                THEN peak_not_after_ms IS NULL
            WHEN excluded.peak_not_after_ms <> peak_not_after_ms
                THEN excluded.peak_not_after_ms < peak_not_after_ms
            WHEN excluded.peak_not_before_ms <> peak_not_before_ms
                THEN excluded.peak_not_before_ms > peak_not_before_ms
            ELSE excluded.peak_source > peak_source END)
        """
}

/// Merges sections into the table `section` during one transaction.
struct SectionWriter {
    private let upsert: PreparedStatement
    private let upsertAside: PreparedStatement
    private let deleteRow: PreparedStatement
    private let deleteRowAside: PreparedStatement
    private let names: NameWriter
    private let hosts: HostKeys

    /// Prepares the statements.
    init(_ database: Database, names: NameWriter, hosts: HostKeys) throws {
        upsert = try PreparedStatement(
            """
            INSERT INTO section (\(SectionTable.columns)) VALUES (\(SectionTable.parameters))
            \(SectionTable.merge)
            """, on: database)
        upsertAside = try PreparedStatement(
            """
            INSERT INTO purged_section (tombstone, \(SectionTable.columns))
            VALUES (?16, \(SectionTable.parameters)) \(SectionTable.merge)
            """, on: database)
        deleteRow = try PreparedStatement(
            "DELETE FROM section WHERE \(SectionTable.isSame)", on: database)
        deleteRowAside = try PreparedStatement(
            "DELETE FROM purged_section WHERE \(SectionTable.isSame) AND tombstone = ?7",
            on: database)
        self.names = names
        self.hosts = hosts
    }

    /// Makes `section` and the row of its key one, or sets it aside where its peak was purged.
    func merge(_ section: StoredSection, _ caches: inout WriterCaches) throws {
        let bracket = section.record.peak.bracket
        if let tombstone = caches.tombstone(over: bracket, of: section.host) {
            return try setAside(section, under: tombstone, &caches)
        }
        try bind(section, to: upsert, &caches)
        try upsert.run()
    }

    /// Merges `section` into what of it is set aside under a tombstone.
    func setAside(
        _ section: StoredSection, under tombstone: Int64, _ caches: inout WriterCaches
    ) throws {
        try bind(section, to: upsertAside, &caches)
        try upsertAside.bind(16, tombstone)
        try upsertAside.run()
    }

    /// Deletes the row of a section.
    func delete(_ section: StoredSection, _ caches: inout WriterCaches) throws {
        try bindKey(section, to: deleteRow, &caches)
        try deleteRow.run()
    }

    /// Deletes what of a section is set aside under a tombstone.
    func deleteAside(
        _ section: StoredSection, under tombstone: Int64, _ caches: inout WriterCaches
    ) throws {
        try bindKey(section, to: deleteRowAside, &caches)
        try deleteRowAside.bind(7, tombstone)
        try deleteRowAside.run()
    }

    private func bindKey(
        _ section: StoredSection, to statement: PreparedStatement, _ caches: inout WriterCaches
    ) throws {
        let run = section.record.key.run
        try statement.bind(1, hosts.boot(section.boot, of: section.host, &caches))
        try statement.bind(2, Int64(run.pid))
        try statement.bind(3, run.startTicks.storedBits)
        try statement.bind(4, Int64(run.image))
        try statement.bind(5, names.id(of: section.record.key.name, &caches.names))
        try statement.bind(6, section.epoch.storedBits)
    }

    private func bind(
        _ section: StoredSection, to statement: PreparedStatement, _ caches: inout WriterCaches
    ) throws {
        let record = section.record
        try bindKey(section, to: statement, &caches)
        try statement.bind(7, Int64(record.flags.rawValue))
        try statement.bind(8, record.peak.bytes.storedAmount)
        try statement.bind(9, record.peak.bracket?.notBeforeMilliseconds)
        try statement.bind(10, record.peak.bracket?.notAfterMilliseconds)
        try statement.bind(11, Int64(record.peak.source.rawValue))
        try statement.bind(12, record.growthBytes.storedAmount)
        try statement.bind(13, record.callCount.storedAmount)
        try statement.bind(14, record.totalMicroseconds.storedAmount)
        try statement.bind(15, record.longestMicroseconds.storedAmount)
    }
}

/// Reads sections during one read or transaction.
struct SectionReader {
    private let database: Database
    private var names: NameReader
    private var boots: BootReader

    /// Prepares for reading from `database`.
    init(_ database: Database) throws {
        self.database = database
        names = try NameReader(database)
        boots = try BootReader(database)
    }

    /// The sections of a run, the largest peak first, each over all starts of its agent.
    mutating func sections(of run: RunKey) throws -> [SectionRecord] {
        let found = try sections(
            """
            FROM section WHERE boot = (SELECT boot.id FROM boot JOIN host ON host.id = boot.host
                WHERE host.host_id = ?1 AND boot.boot_id = ?2)
                AND pid = ?3 AND start_ticks = ?4 AND image = ?5
            ORDER BY name, epoch
            """
        ) {
            try $0.bind(1, text: run.host.text)
            try $0.bind(2, bytes: run.boot.bytes)
            try $0.bind(3, Int64(run.process.pid))
            try $0.bind(4, run.process.startTicks.storedBits)
            try $0.bind(5, Int64(run.process.image))
        }
        var sections: [SectionRecord] = []
        for section in found {
            if let last = sections.last, last.key == section.record.key {
                sections[sections.count - 1].addCalls(of: section.record)
            } else {
                sections.append(section.record)
            }
        }
        return sections.sorted {
            $0.peak.bytes == $1.peak.bytes
                ? $0.key.name < $1.key.name : $0.peak.bytes > $1.peak.bytes
        }
    }

    /// The sections of host `host` whose peaks lie in `range`, at most `limit` of them.
    mutating func sections(
        ofHost host: Int64, withPeakIn range: StoredRange, limit: Int
    ) throws -> [StoredSection] {
        try sections(
            """
            FROM section WHERE boot IN (SELECT id FROM boot WHERE host = ?4)
                AND peak_not_after_ms >= ?1 AND peak_not_before_ms <= ?2 LIMIT ?3
            """
        ) {
            try range.bind(to: $0, limit: limit)
            try $0.bind(4, host)
        }
    }

    /// The sections that were set aside under a tombstone, at most `limit` of them.
    mutating func sections(
        setAsideUnder tombstone: Int64, limit: Int
    ) throws -> [StoredSection] {
        try sections("FROM purged_section WHERE tombstone = ?1 LIMIT ?2") {
            try $0.bind(1, tombstone)
            try $0.bind(2, StoredRange.limit(limit))
        }
    }

    private mutating func sections(
        _ rest: String, _ bind: (PreparedStatement) throws -> Void
    ) throws -> [StoredSection] {
        let row = try PreparedStatement(
            "SELECT \(SectionTable.columns) \(rest)", on: database)
        defer { row.reset() }
        try bind(row)
        var sections: [StoredSection] = []
        while try row.step() { sections.append(try section(row)) }
        return sections
    }

    private mutating func section(_ row: PreparedStatement) throws -> StoredSection {
        let boot = try boots.boot(row.required(0, as: Int64.self))
        let key = SectionKey(
            run: try RunReader.key(row), name: try names.name(row.required(4, as: Int64.self)))
        guard let peak = try RunReader.peak(row, from: 7) else {
            throw DamagedRow(reason: "a section has no peak")
        }
        var record = SectionRecord(
            key: key,
            firstCall: SectionCall(
                peak: peak, growthBytes: try row.required(11, as: UInt64.self),
                microseconds: try row.required(14, as: UInt64.self),
                // A later program may know more bits.
                flags: SectionFlags(
                    rawValue: UInt8(truncatingIfNeeded: try row.required(6, as: Int64.self)))))
        record.callCount = try row.required(12, as: UInt64.self)
        record.totalMicroseconds = try row.required(13, as: UInt64.self)
        return StoredSection(
            host: boot.host, boot: boot.boot,
            epoch: UInt64(bitPattern: try row.required(5, as: Int64.self)), record: record)
    }
}
