import GRDB
import MemoryModel
import PeakStore

/// Adds hours and days to a subject's past where its minutes are gone, during one read.
struct TierReader {
    private let database: Database

    /// Reads from `database`.
    init(_ database: Database) {
        self.database = database
    }

    /// The hours of a boot's host of which minutes are left.
    func hoursWithMinutes(ofHost host: Int64, in range: HistoryRange) throws -> Set<Int64> {
        let row = try PreparedStatement(
            """
            SELECT hour_at_ms FROM boot CROSS JOIN window_hour ON window_hour.boot = boot.id
            WHERE boot.host = ?1 AND hour_at_ms BETWEEN ?2 AND ?3
            """, on: database)
        defer { row.reset() }
        try row.bind(1, host)
        try row.bind(2, WindowLength.day.start(of: range.since))
        try row.bind(3, range.lastHour)
        var hours: Set<Int64> = []
        while try row.step() { hours.insert(try row.required(0, as: Int64.self)) }
        return hours
    }

    /// The first and the last hour of which anything is known of hosts; nil where nothing is.
    func knownHours(ofHosts hosts: [Int64]) throws -> ClosedRange<Int64>? {
        let row = try PreparedStatement(
            "SELECT starts_at_ms, length, covered FROM subject_block WHERE host = ?1",
            on: database)
        var known: ClosedRange<Int64>?
        for host in hosts {
            try row.bind(1, host)
            defer { row.reset() }
            while try row.step() {
                let start = try row.required(0, as: Int64.self)
                let covered = UInt64(bitPattern: try row.required(2, as: Int64.self))
                guard let length = WindowLength(rawValue: try row.required(1, as: UInt8.self))
                else { throw DamagedRow(reason: "a block of windows has an unknown length") }
                let slots = Int64(max(1, UInt64.bitWidth - covered.leadingZeroBitCount))
                let last = max(
                    start,
                    start.saturatingSum(slots * length.milliseconds)
                        .saturatingDifference(WindowHour.lengthMilliseconds))
                known =
                    min(start, known?.lowerBound ?? start)...max(last, known?.upperBound ?? last)
            }
        }
        return known
    }

    /// Adds what is known of hours and days of a host, of the subjects that `wanted` means.
    func add(
        to points: inout HistoryPoints, host: Int64, in range: HistoryRange,
        _ wanted: SubjectMatcher.Wanted?
    ) throws {
        let fine = try hoursWithMinutes(ofHost: host, in: range)
        var known = Set(fine.map { WindowLength.day.start(of: $0) })
        try forEachSlot(of: host, .hour, in: range, wanted) { start, window, isWatched in
            known.insert(WindowLength.day.start(of: start))
            // A minute's lower bound is rounded; an hour's is not.
            guard !fine.contains(start) || points.length >= .hour else { return }
            points.addStretch(window, at: start, length: .hour, isWatched: isWatched)
        }
        try forEachSlot(of: host, .day, in: range, wanted) { start, window, isWatched in
            guard !known.contains(start) else { return }
            points.addStretch(window, at: start, length: .day, isWatched: isWatched)
        }
    }

    private func forEachSlot(
        of host: Int64, _ length: WindowLength, in range: HistoryRange,
        _ wanted: SubjectMatcher.Wanted?, _ body: (Int64, Window?, Bool) -> Void
    ) throws {
        let row = try PreparedStatement(
            """
            SELECT starts_at_ms, covered, block FROM subject_block
            WHERE length = ?1 AND host = ?2 AND starts_at_ms BETWEEN ?3 AND ?4
            """, on: database)
        defer { row.reset() }
        try row.bind(1, Int64(length.rawValue))
        try row.bind(2, host)
        try row.bind(3, SubjectWindows.start(of: range.since, length))
        try row.bind(4, range.until - 1)
        while try row.step() {
            let first = try row.required(0, as: Int64.self)
            let windows = try SubjectWindows(
                block: row.bytes(2),
                covered: UInt64(bitPattern: try row.required(1, as: Int64.self)))
            let slots = Int(SubjectWindows.span(of: length) / length.milliseconds)
            for slot in 0..<slots {
                let start = first + Int64(slot) * length.milliseconds
                guard start < range.until, start + length.milliseconds > range.since else {
                    continue
                }
                let isWatched = windows.covered & (1 << UInt64(slot)) != 0
                let window = wanted.flatMap { windows.window(at: slot, $0) }
                guard isWatched || window != nil else { continue }
                body(start, window, isWatched)
            }
        }
    }
}

extension SubjectWindows {
    /// What the largest of the subjects that are meant held in an hour or day.
    fileprivate func window(at slot: Int, _ wanted: SubjectMatcher.Wanted) -> Window? {
        var found: Window?
        for (subject, slots) in windows where wanted.matches(subject) {
            guard let window = slots[slot]?.window else { continue }
            found = found.map { $0.merged(with: window) } ?? window
        }
        return found
    }
}

extension SubjectMatcher.Wanted {
    /// Whether a subject of hours and days is meant.
    fileprivate func matches(_ subject: SubjectKey) -> Bool {
        guard let name else { return false }
        switch column {
        case 0: return subject.program == name
        case 1: return subject.user == name
        default: return subject.cgroup == name
        }
    }
}
