import GRDB
import MemoryModel
import PeakStore

/// Answers what runs and subjects held in the past, during one read.
struct HistoryReader {
    private let database: Database
    private var reader: WindowReader
    private var subjects: SubjectMatcher

    /// The most points of one answer.
    static let maximumCount = 100_000

    /// Prepares the statements.
    init(_ database: Database) throws {
        self.database = database
        reader = try WindowReader(database)
        subjects = try SubjectMatcher(database)
    }

    /// What runs held within a range.
    mutating func windows(
        of runs: [RunKey], in range: HistoryRange
    ) throws -> [RunKey: RangedWindow] {
        var found: [RunKey: RangedWindow] = [:]
        let boots = try HistoryBoots(database)
        for (name, runs) in Dictionary(grouping: runs, by: { BootName($0) }) {
            guard let boot = try boots.number(of: name) else { continue }
            var sums: [ProcessKey: RangeOfWindows] = [:]
            for run in runs {
                sums[run.process] = RangeOfWindows(since: range.since, until: range.until)
            }
            try reader.hours(of: boot, from: range.firstHour, through: range.lastHour) {
                reader, start, hour in
                for key in sums.keys {
                    guard let run = hour.runs[key] else { continue }
                    let place = RunPlace(boot: boot, key: key)
                    let last = try reader.lastMinute(of: place, in: start)
                    run.forEachWindow(covered: hour.covered, lastMinute: last, hour: start) {
                        sums[key]?.add($0, startsAt: $1, length: $2)
                    }
                }
            }
            for run in runs { found[run] = sums[run.process]?.found }
        }
        return found
    }

    /// What a subject held, point by point.
    mutating func points(
        of subject: HistorySubject, in range: HistoryRange, length: WindowLength, limit: Int
    ) throws -> [HistoryPoint] {
        switch subject {
        case .host(let host):
            return try pointsOfHost(host, in: range, length: max(length, .hour), limit: limit)
        case .run(let run):
            let boots = try HistoryBoots(database)
            guard let boot = try boots.number(of: BootName(run)) else { return [] }
            let place = HistoryPlace(boots: [boot], hosts: try boots.numbers(ofHosts: run.host))
            return try points(of: place, in: range, length: length, limit: limit) { _, key in
                key == run.process
            }
        case .program(_, let host), .user(_, let host), .cgroup(_, let host):
            let boots = try HistoryBoots(database)
            guard let wanted = try subjects.wanted(subject) else { return [] }
            let place = HistoryPlace(
                boots: try boots.numbers(of: host), hosts: try boots.numbers(ofHosts: host),
                wanted: wanted)
            let matcher = subjects
            return try points(of: place, in: range, length: length, limit: limit) { boot, key in
                try matcher.matches(RunPlace(boot: boot, key: key), wanted)
            }
        }
    }

    private mutating func points(
        of place: HistoryPlace, in range: HistoryRange, length: WindowLength, limit: Int,
        where isMeant: (Int64, ProcessKey) throws -> Bool
    ) throws -> [HistoryPoint] {
        guard let known = try knownHours(of: place) else { return [] }
        var whole = range
        if whole.until == WindowWriter.farthestMilliseconds {
            whole.until = min(
                known.upperBound.saturatingSum(WindowHour.lengthMilliseconds), range.until)
        }
        whole.since = max(whole.since, known.lowerBound)
        var part = whole
        // Points that are longer than asked for fill more time with fewer of them.
        var span = length.milliseconds * Int64(limit)
        while !whole.isEmpty {
            part.since = max(whole.since, whole.until - span)
            let found = try collect(from: place, in: part, length: length, where: isMeant)
            let points = found.points(since: part.since, until: part.until, limit: limit)
            if points.count == limit || part.since == whole.since { return points }
            span *= 32
        }
        return []
    }

    private mutating func collect(
        from place: HistoryPlace, in range: HistoryRange, length: WindowLength,
        where isMeant: (Int64, ProcessKey) throws -> Bool
    ) throws -> HistoryPoints {
        var points = HistoryPoints(length: length)
        for boot in place.boots {
            try reader.hours(of: boot, from: range.firstHour, through: range.lastHour) {
                reader, start, hour in
                hour.forEachCovered { points.noteWatched(at: start + $0) }
                for (key, run) in hour.runs where try isMeant(boot, key) {
                    let place = RunPlace(boot: boot, key: key)
                    let last = try reader.lastMinute(of: place, in: start)
                    run.forEachWindow(covered: hour.covered, lastMinute: last, hour: start) {
                        points.add($0, at: $1, length: $2)
                    }
                }
            }
        }
        let tiers = TierReader(database)
        for host in place.hosts {
            try tiers.add(to: &points, host: host, in: range, place.wanted)
        }
        return points
    }

    /// The first and the last hour of which anything is known there.
    private func knownHours(of place: HistoryPlace) throws -> ClosedRange<Int64>? {
        let row = try PreparedStatement(
            "SELECT min(hour_at_ms), max(hour_at_ms) FROM window_hour WHERE boot = ?1",
            on: database)
        var known: ClosedRange<Int64>?
        for boot in place.boots {
            try row.bind(1, boot)
            if try row.step(), let first = row.number(0), let last = row.number(1) {
                known =
                    min(first, known?.lowerBound ?? .max)...max(last, known?.upperBound ?? .min)
            }
            row.reset()
        }
        guard let tiers = try TierReader(database).knownHours(ofHosts: place.hosts) else {
            return known
        }
        guard let known else { return tiers }
        return min(
            tiers.lowerBound, known.lowerBound)...max(
                tiers.upperBound, known.upperBound)
    }

    /// The sums of a host by the hour, or the greatest of each day.
    private mutating func pointsOfHost(
        _ host: HostID, in range: HistoryRange, length: WindowLength, limit: Int
    ) throws -> [HistoryPoint] {
        let row = try PreparedStatement(
            """
            SELECT hour_at_ms, bytes FROM host CROSS JOIN total ON total.host = host.id
            WHERE host.host_id = ?1 AND total.kind = ?2
                AND hour_at_ms >= ?3 AND hour_at_ms < ?4 ORDER BY hour_at_ms
            """, on: database)
        defer { row.reset() }
        try row.bind(1, text: host.text)
        try row.bind(2, Int64(TotalKind.host.rawValue))
        try row.bind(3, length.start(of: range.since))
        try row.bind(4, range.until)
        var points = HistoryPoints(length: length)
        var known: ClosedRange<Int64>?
        while try row.step() {
            let hour = try row.required(0, as: Int64.self)
            let bytes = try row.required(1, as: UInt64.self)
            let window = Window(atLeastBytes: bytes, atMostBytes: nil)
            points.add(window, at: hour, length: .hour)
            known = min(hour, known?.lowerBound ?? hour)...hour
        }
        guard let known else { return [] }
        let isOpen = range.until == WindowWriter.farthestMilliseconds
        let until = isOpen ? known.upperBound + WindowHour.lengthMilliseconds : range.until
        return points.points(
            since: max(range.since, known.lowerBound), until: until, limit: limit)
    }
}

/// Where a subject's past is looked for.
private struct HistoryPlace {
    /// The boots whose minutes are read.
    var boots: [Int64]
    /// The hosts whose hours and days are read.
    var hosts: [Int64]
    /// Whose windows of hours and days are meant; nil for nobody's.
    var wanted: SubjectMatcher.Wanted?
}

extension RunMinutes {
    /// Hands over what the run held in the minutes of the hour at `hour`, and in the whole of it.
    func forEachWindow(
        covered: UInt64, lastMinute: Int, hour start: Int64,
        _ body: (Window, Int64, WindowLength) -> Void
    ) {
        if let hour { body(hour, start, .hour) }
        let minutes = effective(covered: covered, lastMinute: lastMinute)
        for (minute, window) in minutes.enumerated() {
            guard let window else { continue }
            body(window, start + Int64(minute) * WindowLength.minute.milliseconds, .minute)
        }
    }
}

extension WindowHour {
    /// Hands over where the watched minutes begin, in milliseconds from the hour's beginning.
    func forEachCovered(_ body: (Int64) -> Void) {
        for minute in 0..<WindowHour.minuteCount where covered & (1 << UInt64(minute)) != 0 {
            body(Int64(minute) * WindowLength.minute.milliseconds)
        }
    }
}
