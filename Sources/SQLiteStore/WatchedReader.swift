import GRDB
import MemoryModel
import Report

/// Finds out which time agents watched, during one read.
struct WatchedReader {
    private let database: Database
    private let range: HistoryRange
    /// The watched stretches of each host by where they begin.
    private var found: [HostID: [Int64: Range<Int64>]] = [:]
    /// The hours, and then the days, of which finer windows say more.
    private var told: [HostID: Set<Int64>] = [:]

    /// Reads from `database`.
    init(_ database: Database, _ range: HistoryRange) {
        self.database = database
        self.range = range
    }

    /// The time by host.
    mutating func times() throws -> [HostID: WatchedTime] {
        try readMinutes()
        try readBlocks(of: .hour)
        told = told.mapValues { Set($0.map { WindowLength.day.start(of: $0) }) }
        try readBlocks(of: .day)
        return found.compactMapValues { stretches in
            var time = WatchedTime()
            for (_, stretch) in stretches.sorted(by: { $0.key < $1.key }) {
                time.add(stretch.clamped(to: range.since..<range.until))
            }
            return time.stretches.isEmpty ? nil : time
        }
    }

    private mutating func readMinutes() throws {
        let row = try PreparedStatement(
            """
            SELECT host.host_id, hour_at_ms, covered FROM window_hour
            JOIN boot ON boot.id = window_hour.boot JOIN host ON host.id = boot.host
            WHERE hour_at_ms BETWEEN ?1 AND ?2
            """, on: database)
        defer { row.reset() }
        // Whole days, as a day of which an hour is known here is not taken for watched whole.
        try row.bind(1, WindowLength.day.start(of: range.since))
        try row.bind(2, range.lastHour)
        while try row.step() {
            let host = try HostReader.hostID(row, 0)
            let hour = try row.required(1, as: Int64.self)
            told[host, default: []].insert(hour)
            let covered = UInt64(bitPattern: try row.required(2, as: Int64.self))
            for minute in 0..<Int64(60) where covered & (1 << UInt64(minute)) != 0 {
                let length = WindowLength.minute.milliseconds
                add(hour + minute * length, length, to: host)
            }
        }
    }

    /// Reads hours, or days, that nothing finer is known of.
    private mutating func readBlocks(of length: WindowLength) throws {
        let row = try PreparedStatement(
            """
            SELECT host.host_id, starts_at_ms, covered
            FROM host CROSS JOIN subject_block ON subject_block.host = host.id
            WHERE length = ?1 AND starts_at_ms BETWEEN ?2 AND ?3
            """, on: database)
        defer { row.reset() }
        try row.bind(1, Int64(length.rawValue))
        try row.bind(2, SubjectWindows.start(of: range.since, length))
        try row.bind(3, range.until - 1)
        var further: [HostID: Set<Int64>] = [:]
        while try row.step() {
            let host = try HostReader.hostID(row, 0)
            let first = try row.required(1, as: Int64.self)
            let covered = UInt64(bitPattern: try row.required(2, as: Int64.self))
            for slot in 0..<Int64(UInt64.bitWidth) where covered & (1 << UInt64(slot)) != 0 {
                let start = first + slot * length.milliseconds
                guard told[host]?.contains(start) != true else { continue }
                add(start, length.milliseconds, to: host)
                further[host, default: []].insert(start)
            }
        }
        told.merge(further) { $0.union($1) }
    }

    private mutating func add(_ start: Int64, _ length: Int64, to host: HostID) {
        guard start < range.until, start + length > range.since else { return }
        found[host, default: [:]][start] = start..<(start + length)
    }
}
