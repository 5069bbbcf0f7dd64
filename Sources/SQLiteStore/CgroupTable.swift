import GRDB
import MemoryModel
import PeakStore

/// Merges cgroups into the table `cgroup` during one transaction.
struct CgroupWriter {
    private let insert: PreparedStatement
    private let raisePeak: PreparedStatement
    private let refresh: PreparedStatement
    private let names: NameWriter
    private let hosts: HostKeys

    /// Prepares the statements.
    init(_ database: Database, names: NameWriter, hosts: HostKeys) throws {
        insert = try PreparedStatement(CgroupMerge.insert, on: database)
        raisePeak = try PreparedStatement(CgroupMerge.raisePeak, on: database)
        refresh = try PreparedStatement(CgroupMerge.refresh, on: database)
        self.names = names
        self.hosts = hosts
    }

    /// Makes `cgroup` and the row of its key one.
    func merge(_ cgroup: StoredCgroup, _ caches: inout WriterCaches) throws {
        let record = cgroup.record
        let boot = try hosts.boot(cgroup.boot, of: cgroup.host, &caches)
        let path = try names.id(of: record.key.path, &caches.names)
        for statement in [insert, raisePeak, refresh] {
            try statement.bind(1, boot)
            try statement.bind(2, path)
            try statement.bind(3, record.key.inode.storedBits)
        }
        try bindPeak(record.peak, to: insert)
        try bindPresent(record, to: insert)
        if try insert.run() > 0 { return }
        try bindPeak(record.peak, to: raisePeak)
        try raisePeak.run()
        try bindPresent(record, to: refresh)
        try refresh.run()
    }

    private func bindPeak(_ peak: CgroupPeak?, to statement: PreparedStatement) throws {
        try statement.bind(4, peak?.bytes.storedAmount)
        try statement.bind(5, peak?.peak.bracket?.notBeforeMilliseconds)
        try statement.bind(6, peak?.peak.bracket?.notAfterMilliseconds)
        try statement.bind(7, (peak?.peak.source.rawValue).map(Int64.init))
        try statement.bind(8, peak?.limitBytes?.storedAmount)
        try statement.bind(9, peak?.anonymousBytes?.storedAmount)
        try statement.bind(10, peak?.fileBytes?.storedAmount)
    }

    private func bindPresent(_ record: CgroupRecord, to statement: PreparedStatement) throws {
        try statement.bind(11, record.swapPeakBytes?.storedAmount)
        try statement.bind(12, record.killCount?.storedAmount)
        try statement.bind(13, Int64(record.version))
        try statement.bind(14, record.currentBytes?.storedAmount)
        try statement.bind(15, record.limitBytes?.storedAmount)
        try statement.bind(16, record.seenAtMilliseconds)
    }
}

/// The merge table as SQL for cgroups.
///
/// The key is `?1` to `?3`, the peak and what was beside it `?4` to `?10`, the rest `?11` to `?16`.
private enum CgroupMerge {
    /// A cgroup that is new.
    static let insert = """
        INSERT INTO cgroup (
            boot, path, inode, \(peakColumns), swap_peak_bytes, kill_count, \(presentColumns)
        ) VALUES (
            ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16
        ) ON CONFLICT DO NOTHING
        """

    /// The greater peak stays, whole.
    static let raisePeak = """
        UPDATE cgroup SET (\(peakColumns)) = (?4, ?5, ?6, ?7, ?8, ?9, ?10)
        WHERE \(isSame) AND \(isGreaterPeak)
        """

    /// The present goes by the last writer; swap's peak and the count of kills by maximum.
    static let refresh = """
        UPDATE cgroup SET
            swap_peak_bytes = coalesce(max(swap_peak_bytes, ?11), swap_peak_bytes, ?11),
            kill_count = coalesce(max(kill_count, ?12), kill_count, ?12),
            version = CASE WHEN \(isNewer) THEN ?13 ELSE version END,
            current_bytes = CASE WHEN \(isNewer) THEN ?14 ELSE current_bytes END,
            limit_bytes = CASE WHEN \(isNewer) THEN ?15 ELSE limit_bytes END,
            seen_at_ms = CASE WHEN \(isNewer) THEN ?16 ELSE seen_at_ms END
        WHERE \(isSame) AND (
            \(isNewer) AND (\(presentColumns)) IS NOT (?13, ?14, ?15, ?16)
            OR ?11 > coalesce(swap_peak_bytes, -1)
            OR ?12 > coalesce(kill_count, -1))
        """

    private static let isSame = "boot = ?1 AND path = ?2 AND inode = ?3"

    private static let peakColumns = """
        peak_bytes, peak_not_before_ms, peak_not_after_ms, peak_source, \
        peak_limit_bytes, peak_anonymous_bytes, peak_file_bytes
        """

    private static let presentColumns = "version, current_bytes, limit_bytes, seen_at_ms"

    /// Whether it was seen no earlier than the row says, or neither was seen at a known time.
    private static let isNewer = "(seen_at_ms IS NULL OR coalesce(?16 >= seen_at_ms, 0))"

    /// The order of peaks, as for runs; then the greater of what was beside it.
    private static let isGreaterPeak = """
        (?4 IS NOT NULL AND (peak_bytes IS NULL OR ?4 > peak_bytes OR ?4 = peak_bytes AND CASE
            WHEN (?6 IS NULL) <> (peak_not_after_ms IS NULL) THEN peak_not_after_ms IS NULL
            WHEN ?6 <> peak_not_after_ms THEN ?6 < peak_not_after_ms
            WHEN ?5 <> peak_not_before_ms THEN ?5 > peak_not_before_ms
            WHEN ?7 <> peak_source THEN ?7 > peak_source
            ELSE (coalesce(?8, -1), coalesce(?9, -1), coalesce(?10, -1))
                > (coalesce(peak_limit_bytes, -1), coalesce(peak_anonymous_bytes, -1),
                    coalesce(peak_file_bytes, -1)) END))
        """
}

/// Reads cgroups during one read.
struct CgroupReader {
    private let database: Database
    private var names: NameReader
    private var boots: BootReader

    /// Prepares for reading from `database`.
    init(_ database: Database) throws {
        self.database = database
        names = try NameReader(database)
        boots = try BootReader(database)
    }

    /// The cgroups of `range`, largest peak first.
    mutating func cgroups(in range: StoredRange, limit: Int) throws -> [StoredCgroup] {
        let row = try PreparedStatement(
            """
            SELECT cgroup.boot, path, inode, version,
                peak_bytes, peak_not_before_ms, peak_not_after_ms, peak_source,
                peak_limit_bytes, peak_anonymous_bytes, peak_file_bytes,
                swap_peak_bytes, current_bytes, limit_bytes, kill_count, seen_at_ms
            FROM cgroup CROSS JOIN boot ON boot.id = cgroup.boot
            CROSS JOIN host ON host.id = boot.host
            WHERE (seen_at_ms IS NULL OR seen_at_ms >= ?1)
                AND (host.boot_id IS NOT boot.boot_id OR wall_minus_boot_ms IS NULL
                    OR wall_minus_boot_ms <= ?2)
            ORDER BY peak_bytes DESC, cgroup.boot, path, inode LIMIT ?3
            """, on: database)
        defer { row.reset() }
        try range.bind(to: row, limit: limit)
        var cgroups: [StoredCgroup] = []
        while try row.step() { cgroups.append(try cgroup(row)) }
        return cgroups
    }

    private mutating func cgroup(_ row: PreparedStatement) throws -> StoredCgroup {
        let boot = try boots.boot(row.required(0, as: Int64.self))
        let key = CgroupKey(
            path: try names.name(row.required(1, as: Int64.self)),
            inode: UInt64(bitPattern: try row.required(2, as: Int64.self)))
        var record = CgroupRecord(key: key, version: try row.required(3, as: UInt8.self))
        record.peak = try RunReader.peak(row, from: 4).map { peak in
            CgroupPeak(
                peak: peak, limitBytes: try row.value(8, as: UInt64.self),
                anonymousBytes: try row.value(9, as: UInt64.self),
                fileBytes: try row.value(10, as: UInt64.self))
        }
        record.swapPeakBytes = try row.value(11, as: UInt64.self)
        record.currentBytes = try row.value(12, as: UInt64.self)
        record.limitBytes = try row.value(13, as: UInt64.self)
        record.killCount = try row.value(14, as: UInt64.self)
        record.seenAtMilliseconds = row.number(15)
        return StoredCgroup(host: boot.host, boot: boot.boot, record: record)
    }
}
