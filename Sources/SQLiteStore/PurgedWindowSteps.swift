import GRDB
import MemoryModel
import PeakStore

/// The steps of a purge, and of its undoing, that move windows, each within one transaction.
struct PurgedWindowSteps {
    private let database: Database
    private let blocks: BlockTable
    private let writer: WindowWriter

    /// Prepares for one transaction.
    init(_ database: Database) throws {
        self.database = database
        blocks = BlockTable(database)
        writer = try WindowWriter(database, hosts: HostKeys(database))
    }

    /// The hours of host `host` of which minutes overlap `range`.
    static func hours(
        ofHost host: Int64, in range: StoredRange, on database: Database
    ) throws -> [HourOfBoot] {
        let row = try PreparedStatement(
            """
            SELECT boot.id, hour_at_ms
            FROM boot CROSS JOIN window_hour ON window_hour.boot = boot.id
            WHERE boot.host = ?1 AND hour_at_ms >= ?2 AND hour_at_ms <= ?3
            ORDER BY boot.id, hour_at_ms
            """, on: database)
        defer { row.reset() }
        try row.bind(1, host)
        try row.bind(2, firstHour(of: range))
        try row.bind(3, range.until)
        var hours: [HourOfBoot] = []
        while try row.step() {
            hours.append(
                HourOfBoot(
                    boot: try row.required(0, as: Int64.self),
                    hour: try row.required(1, as: Int64.self)))
        }
        return hours
    }

    private static func firstHour(of range: StoredRange) -> Int64 {
        WindowLength.hour.start(of: max(range.since, -WindowWriter.farthestMilliseconds))
    }

    // MARK: Taking away

    /// Sets aside what of an hour lies in the range of a tombstone.
    ///
    /// What runs held after the range because nothing had changed is not meant: it becomes a
    /// window of the first minute after it. An hour that is damaged goes for good if all of it is
    /// meant, and stays otherwise: nobody can tell what of it is meant.
    func takeAway(_ place: HourOfBoot, _ row: TombstoneRow) throws {
        let purged = minutes(of: place.hour, in: row.range)
        guard purged != 0 else { return }
        let next = place.moved(by: 1)
        for last in [next, place] {
            do {
                return try takeAway(purged, of: place, through: last, row)
            } catch is DamagedRow {
                // It is the hour itself or the one after it.
            }
        }
        if purged == PurgedWindowSteps.wholeHour { try blocks.delete(place) }
    }

    private static let wholeHour = UInt64(1) << UInt64(WindowHour.minuteCount) - 1

    private func takeAway(
        _ purged: UInt64, of place: HourOfBoot, through last: HourOfBoot, _ row: TombstoneRow
    ) throws {
        let next = place.moved(by: 1)
        var hours: [Int64: WindowHour] = [:]
        var reader = try WindowReader(database)
        try reader.hours(of: place.boot, from: place.hour, through: last.hour) {
            reader, start, hour in
            hours[start] = hour
            let first = start == place.hour ? firstAfter(purged) : 0
            guard let first, start == place.hour || minutes(of: start, in: row.range) == 0,
                start == place.hour || purged >> 59 != 0
            else { return }
            for (key, run) in hour.runs {
                let last = try reader.lastMinute(
                    of: RunPlace(boot: place.boot, key: key), in: start)
                let held = run.effective(covered: hour.covered, lastMinute: last)[first]
                guard let held, !run.own.contains(where: { $0.minute == first }) else { continue }
                hours[start]?.runs[key]?.merge(held, minute: first)
                guard start == next.hour else { continue }
                try writer.merge(
                    held,
                    WindowPlace(
                        boot: place.boot, startsAtMilliseconds: start, length: .minute, key: key))
            }
        }
        guard let hour = hours[place.hour] else { return }
        try setAside(purged, of: hour, place, under: row.tombstone.id)
        if hours[next.hour] != nil { try blocks.setDue(next) }
    }

    private func setAside(
        _ purged: UInt64, of found: WindowHour, _ place: HourOfBoot, under tombstone: Int64
    ) throws {
        var hour = found
        for (key, run) in found.runs {
            for (minute, window) in run.own where purged & (1 << UInt64(minute)) != 0 {
                let start = place.hour.saturatingSum(
                    Int64(minute) * WindowLength.minute.milliseconds)
                let place = WindowPlace(
                    boot: place.boot, startsAtMilliseconds: start, length: .minute, key: key)
                try writer.setAside(window, place, under: tombstone)
            }
            hour.runs[key]?.own.removeAll { purged & (1 << UInt64($0.minute)) != 0 }
            if let window = run.hour {
                let place = WindowPlace(
                    boot: place.boot, startsAtMilliseconds: place.hour, length: .hour, key: key)
                try writer.setAside(window, place, under: tombstone)
                hour.runs[key]?.hour = nil
            }
        }
        let watched = found.covered & purged
        if watched != 0 { try writer.setAside(watched, of: place, under: tombstone) }
        hour.covered &= ~purged
        if hour.covered & 1 == 0 { hour.begin(with: [:]) }
        hour.runs = hour.runs.filter { !$0.value.isEmpty }
        if hour.covered == 0, hour.runs.isEmpty {
            try blocks.delete(place)
        } else {
            try blocks.replace(place, by: hour)
        }
    }

    /// A block of hours or days.
    struct Tier: Sendable {
        /// Of which it is.
        var length: WindowLength
        /// Where it begins.
        var start: Int64
    }

    /// The blocks of a host that overlap the range, those of hours first: days are made of them.
    static func tiers(ofHost host: Int64, in range: StoredRange, on database: Database) throws
        -> [Tier]
    {
        let blocks = BlockTable(database)
        return try [WindowLength.hour, .day].flatMap { length in
            try blocks.starts(ofHost: host, length, in: range)
                .map { Tier(length: length, start: $0) }
        }
    }

    /// Makes the hours or days of a block that overlap the range anew, of what is left; as often as
    /// that is done, it comes out the same.
    func takeAway(_ tier: Tier, _ row: TombstoneRow, _ caches: inout WriterCaches) throws {
        // Names go from block to block here: a sweep that is under way begins anew.
        caches.names.marks = nil
        let length = tier.length
        var windows = try blocks.soundSubjects(of: row.host, length, at: tier.start)
        let slots = Int(SubjectWindows.span(of: length) / length.milliseconds)
        var removed: [Int64] = []
        for slot in 0..<slots {
            let at = tier.start.saturatingSum(Int64(slot) * length.milliseconds)
            guard at <= row.range.until,
                at.saturatingSum(length.milliseconds) > row.range.since
            else { continue }
            windows.remove(at: slot)
            removed.append(at)
        }
        if length == .day {
            for day in removed {
                let hours = try blocks.soundSubjects(of: row.host, .hour, at: day)
                windows.mergeDay(hours, at: PackingSteps.slot(of: day, .day))
            }
        }
        try blocks.replace(row.host, length, at: tier.start, by: windows)
        guard length == .hour else { return }
        var packing = try PackingSteps(database)
        for hour in removed {
            try packing.mergeSubjects(ofHour: hour, host: row.host, &caches)
        }
    }

    /// Which minutes of the hour at `hour` overlap `range`.
    private func minutes(of hour: Int64, in range: StoredRange) -> UInt64 {
        var minutes: UInt64 = 0
        for minute in 0..<WindowHour.minuteCount {
            let start = hour.saturatingSum(Int64(minute) * WindowLength.minute.milliseconds)
            let end = start.saturatingSum(WindowLength.minute.milliseconds - 1)
            if start <= range.until, end >= range.since { minutes |= 1 << UInt64(minute) }
        }
        return minutes
    }

    /// The first minute after those; nil where the last one is among them.
    private func firstAfter(_ minutes: UInt64) -> Int? {
        let first = UInt64.bitWidth - minutes.leadingZeroBitCount
        return first < WindowHour.minuteCount ? first : nil
    }

    // MARK: Bringing back

    /// Brings back windows, at most `limit` of them; returns how many.
    func bringBack(
        _ tombstone: Tombstone, limit: Int, _ caches: inout WriterCaches
    ) throws -> Int {
        let row = try PreparedStatement(
            """
            SELECT boot, pid, start_ticks, image, starts_at_ms, length, at_least_bytes,
                at_most_bytes
            FROM purged_window WHERE tombstone = ?1 LIMIT ?2
            """, on: database)
        try row.bind(1, tombstone.id)
        try row.bind(2, StoredRange.limit(limit))
        var found: [(place: WindowPlace, window: Window)] = []
        while try row.step() {
            guard let length = WindowLength(rawValue: try row.required(5, as: UInt8.self)) else {
                throw DamagedRow(reason: "a window has an unknown length")
            }
            let place = WindowPlace(
                boot: try row.required(0, as: Int64.self),
                startsAtMilliseconds: try row.required(4, as: Int64.self), length: length,
                key: try RunReader.key(row))
            found.append(
                (
                    place,
                    Window(
                        atLeastBytes: try row.required(6, as: UInt64.self),
                        atMostBytes: try row.value(7, as: UInt64.self))
                ))
        }
        row.reset()
        for (place, window) in found {
            try delete(place, tombstone.id)
            let start = place.startsAtMilliseconds
            let bracket = TimeBracket(
                notBeforeMilliseconds: start,
                notAfterMilliseconds: start.saturatingSum(place.length.milliseconds - 1))
            if let other = caches.tombstone(over: bracket, of: tombstone.request.host) {
                try writer.setAside(window, place, under: other)
            } else {
                try writer.merge(window, place)
            }
        }
        return found.count
    }

    /// Brings back which minutes were watched, of at most `limit` hours; returns of how many.
    func bringBackCovered(
        _ tombstone: Tombstone, limit: Int, _ caches: inout WriterCaches
    ) throws -> Int {
        let row = try PreparedStatement(
            """
            SELECT boot, hour_at_ms, covered FROM purged_window_hour
            WHERE tombstone = ?1 LIMIT ?2
            """, on: database)
        try row.bind(1, tombstone.id)
        try row.bind(2, StoredRange.limit(limit))
        var found: [(place: HourOfBoot, covered: UInt64)] = []
        while try row.step() {
            let place = HourOfBoot(
                boot: try row.required(0, as: Int64.self),
                hour: try row.required(1, as: Int64.self))
            found.append((place, UInt64(bitPattern: try row.required(2, as: Int64.self))))
        }
        row.reset()
        for (place, covered) in found {
            try bringBack(covered, of: place, tombstone, &caches)
        }
        return found.count
    }

    private func bringBack(
        _ covered: UInt64, of place: HourOfBoot, _ tombstone: Tombstone,
        _ caches: inout WriterCaches
    ) throws {
        let delete = try PreparedStatement(
            """
            DELETE FROM purged_window_hour
            WHERE tombstone = ?1 AND boot = ?2 AND hour_at_ms = ?3
            """, on: database)
        try delete.bind(1, tombstone.id)
        try delete.bind(2, place.boot)
        try delete.bind(3, place.hour)
        try delete.run()
        var free: UInt64 = 0
        for minute in 0..<WindowHour.minuteCount where covered & (1 << UInt64(minute)) != 0 {
            let start = place.hour.saturatingSum(
                Int64(minute) * WindowLength.minute.milliseconds)
            let bracket = TimeBracket(
                notBeforeMilliseconds: start,
                notAfterMilliseconds: start.saturatingSum(WindowLength.minute.milliseconds - 1))
            if let other = caches.tombstone(over: bracket, of: tombstone.request.host) {
                try writer.setAside(1 << UInt64(minute), of: place, under: other)
            } else {
                free |= 1 << UInt64(minute)
            }
        }
        if free != 0 { try writer.cover(free, of: place) }
    }

    private func delete(_ place: WindowPlace, _ tombstone: Int64) throws {
        let delete = try PreparedStatement(
            """
            DELETE FROM purged_window
            WHERE tombstone = ?5 AND boot = ?1 AND starts_at_ms = ?6 AND length = ?7
                AND pid = ?2 AND start_ticks = ?3 AND image = ?4
            """, on: database)
        try RunPlace(boot: place.boot, key: place.key).bind(to: delete)
        try delete.bind(5, tombstone)
        try delete.bind(6, place.startsAtMilliseconds)
        try delete.bind(7, Int64(place.length.rawValue))
        try delete.run()
    }
}

extension SubjectWindows {
    /// Takes in what the hours of one day held.
    fileprivate mutating func mergeDay(_ hours: SubjectWindows, at slot: Int) {
        if hours.covered != 0 { covered |= 1 << UInt64(slot) }
        for (subject, slots) in hours.windows {
            for window in slots.values { merge(window, of: subject, at: slot) }
        }
    }
}
