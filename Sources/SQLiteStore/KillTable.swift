import GRDB
import MemoryModel
import PeakStore

/// Merges kills into the table `oom_kill`, and marks their runs, during one transaction.
struct KillWriter {
    private let merge: PreparedStatement
    private let markRun: PreparedStatement
    private let names: NameWriter
    private let hosts: HostKeys

    /// What was not known is filled, evidence is added up by *or*, the rest stays.
    private static let fill = """
        INSERT INTO oom_kill (
            boot, at_boot_ms, pid, at_ms, run_pid, run_start_ticks, run_image, comm, limited_by,
            limit_cgroup, limit_bytes, cgroup, resident_bytes, last_peak_bytes, evidence
        ) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
        ON CONFLICT DO UPDATE SET
            at_ms = coalesce(at_ms, excluded.at_ms),
            run_pid = coalesce(run_pid, excluded.run_pid),
            run_start_ticks = coalesce(run_start_ticks, excluded.run_start_ticks),
            run_image = coalesce(run_image, excluded.run_image),
            comm = coalesce(comm, excluded.comm),
            limited_by = coalesce(limited_by, excluded.limited_by),
            limit_cgroup = coalesce(limit_cgroup, excluded.limit_cgroup),
            limit_bytes = coalesce(limit_bytes, excluded.limit_bytes),
            cgroup = coalesce(cgroup, excluded.cgroup),
            resident_bytes = coalesce(resident_bytes, excluded.resident_bytes),
            last_peak_bytes = coalesce(last_peak_bytes, excluded.last_peak_bytes),
            evidence = evidence | excluded.evidence
        """

    /// Prepares the statements.
    init(_ database: Database, names: NameWriter, hosts: HostKeys) throws {
        merge = try PreparedStatement(KillWriter.fill, on: database)
        markRun = try PreparedStatement(RunMerge.markKilled, on: database)
        self.names = names
        self.hosts = hosts
    }

    /// Makes `stored` and the row of its key one, and marks its run if that is there.
    func merge(_ stored: StoredKill, _ caches: inout WriterCaches) throws {
        let kill = stored.kill
        let boot = try hosts.boot(stored.boot, of: stored.host, &caches)
        try merge.bind(1, boot)
        try merge.bind(2, kill.atMilliseconds)
        try merge.bind(3, Int64(kill.pid ?? 0))
        try merge.bind(4, stored.atMilliseconds)
        try merge.bind(5, (kill.run?.pid).map(Int64.init))
        try merge.bind(6, kill.run?.startTicks.storedBits)
        try merge.bind(7, (kill.run?.image).map(Int64.init))
        try merge.bind(8, names.id(ofOptional: kill.comm, &caches.names))
        try merge.bind(9, (kill.constraint?.rawValue).map(Int64.init))
        try merge.bind(10, names.id(ofOptional: kill.limitCgroup, &caches.names))
        try merge.bind(11, kill.limitBytes?.storedAmount)
        try merge.bind(12, names.id(ofOptional: kill.cgroup, &caches.names))
        try merge.bind(13, kill.residentBytes?.storedAmount)
        try merge.bind(14, kill.lastPeakBytes?.storedAmount)
        try merge.bind(15, Int64(kill.evidence.rawValue))
        try merge.run()
        guard let run = kill.run else { return }
        try markRun.bind(1, boot)
        try markRun.bind(2, Int64(run.pid))
        try markRun.bind(3, run.startTicks.storedBits)
        try markRun.bind(4, Int64(run.image))
        try markRun.run()
    }
}

/// Reads kills during one read.
struct KillReader {
    private let database: Database
    private var names: NameReader
    private var boots: BootReader

    /// Prepares for reading from `database`.
    init(_ database: Database) throws {
        self.database = database
        names = try NameReader(database)
        boots = try BootReader(database)
    }

    /// The kills in `range`, latest first.
    mutating func kills(in range: StoredRange, limit: Int) throws -> [StoredKill] {
        let row = try PreparedStatement(
            """
            SELECT boot, run_pid, run_start_ticks, run_image, at_boot_ms, pid, at_ms, comm,
                limited_by, limit_cgroup, limit_bytes, cgroup, resident_bytes, last_peak_bytes,
                evidence
            FROM oom_kill WHERE at_ms IS NULL OR at_ms >= ?1 AND at_ms <= ?2
            ORDER BY at_ms DESC NULLS LAST, boot DESC, at_boot_ms DESC, pid LIMIT ?3
            """, on: database)
        defer { row.reset() }
        try range.bind(to: row, limit: limit)
        var kills: [StoredKill] = []
        while try row.step() { kills.append(try kill(row)) }
        return kills
    }

    private mutating func kill(_ row: PreparedStatement) throws -> StoredKill {
        let boot = try boots.boot(row.required(0, as: Int64.self))
        var kill = OutOfMemoryKill(
            atMilliseconds: try row.required(4, as: Int64.self),
            evidence: KillEvidence(
                rawValue: UInt8(truncatingIfNeeded: try row.required(14, as: Int64.self))))
        let pid = try row.required(5, as: Int32.self)
        kill.pid = pid == 0 ? nil : pid
        kill.run = row.number(1) == nil ? nil : try RunReader.key(row)
        kill.comm = try names.name(row.number(7))
        // A later program may know more of them, and more bits of evidence.
        kill.constraint = try row.value(8, as: UInt8.self).flatMap(MemoryConstraint.init(rawValue:))
        kill.limitCgroup = try names.name(row.number(9))
        kill.limitBytes = try row.value(10, as: UInt64.self)
        kill.cgroup = try names.name(row.number(11))
        kill.residentBytes = try row.value(12, as: UInt64.self)
        kill.lastPeakBytes = try row.value(13, as: UInt64.self)
        return StoredKill(
            host: boot.host, boot: boot.boot, kill: kill, atMilliseconds: row.number(6))
    }
}
