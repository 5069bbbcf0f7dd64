import GRDB
import MemoryModel
import PeakStore

/// Merges cgroups into the table `cgroup` during one transaction.
struct CgroupWriter {
    private let insert: PreparedStatement
    private let raisePeak: PreparedStatement
    private let refresh: PreparedStatement
    private let setAside: PreparedStatement
    private let deleteAside: PreparedStatement
    private let clearPeak: PreparedStatement
    private let names: NameWriter
    private let hosts: HostKeys

    /// Prepares the statements.
    init(_ database: Database, names: NameWriter, hosts: HostKeys) throws {
        insert = try PreparedStatement(CgroupMerge.insert, on: database)
        raisePeak = try PreparedStatement(CgroupMerge.raisePeak, on: database)
        refresh = try PreparedStatement(CgroupMerge.refresh, on: database)
        setAside = try PreparedStatement(CgroupMerge.setAside, on: database)
        deleteAside = try PreparedStatement(CgroupMerge.deleteAside, on: database)
        clearPeak = try PreparedStatement(CgroupMerge.clearPeak, on: database)
        self.names = names
        self.hosts = hosts
    }

    /// Makes `cgroup` and the row of its key one; a peak that was purged is set aside.
    func merge(_ cgroup: StoredCgroup, _ caches: inout WriterCaches) throws {
        var record = cgroup.record
        if let tombstone = caches.tombstone(over: record.peak?.peak.bracket, of: cgroup.host) {
            try setAside(cgroup, under: tombstone, &caches)
            record.peak = nil
        }
        try bindKey(cgroup, to: [insert, raisePeak, refresh], &caches)
        try bindPeak(record.peak, to: insert)
        try bindPresent(record, to: insert)
        if try insert.run() > 0 { return }
        try bindPeak(record.peak, to: raisePeak)
        try raisePeak.run()
        try bindPresent(record, to: refresh)
        try refresh.run()
    }

    /// Merges the peak of `cgroup` into what of it is set aside under a tombstone.
    func setAside(
        _ cgroup: StoredCgroup, under tombstone: Int64, _ caches: inout WriterCaches
    ) throws {
        try bindKey(cgroup, to: [setAside], &caches)
        try bindPeak(cgroup.record.peak, to: setAside)
        try setAside.bind(17, tombstone)
        try setAside.run()
    }

    /// Forgets the peak of `cgroup`.
    func clearPeak(of cgroup: StoredCgroup, _ caches: inout WriterCaches) throws {
        try bindKey(cgroup, to: [clearPeak], &caches)
        try clearPeak.run()
    }

    /// Takes back the peak of `cgroup` that is set aside under a tombstone, if its row is there.
    func restorePeak(
        of cgroup: StoredCgroup, from tombstone: Int64, _ caches: inout WriterCaches
    ) throws {
        try bindKey(cgroup, to: [deleteAside, raisePeak], &caches)
        try deleteAside.bind(17, tombstone)
        try deleteAside.run()
        if let other = caches.tombstone(over: cgroup.record.peak?.peak.bracket, of: cgroup.host) {
            return try setAside(cgroup, under: other, &caches)
        }
        try bindPeak(cgroup.record.peak, to: raisePeak)
        try raisePeak.run()
    }

    private func bindKey(
        _ cgroup: StoredCgroup, to statements: [PreparedStatement], _ caches: inout WriterCaches
    ) throws {
        let boot = try hosts.boot(cgroup.boot, of: cgroup.host, &caches)
        let path = try names.id(of: cgroup.record.key.path, &caches.names)
        for statement in statements {
            try statement.bind(1, boot)
            try statement.bind(2, path)
            try statement.bind(3, cgroup.record.key.inode.storedBits)
        }
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
/// The key is `?1` to `?3`, the peak and what was beside it `?4` to `?10`, the rest `?11` to `?16`,
/// and `?17` a tombstone.
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

    /// A purged peak; the greater stays, whole.
    static let setAside = """
        INSERT INTO purged_cgroup (tombstone, boot, path, inode, \(peakColumns))
        VALUES (?17, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
        ON CONFLICT DO UPDATE SET (\(peakColumns)) = (?4, ?5, ?6, ?7, ?8, ?9, ?10)
        WHERE \(isGreaterPeak)
        """

    /// Forgets a purged peak.
    static let deleteAside = "DELETE FROM purged_cgroup WHERE \(isSame) AND tombstone = ?17"

    /// Takes the peak away.
    static let clearPeak = """
        UPDATE cgroup SET (\(peakColumns)) = (NULL, NULL, NULL, NULL, NULL, NULL, NULL)
        WHERE \(isSame)
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
        try cgroups(
            """
            SELECT \(CgroupReader.keyAndPeak), version,
                swap_peak_bytes, current_bytes, limit_bytes, kill_count, seen_at_ms
            FROM cgroup CROSS JOIN boot ON boot.id = cgroup.boot
            CROSS JOIN host ON host.id = boot.host
            WHERE (seen_at_ms IS NULL OR seen_at_ms >= ?1)
                AND (host.boot_id IS NOT boot.boot_id OR wall_minus_boot_ms IS NULL
                    OR wall_minus_boot_ms <= ?2)
            ORDER BY peak_bytes DESC, cgroup.boot, path, inode LIMIT ?3
            """, hasRest: true
        ) { try range.bind(to: $0, limit: limit) }
    }

    /// The cgroups of host `host` whose peak lies in `range`, at most `limit` of them, with nothing
    /// but their peaks.
    mutating func cgroups(
        ofHost host: Int64, withPeakIn range: StoredRange, limit: Int
    ) throws -> [StoredCgroup] {
        try cgroups(
            """
            SELECT \(CgroupReader.keyAndPeak)
            FROM boot CROSS JOIN cgroup ON cgroup.boot = boot.id
            WHERE boot.host = ?4 AND peak_not_after_ms >= ?1 AND peak_not_before_ms <= ?2
            LIMIT ?3
            """, hasRest: false
        ) {
            try range.bind(to: $0, limit: limit)
            try $0.bind(4, host)
        }
    }

    /// Cgroups with the peaks that are set aside under a tombstone, at most `limit` of them.
    mutating func cgroups(setAsideUnder tombstone: Int64, limit: Int) throws -> [StoredCgroup] {
        try cgroups(
            """
            SELECT \(CgroupReader.keyAndPeak) FROM purged_cgroup AS cgroup
            WHERE tombstone = ?1 LIMIT ?2
            """, hasRest: false
        ) {
            try $0.bind(1, tombstone)
            try $0.bind(2, StoredRange.limit(limit))
        }
    }

    private static let keyAndPeak = """
        cgroup.boot, path, inode, peak_bytes, peak_not_before_ms, peak_not_after_ms, peak_source,
        peak_limit_bytes, peak_anonymous_bytes, peak_file_bytes
        """

    private mutating func cgroups(
        _ sql: String, hasRest: Bool, _ bind: (PreparedStatement) throws -> Void
    ) throws -> [StoredCgroup] {
        let row = try PreparedStatement(sql, on: database)
        defer { row.reset() }
        try bind(row)
        var cgroups: [StoredCgroup] = []
        while try row.step() {
            var cgroup = try keyAndPeak(row)
            if hasRest { try readRest(row, into: &cgroup.record) }
            cgroups.append(cgroup)
        }
        return cgroups
    }

    private mutating func keyAndPeak(_ row: PreparedStatement) throws -> StoredCgroup {
        let boot = try boots.boot(row.required(0, as: Int64.self))
        let key = CgroupKey(
            path: try names.name(row.required(1, as: Int64.self)),
            inode: UInt64(bitPattern: try row.required(2, as: Int64.self)))
        var record = CgroupRecord(key: key, version: 0)
        record.peak = try RunReader.peak(row, from: 3).map { peak in
            CgroupPeak(
                peak: peak, limitBytes: try row.value(7, as: UInt64.self),
                anonymousBytes: try row.value(8, as: UInt64.self),
                fileBytes: try row.value(9, as: UInt64.self))
        }
        return StoredCgroup(host: boot.host, boot: boot.boot, record: record)
    }

    private func readRest(
        _ row: PreparedStatement, into record: inout CgroupRecord
    ) throws {
        record.version = try row.required(10, as: UInt8.self)
        record.swapPeakBytes = try row.value(11, as: UInt64.self)
        record.currentBytes = try row.value(12, as: UInt64.self)
        record.limitBytes = try row.value(13, as: UInt64.self)
        record.killCount = try row.value(14, as: UInt64.self)
        record.seenAtMilliseconds = row.number(15)
    }
}
