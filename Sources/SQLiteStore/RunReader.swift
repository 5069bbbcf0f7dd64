import GRDB
import MemoryModel
import PeakStore

/// Makes runs of rows of the table `run` during one read.
struct RunReader {
    /// The columns in the order in which `run(_:)` takes them.
    static let columns = """
        run.boot, run.pid, run.start_ticks, run.image, \
        program, comm, executable, command, user_id, user, cgroup, unit, container, \
        parent_pid, started_at_ms, inherited_bytes, \
        peak_bytes, peak_not_before_ms, peak_not_after_ms, peak_source, \
        swap_peak_bytes, resident_bytes, swap_bytes, seen_at_ms, processor_ms, \
        end_reason, ended_not_before_ms, ended_not_after_ms, exit_code, exit_signal, \
        run.flags, minor_faults, major_faults
        """

    private var names: NameReader
    private var boots: BootReader

    /// Prepares the statements.
    init(_ database: Database) throws {
        names = try NameReader(database)
        boots = try BootReader(database)
    }

    /// The run in the current row of `row`.
    mutating func run(_ row: PreparedStatement) throws -> StoredRun {
        let boot = try boots.boot(row.required(0, as: Int64.self))
        var record = RunRecord(key: try RunReader.key(row), description: try description(row))
        record.peak = try RunReader.peak(row, from: 16)
        record.swapPeakBytes = try row.value(20, as: UInt64.self)
        if let seen = row.number(23) {
            record.current = CurrentUse(
                residentBytes: try row.value(21, as: UInt64.self),
                swapBytes: try row.value(22, as: UInt64.self), atMilliseconds: seen)
        }
        record.processorMilliseconds = try row.value(24, as: UInt64.self)
        record.end = try RunReader.end(row)
        record.flags = RunFlags(stored: try row.required(30, as: UInt32.self))
        if let minor = try row.value(31, as: UInt64.self),
            let major = try row.value(32, as: UInt64.self)
        {
            record.faults = FaultCounts(minor: minor, major: major)
        }
        return StoredRun(host: boot.host, boot: boot.boot, record: record)
    }

    /// The key in the columns from 1 on.
    static func key(_ row: PreparedStatement) throws -> ProcessKey {
        ProcessKey(
            pid: try row.required(1, as: Int32.self),
            startTicks: UInt64(bitPattern: try row.required(2, as: Int64.self)),
            image: try row.required(3, as: UInt32.self))
    }

    private mutating func description(_ row: PreparedStatement) throws -> RunDescription {
        var description = RunDescription(
            program: try names.name(row.required(4, as: Int64.self)),
            comm: try names.name(row.required(5, as: Int64.self)))
        description.executable = try names.name(row.number(6))
        description.command = try names.name(row.number(7))
        description.userID = try row.value(8, as: UInt32.self)
        description.user = try names.name(row.number(9))
        description.cgroup = try names.name(row.number(10))
        description.unit = try names.name(row.number(11))
        description.container = try names.name(row.number(12))
        description.parentPid = try row.value(13, as: Int32.self)
        description.startedAtMilliseconds = row.number(14)
        description.inheritedBytes = try row.value(15, as: UInt64.self)
        return description
    }

    /// The peak in `column` and the three after it; nil where there is none.
    static func peak(_ row: PreparedStatement, from column: Int32) throws -> Peak? {
        guard let bytes = try row.value(column, as: UInt64.self) else { return nil }
        guard let source = PeakSource(rawValue: try row.required(column + 3, as: UInt8.self))
        else { throw DamagedRow(reason: "a peak has an unknown source") }
        return Peak(bytes: bytes, bracket: bracket(row, from: column + 1), source: source)
    }

    private static func end(_ row: PreparedStatement) throws -> RunEnd? {
        guard let number = try row.value(25, as: UInt8.self) else { return nil }
        guard let reason = RunEndReason(rawValue: number) else {
            throw DamagedRow(reason: "a run has an unknown reason of its end")
        }
        return RunEnd(
            bracket: bracket(row, from: 26), reason: reason,
            exitCode: try row.value(28, as: Int32.self),
            exitSignal: try row.value(29, as: Int32.self))
    }

    /// The bracket in `column` and the one after it; nil where it is not known.
    static func bracket(_ row: PreparedStatement, from column: Int32) -> TimeBracket? {
        guard let notBefore = row.number(column), let notAfter = row.number(column + 1) else {
            return nil
        }
        return TimeBracket(notBeforeMilliseconds: notBefore, notAfterMilliseconds: notAfter)
    }
}

/// Reads boots and their hosts by number during one read, each once.
struct BootReader {
    private let select: PreparedStatement
    private var known: [Int64: (host: HostID, boot: BootID)] = [:]

    /// Prepares the statement.
    init(_ database: Database) throws {
        select = try PreparedStatement(
            """
            SELECT host.host_id, boot.boot_id FROM boot JOIN host ON host.id = boot.host
            WHERE boot.id = ?1
            """, on: database)
    }

    /// The boot with number `id` and its host.
    mutating func boot(_ id: Int64) throws -> (host: HostID, boot: BootID) {
        if let boot = known[id] { return boot }
        try select.bind(1, id)
        defer { select.reset() }
        guard try select.step(), let host = HostID(RawText(select.bytes(0))),
            let boot = BootID(bytes: select.bytes(1))
        else { throw DamagedRow(reason: "boot \(id) is missing or of no host") }
        known[id] = (host, boot)
        return (host, boot)
    }

    /// The number of a boot's host.
    static func host(ofBoot boot: Int64, on database: Database) throws -> Int64 {
        let row = try PreparedStatement("SELECT host FROM boot WHERE id = ?1", on: database)
        defer { row.reset() }
        try row.bind(1, boot)
        guard try row.step() else { throw DamagedRow(reason: "boot \(boot) is missing") }
        return try row.required(0, as: Int64.self)
    }

    /// The id of a boot's host.
    static func hostID(ofBoot boot: Int64, on database: Database) throws -> HostID {
        var boots = try BootReader(database)
        return try boots.boot(boot).host
    }
}
