import GRDB
import MemoryModel

/// Reads and writes blocks, during one read or transaction.
///
/// Most blocks of minutes go on from that of the hour before, which saves them half of what they
/// take. When that changes or goes, the next one is written anew, saying what it said.
struct BlockTable {
    private let database: Database
    private let limits: BlockLimits
    private let latest = Latest()

    /// The block that was read last, which the next one may go on from.
    private final class Latest {
        var hour: (place: HourOfBoot, minutes: WindowHour)?
    }

    /// Of so many hours the first can be read alone, and each other goes on from the one before.
    static let chainedHours: Int64 = 6

    /// Works on `database`.
    init(_ database: Database, limits: BlockLimits = .usual) {
        self.database = database
        self.limits = limits
    }

    /// The minutes of an hour that are packed; nil where none are.
    func minutes(of place: HourOfBoot) throws -> WindowHour? {
        let block = try bytes(of: place)
        guard !block.isEmpty else { return nil }
        let goesOn = try PackedMinutes.digest(ofEndsBefore: block) != nil
        let minutes = try PackedMinutes.hour(
            of: block, after: goesOn ? ends(before: place) : nil, maximumRuns: limits.runs)
        latest.hour = (place, minutes)
        return minutes
    }

    /// What the block of the hour before ended with; nil for one that has to be readable alone.
    private func ends(before place: HourOfBoot) throws -> HourEnds? {
        guard place.hour / WindowHour.lengthMilliseconds % BlockTable.chainedHours != 0 else {
            return nil
        }
        let before = place.moved(by: -1)
        if let latest = latest.hour, latest.place == before { return HourEnds(of: latest.minutes) }
        return try minutes(of: before).map { HourEnds(of: $0) }
    }

    /// The minutes of the block that goes on from that of an hour, which is about to end with
    /// `ends`, or to go; nil if it need not be written anew.
    ///
    /// Whoever tells minutes can choose them so that two ends have one digest, so the ends are
    /// compared. A block that is damaged, or the one before it, stays as it is.
    private func following(
        _ place: HourOfBoot, unlessEndingWith ends: HourEnds?
    ) throws -> WindowHour? {
        let next = place.moved(by: 1)
        do {
            let block = try bytes(of: next)
            guard try PackedMinutes.digest(ofEndsBefore: block) != nil,
                let before = try self.ends(before: next), before != ends
            else { return nil }
            return try PackedMinutes.hour(of: block, after: before, maximumRuns: limits.runs)
        } catch is DamagedRow {
            return nil
        }
    }

    /// The same where a block that is damaged is as good as none.
    private func soundEnds(before place: HourOfBoot) throws -> HourEnds? {
        do { return try ends(before: place) } catch is DamagedRow { return nil }
    }

    private func bytes(of place: HourOfBoot) throws -> [UInt8] {
        let row = try PreparedStatement(
            """
            SELECT block FROM window_block WHERE boot = ?1 AND hour_at_ms = ?2 ORDER BY part
            """, on: database)
        defer { row.reset() }
        try bind(place, to: row)
        var block: [UInt8] = []
        while try row.step() {
            block += row.bytes(0)
            guard block.count <= limits.readBytes else {
                throw DamagedRow(reason: "a block of windows is larger than any can be")
            }
        }
        return block
    }

    /// Puts a block in the place of the rows and the block of an hour, which is not due any more.
    ///
    /// Returns how many runs it has no room for: those that held least.
    @discardableResult
    func replace(_ place: HourOfBoot, by whole: WindowHour) throws -> Int {
        let next = place.moved(by: 1)
        var hour = whole
        var leftOut = hour.keepLargest(limits.runs)
        let before = try soundEnds(before: place)
        var block = PackedMinutes.block(of: hour, after: before)
        while block.count > limits.bytes, !hour.runs.isEmpty {
            leftOut += hour.keepLargest(hour.runs.count / 2)
            block = PackedMinutes.block(of: hour, after: before)
        }
        let ends = HourEnds(of: hour)
        let following = try following(place, unlessEndingWith: ends)
        try write(block, of: place)
        if let following { try write(PackedMinutes.block(of: following, after: ends), of: next) }
        try deleteRows(of: place)
        let note = try PreparedStatement(
            "UPDATE window_hour SET is_due = 0, covered = ?3 WHERE boot = ?1 AND hour_at_ms = ?2",
            on: database)
        try bind(place, to: note)
        try note.bind(3, hour.covered.storedBits)
        try note.run()
        return leftOut
    }

    private func write(_ block: [UInt8], of place: HourOfBoot) throws {
        latest.hour = nil
        try delete("window_block", place)
        let insert = try PreparedStatement(
            """
            INSERT INTO window_block (boot, hour_at_ms, part, block) VALUES (?1, ?2, ?3, ?4)
            """, on: database)
        try bind(place, to: insert)
        for (part, bytes) in BlockTable.parts(of: block).enumerated() {
            try insert.bind(3, Int64(part))
            try insert.bind(4, bytes: bytes)
            try insert.run()
        }
        let note = try PreparedStatement(
            "UPDATE window_hour SET block_bytes = ?3 WHERE boot = ?1 AND hour_at_ms = ?2",
            on: database)
        try bind(place, to: note)
        try note.bind(3, Int64(block.count))
        try note.run()
    }

    /// Removes everything of an hour's minutes.
    func delete(_ place: HourOfBoot) throws {
        let next = place.moved(by: 1)
        let following = try following(place, unlessEndingWith: nil)
        try deleteRows(of: place)
        try delete("window_block", place)
        try delete("window_hour", place)
        latest.hour = nil
        if let following { try write(PackedMinutes.block(of: following), of: next) }
    }

    private func delete(_ table: String, _ place: HourOfBoot) throws {
        let delete = try PreparedStatement(
            "DELETE FROM \(table) WHERE boot = ?1 AND hour_at_ms = ?2", on: database)
        try bind(place, to: delete)
        try delete.run()
    }

    /// A block in parts of about the same length, so that pages of 4 KiB fill.
    static func parts(of block: [UInt8]) -> [[UInt8]] {
        let count = max(1, (block.count + maximumPartBytes - 1) / maximumPartBytes)
        return (0..<count).map { part in
            Array(block[block.count * part / count..<block.count * (part + 1) / count])
        }
    }

    private static let maximumPartBytes = 600

    /// Has an hour packed again, if it has anything.
    func setDue(_ place: HourOfBoot, _ isDue: Bool = true) throws {
        let update = try PreparedStatement(
            "UPDATE window_hour SET is_due = ?3 WHERE boot = ?1 AND hour_at_ms = ?2",
            on: database)
        try bind(place, to: update)
        try update.bind(3, isDue ? 1 : 0)
        try update.run()
    }

    /// Which minutes of an hour were watched, and whether it is due; nil where nothing is known.
    func hour(_ place: HourOfBoot) throws -> (covered: UInt64, isDue: Bool)? {
        let row = try PreparedStatement(
            "SELECT covered, is_due FROM window_hour WHERE boot = ?1 AND hour_at_ms = ?2",
            on: database)
        defer { row.reset() }
        try bind(place, to: row)
        guard try row.step() else { return nil }
        return (UInt64(bitPattern: try row.required(0, as: Int64.self)), row.flag(1))
    }

    // MARK: Subjects

    /// The hours of the day, or the 32 days, that have `milliseconds` in them.
    func subjects(
        of host: Int64, _ length: WindowLength, at milliseconds: Int64
    ) throws -> SubjectWindows {
        let row = try PreparedStatement(
            """
            SELECT covered, block FROM subject_block
            WHERE length = ?2 AND host = ?1 AND starts_at_ms = ?3
            """, on: database)
        defer { row.reset() }
        try row.bind(1, host)
        try row.bind(2, Int64(length.rawValue))
        try row.bind(3, SubjectWindows.start(of: milliseconds, length))
        guard try row.step() else { return SubjectWindows() }
        return try SubjectWindows(
            block: row.bytes(1),
            covered: UInt64(bitPattern: try row.required(0, as: Int64.self)))
    }

    /// The same where a block that is damaged is as good as none: nobody can read it, and it must
    /// not keep out what comes after it.
    func soundSubjects(
        of host: Int64, _ length: WindowLength, at milliseconds: Int64
    ) throws -> SubjectWindows {
        do {
            return try subjects(of: host, length, at: milliseconds)
        } catch is DamagedRow {
            return SubjectWindows()
        }
    }

    /// Where the blocks of a host begin that overlap a range.
    func starts(
        ofHost host: Int64, _ length: WindowLength, in range: StoredRange
    ) throws -> [Int64] {
        let row = try PreparedStatement(
            """
            SELECT starts_at_ms FROM subject_block
            WHERE length = ?1 AND host = ?2 AND starts_at_ms > ?3 AND starts_at_ms <= ?4
            """, on: database)
        defer { row.reset() }
        let span = SubjectWindows.span(of: length)
        try row.bind(1, Int64(length.rawValue))
        try row.bind(2, host)
        try row.bind(3, max(range.since, .min + span) - span)
        try row.bind(4, range.until)
        var starts: [Int64] = []
        while try row.step() { starts.append(try row.required(0, as: Int64.self)) }
        return starts
    }

    /// Puts windows in the place of those that `subjects(of:_:at:)` gave.
    func replace(
        _ host: Int64, _ length: WindowLength, at milliseconds: Int64,
        by windows: SubjectWindows
    ) throws {
        let block = windows.block
        let upsert = try PreparedStatement(
            """
            INSERT INTO subject_block (host, length, starts_at_ms, covered, block_bytes, block)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)
            ON CONFLICT (length, host, starts_at_ms) DO UPDATE SET
                covered = excluded.covered, block_bytes = excluded.block_bytes,
                block = excluded.block
            """, on: database)
        try upsert.bind(1, host)
        try upsert.bind(2, Int64(length.rawValue))
        try upsert.bind(3, SubjectWindows.start(of: milliseconds, length))
        try upsert.bind(4, windows.covered.storedBits)
        try upsert.bind(5, Int64(block.count))
        try upsert.bind(6, bytes: block)
        try upsert.run()
    }

    private func deleteRows(of place: HourOfBoot) throws {
        let delete = try PreparedStatement(
            "DELETE FROM window WHERE boot = ?1 AND starts_at_ms >= ?2 AND starts_at_ms < ?3",
            on: database)
        try bind(place, to: delete)
        try delete.bind(3, place.end)
        try delete.run()
    }

    private func bind(_ place: HourOfBoot, to statement: PreparedStatement) throws {
        try statement.bind(1, place.boot)
        try statement.bind(2, place.hour)
    }
}
