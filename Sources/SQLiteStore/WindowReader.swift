import GRDB
import MemoryModel
import PeakStore

/// Reads the minutes of boots, hour by hour, during one read or transaction.
///
/// An hour that is not due is whole in its block. One that is due has rows that its block lacks,
/// and what is carried on from it is not known to the hours after it; so reading begins at the
/// earliest hour that is due.
struct WindowReader {
    private let selectDue: PreparedStatement
    private let selectHours: PreparedStatement
    private let selectRows: PreparedStatement
    private let selectEnd: PreparedStatement
    /// What it reads blocks from.
    let blocks: BlockTable
    private var ends: [RunPlace: RunLife] = [:]

    /// Prepares the statements.
    init(_ database: Database, limits: BlockLimits = .usual) throws {
        blocks = BlockTable(database, limits: limits)
        selectDue = try PreparedStatement(
            """
            SELECT min(hour_at_ms) FROM window_hour
            WHERE boot = ?1 AND hour_at_ms <= ?2 AND +is_due <> 0
            """, on: database)
        selectHours = try PreparedStatement(
            """
            SELECT hour_at_ms, covered FROM window_hour
            WHERE boot = ?1 AND hour_at_ms BETWEEN ?2 AND ?3 ORDER BY hour_at_ms
            """, on: database)
        selectRows = try PreparedStatement(
            """
            SELECT boot, pid, start_ticks, image, starts_at_ms, length, at_least_bytes,
                at_most_bytes
            FROM window WHERE boot = ?1 AND starts_at_ms >= ?2 AND starts_at_ms < ?3
            """, on: database)
        selectEnd = try PreparedStatement(
            """
            SELECT end_reason, ended_not_before_ms FROM run
            WHERE boot = ?1 AND pid = ?2 AND start_ticks = ?3 AND image = ?4
            """, on: database)
    }

    /// Hands over every hour of boot `boot` from `first` to `last` of which anything is known,
    /// oldest first, complete with what runs held when it began.
    mutating func hours(
        of boot: Int64, from first: Int64, through last: Int64,
        _ body: (inout WindowReader, Int64, WindowHour) throws -> Void
    ) throws {
        let due = try earliestDue(of: boot, atOrBefore: first)
        let rows = try rows(
            of: boot,
            from: due.map { HourOfBoot(boot: boot, hour: $0).moved(by: -1).hour } ?? first,
            through: last)
        var before: (hour: Int64, carried: [ProcessKey: Window])?
        for row in rows {
            let place = HourOfBoot(boot: boot, hour: row.hour)
            let isWanted = row.hour >= due ?? first
            guard var hour = try load(place, covered: row.covered, isWanted: isWanted) else {
                continue
            }
            if let before, before.hour == place.moved(by: -1).hour {
                hour.begin(with: before.carried)
            } else if before != nil {
                hour.begin(with: [:])
            }
            before = (row.hour, try carriedOn(from: hour, boot: boot, at: row.hour))
            if row.hour >= first { try body(&self, row.hour, hour) }
        }
    }

    /// What each run of an hour held in its last minute.
    mutating func carriedOn(
        from hour: WindowHour, boot: Int64, at start: Int64
    ) throws -> [ProcessKey: Window] {
        var lastMinutes: [ProcessKey: Int] = [:]
        for key in hour.runs.keys {
            lastMinutes[key] = try lastMinute(of: RunPlace(boot: boot, key: key), in: start)
        }
        return hour.carriedOn(lastMinutes: lastMinutes)
    }

    /// In which minute of the hour at `start` a run was last known to live: below 0 before it, and
    /// above 59 after it.
    mutating func lastMinute(of run: RunPlace, in start: Int64) throws -> Int {
        switch try life(of: run) {
        case .lives: return .max
        case .unknown: return -1
        case .ended(let end):
            let minute = WindowLength.minute.startOfAny(end).saturatingDifference(start)
            return Int(clamping: minute / WindowLength.minute.milliseconds)
        }
    }

    /// The windows of an hour; nil where it is damaged and only what it ended with is wanted, which
    /// is then not known.
    private func load(
        _ place: HourOfBoot, covered: UInt64, isWanted: Bool
    ) throws -> WindowHour? {
        do {
            return try load(place, covered: covered)
        } catch let error as DamagedRow {
            guard isWanted else { return nil }
            throw error
        }
    }

    /// The windows of an hour: its block, and the rows that it lacks.
    func load(_ place: HourOfBoot, covered: UInt64) throws -> WindowHour {
        var hour = try blocks.minutes(of: place) ?? WindowHour()
        hour.covered = covered
        try addRows(of: place, to: &hour)
        return hour
    }

    private func addRows(of place: HourOfBoot, to hour: inout WindowHour) throws {
        try selectRows.bind(1, place.boot)
        try selectRows.bind(2, place.hour)
        try selectRows.bind(3, place.end)
        defer { selectRows.reset() }
        while try selectRows.step() {
            let key = try RunReader.key(selectRows)
            let window = Window(
                atLeastBytes: try selectRows.required(6, as: UInt64.self),
                atMostBytes: try selectRows.value(7, as: UInt64.self))
            switch WindowLength(rawValue: try selectRows.required(5, as: UInt8.self)) {
            case .minute:
                let start = try selectRows.required(4, as: Int64.self)
                hour.runs[key, default: RunMinutes()].merge(
                    window, minute: WindowMerge.minute(of: start))
            case .hour: hour.runs[key, default: RunMinutes()].mergeHour(window)
            case .day, nil: throw DamagedRow(reason: "a window has an unknown length")
            }
        }
    }

    private func earliestDue(of boot: Int64, atOrBefore hour: Int64) throws -> Int64? {
        try selectDue.bind(1, boot)
        try selectDue.bind(2, hour)
        defer { selectDue.reset() }
        return try selectDue.step() ? selectDue.number(0) : nil
    }

    private func rows(
        of boot: Int64, from first: Int64, through last: Int64
    ) throws -> [(hour: Int64, covered: UInt64)] {
        try selectHours.bind(1, boot)
        try selectHours.bind(2, first)
        try selectHours.bind(3, last)
        defer { selectHours.reset() }
        var rows: [(hour: Int64, covered: UInt64)] = []
        while try selectHours.step() {
            rows.append(
                (
                    try selectHours.required(0, as: Int64.self),
                    UInt64(bitPattern: try selectHours.required(1, as: Int64.self))
                ))
        }
        return rows
    }

    private mutating func life(of run: RunPlace) throws -> RunLife {
        if let known = ends[run] { return known }
        try run.bind(to: selectEnd)
        defer { selectEnd.reset() }
        var life = RunLife.unknown
        if try selectEnd.step() {
            if selectEnd.number(0) == nil {
                life = .lives
            } else if let end = selectEnd.number(1) {
                life = .ended(end)
            }
        }
        ends[run] = life
        return life
    }
}

/// Until when a run is known to have lived.
private enum RunLife {
    case lives
    /// Until this moment, in milliseconds of UTC.
    case ended(Int64)
    /// There is no row of it, or nobody knows when it ended: only windows of its own count.
    case unknown
}
