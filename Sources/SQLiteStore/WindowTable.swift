import GRDB
import MemoryModel
import PeakStore

/// Merges windows of runs, and which minutes were watched, into rows, during one transaction.
///
/// A tombstone keeps out what begins and ends where it stands: that is set aside.
struct WindowWriter {
    private let insert: PreparedStatement
    private let setAside: PreparedStatement
    private let cover: PreparedStatement
    private let coverAside: PreparedStatement
    private let hosts: HostKeys

    /// The farthest times from the epoch that are kept, in milliseconds: 280,000 years.
    static let farthestMilliseconds: Int64 = 1 << 53

    /// Prepares the statements.
    init(_ database: Database, hosts: HostKeys) throws {
        insert = try PreparedStatement(WindowMerge.insert, on: database)
        setAside = try PreparedStatement(WindowMerge.setAside, on: database)
        cover = try PreparedStatement(WindowMerge.cover, on: database)
        coverAside = try PreparedStatement(WindowMerge.coverAside, on: database)
        self.hosts = hosts
    }

    /// Takes in what a batch holds of both.
    func merge(
        _ windows: [StoredWindow], _ coverage: [StoredCoverage], _ caches: inout WriterCaches
    ) throws {
        var hours: [HourOfBoot: HourCoverage] = [:]
        for window in windows {
            guard let place = try place(window, &caches) else { continue }
            if let tombstone = caches.tombstone(over: window.bracket, of: window.run.host) {
                try setAside.bind(9, tombstone)
                try write(window, boot: place.boot, by: setAside)
            } else {
                hours[place, default: HourCoverage()].add(0, liveCount: 0)
                try write(window, boot: place.boot, by: insert)
            }
        }
        for minute in coverage {
            guard let place = try place(minute, &caches) else { continue }
            let bit = WindowMerge.bit(of: minute.startsAtMilliseconds)
            if let tombstone = caches.tombstone(over: minute.bracket, of: minute.host) {
                try write(bit, liveCount: tombstone, of: place, by: coverAside)
            } else {
                hours[place, default: HourCoverage()].add(
                    bit, liveCount: minute.liveCount.storedAmount)
            }
        }
        for (place, hour) in hours {
            try write(hour.covered, liveCount: hour.liveCount, of: place, by: cover)
        }
    }

    /// Merges a window that was set aside, or was worked out, into its row.
    func merge(_ window: Window, _ place: WindowPlace) throws {
        try bind(window, place, to: insert)
        try insert.run()
        try write(0, liveCount: 0, of: place.hour, by: cover)
    }

    /// Adds watched minutes of an hour, which then has to be packed again.
    func cover(_ minutes: UInt64, of hour: HourOfBoot) throws {
        try write(minutes, liveCount: 0, of: hour, by: cover)
    }

    /// Sets a window aside under a tombstone.
    func setAside(_ window: Window, _ place: WindowPlace, under tombstone: Int64) throws {
        try bind(window, place, to: setAside)
        try setAside.bind(9, tombstone)
        try setAside.run()
    }

    /// Sets watched minutes aside under a tombstone.
    func setAside(_ minutes: UInt64, of hour: HourOfBoot, under tombstone: Int64) throws {
        try write(minutes, liveCount: tombstone, of: hour, by: coverAside)
    }

    private func place(
        _ window: StoredWindow, _ caches: inout WriterCaches
    ) throws -> HourOfBoot? {
        guard window.length != .day, WindowWriter.isKept(window.startsAtMilliseconds) else {
            return nil
        }
        return HourOfBoot(
            boot: try hosts.boot(window.run.boot, of: window.run.host, &caches),
            hour: WindowLength.hour.start(of: window.startsAtMilliseconds))
    }

    private func place(
        _ minute: StoredCoverage, _ caches: inout WriterCaches
    ) throws -> HourOfBoot? {
        guard WindowWriter.isKept(minute.startsAtMilliseconds) else { return nil }
        return HourOfBoot(
            boot: try hosts.boot(minute.boot, of: minute.host, &caches),
            hour: WindowLength.hour.start(of: minute.startsAtMilliseconds))
    }

    private static func isKept(_ milliseconds: Int64) -> Bool {
        (-farthestMilliseconds...farthestMilliseconds).contains(milliseconds)
    }

    private func write(
        _ window: StoredWindow, boot: Int64, by statement: PreparedStatement
    ) throws {
        let start = window.length.start(of: window.startsAtMilliseconds)
        let place = WindowPlace(
            boot: boot, startsAtMilliseconds: start, length: window.length,
            key: window.run.process)
        try bind(window.window, place, to: statement)
        try statement.run()
    }

    private func bind(
        _ window: Window, _ place: WindowPlace, to statement: PreparedStatement
    ) throws {
        try statement.bind(1, place.boot)
        try statement.bind(2, Int64(place.key.pid))
        try statement.bind(3, place.key.startTicks.storedBits)
        try statement.bind(4, Int64(place.key.image))
        try statement.bind(5, place.startsAtMilliseconds)
        try statement.bind(6, Int64(place.length.rawValue))
        try statement.bind(7, window.atLeastBytes.storedAmount)
        try statement.bind(8, window.atMostBytes?.storedAmount)
    }

    private func write(
        _ minutes: UInt64, liveCount: Int64, of hour: HourOfBoot, by statement: PreparedStatement
    ) throws {
        try statement.bind(1, hour.boot)
        try statement.bind(2, hour.hour)
        try statement.bind(3, minutes.storedBits)
        try statement.bind(4, liveCount)
        try statement.run()
    }
}

/// An hour of a boot.
struct HourOfBoot: Hashable, Sendable {
    /// The number of the boot.
    var boot: Int64
    /// When the hour begins, in milliseconds of UTC.
    var hour: Int64

    /// So many hours later; a row may be of any hour, also of one at the end of all numbers.
    func moved(by hours: Int64) -> HourOfBoot {
        HourOfBoot(
            boot: boot, hour: hour.saturatingSum(hours * WindowHour.lengthMilliseconds))
    }

    /// Where the next hour begins.
    var end: Int64 { moved(by: 1).hour }
}

/// A window by its row's key.
struct WindowPlace: Hashable, Sendable {
    /// The number of the boot.
    var boot: Int64
    /// When it begins, in milliseconds of UTC.
    var startsAtMilliseconds: Int64
    /// How long it is.
    var length: WindowLength
    /// Whose it is.
    var key: ProcessKey

    /// The hour that it is in.
    var hour: HourOfBoot {
        HourOfBoot(boot: boot, hour: WindowLength.hour.startOfAny(startsAtMilliseconds))
    }
}

/// What a batch tells of the minutes of an hour.
private struct HourCoverage {
    var covered: UInt64 = 0
    var liveCount: Int64 = 0

    mutating func add(_ minutes: UInt64, liveCount: Int64) {
        covered |= minutes
        self.liveCount = max(self.liveCount, liveCount)
    }
}

extension StoredWindow {
    /// The time that it is about.
    fileprivate var bracket: TimeBracket {
        let start = length.start(of: startsAtMilliseconds)
        return TimeBracket(
            notBeforeMilliseconds: start, notAfterMilliseconds: start + length.milliseconds - 1)
    }
}

extension StoredCoverage {
    /// The time that it is about.
    fileprivate var bracket: TimeBracket {
        let start = WindowLength.minute.start(of: startsAtMilliseconds)
        return TimeBracket(
            notBeforeMilliseconds: start,
            notAfterMilliseconds: start + WindowLength.minute.milliseconds - 1)
    }
}

/// How windows that are written become one with what is there.
enum WindowMerge {
    /// The greater of each bound; an unknown upper bound stays unknown, as `max` of NULL is NULL.
    static let insert = """
        INSERT INTO window (
            boot, pid, start_ticks, image, starts_at_ms, length, at_least_bytes, at_most_bytes
        ) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
        \(greater)
        """

    /// The same under tombstone `?9`.
    static let setAside = """
        INSERT INTO purged_window (
            boot, pid, start_ticks, image, starts_at_ms, length, at_least_bytes, at_most_bytes,
            tombstone
        ) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
        \(greater)
        """

    /// Minutes `?3` of the hour `?2` of boot `?1` were watched, and it has to be packed again.
    static let cover = """
        INSERT INTO window_hour (boot, hour_at_ms, covered, live_count, is_due, block_bytes)
        VALUES (?1, ?2, ?3, ?4, 1, 0)
        ON CONFLICT DO UPDATE SET
            covered = covered | excluded.covered,
            live_count = max(live_count, excluded.live_count), is_due = 1
        """

    /// The same under tombstone `?4`.
    static let coverAside = """
        INSERT INTO purged_window_hour (boot, hour_at_ms, covered, tombstone)
        VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT DO UPDATE SET covered = covered | excluded.covered
        """

    /// The bit of the minute that has this time in it.
    static func bit(of milliseconds: Int64) -> UInt64 {
        1 << UInt64(minute(of: milliseconds))
    }

    /// Which minute of its hour has this time in it, 0 to 59.
    static func minute(of milliseconds: Int64) -> Int {
        let rest = milliseconds.saturatingDifference(WindowLength.hour.startOfAny(milliseconds))
        return max(0, Int(rest / WindowLength.minute.milliseconds))
    }

    private static let greater = """
        ON CONFLICT DO UPDATE SET
            at_least_bytes = max(at_least_bytes, excluded.at_least_bytes),
            at_most_bytes = max(at_most_bytes, excluded.at_most_bytes)
        """
}
