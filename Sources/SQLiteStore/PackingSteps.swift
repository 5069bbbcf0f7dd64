import GRDB
import MemoryModel
import PeakStore

/// Packs hours of minutes, and makes hours and days of them, during one transaction.
struct PackingSteps {
    private let database: Database
    private let names: NameWriter
    private var reader: WindowReader
    private var blocks: BlockTable { reader.blocks }

    /// Prepares for one transaction.
    init(_ database: Database, limits: BlockLimits = .usual) throws {
        self.database = database
        names = try NameWriter(database)
        reader = try WindowReader(database, limits: limits)
    }

    /// The earliest hours that are due and began at `hour` or before, at most `limit` of them.
    func due(atOrBefore hour: Int64, limit: Int) throws -> [HourOfBoot] {
        let row = try PreparedStatement(
            """
            SELECT boot, hour_at_ms FROM window_hour INDEXED BY window_hour_due
            WHERE is_due <> 0 AND hour_at_ms <= ?1 ORDER BY hour_at_ms LIMIT ?2
            """, on: database)
        defer { row.reset() }
        try row.bind(1, hour)
        try row.bind(2, StoredRange.limit(limit))
        var hours: [HourOfBoot] = []
        while try row.step() {
            hours.append(
                HourOfBoot(
                    boot: try row.required(0, as: Int64.self),
                    hour: try row.required(1, as: Int64.self)))
        }
        return hours
    }

    /// What became of an hour that was to be packed, as far as somebody has to be told.
    enum Outcome {
        /// It is packed, but for so many runs.
        case packed(cut: CutHour?)
        /// It stays as it is.
        case damaged(DamagedHour)
    }

    /// Packs an hour; one that is damaged stays as it is, and is due again when more comes late.
    mutating func packUnlessDamaged(
        _ place: HourOfBoot, _ caches: inout WriterCaches
    ) throws -> Outcome {
        do {
            let leftOut = try pack(place, &caches)
            guard leftOut > 0 else { return .packed(cut: nil) }
            return .packed(
                cut: CutHour(
                    host: try BootReader.hostID(ofBoot: place.boot, on: database),
                    startsAtMilliseconds: place.hour, leftOutRuns: leftOut))
        } catch let error as DamagedRow {
            try blocks.setDue(place, false)
            return .damaged(
                DamagedHour(
                    host: try BootReader.hostID(ofBoot: place.boot, on: database),
                    startsAtMilliseconds: place.hour, reason: error.reason))
        }
    }

    /// Packs an hour, merges it into its day's hours and the days, and has the next hour packed
    /// again if it begins otherwise now.
    ///
    /// Returns how many runs its block has no room for.
    @discardableResult
    mutating func pack(_ place: HourOfBoot, _ caches: inout WriterCaches) throws -> Int {
        var found: WindowHour?
        try reader.hours(of: place.boot, from: place.hour, through: place.hour) { _, _, hour in
            found = hour
        }
        guard var hour = found else { return 0 }
        let carried = try reader.carriedOn(from: hour, boot: place.boot, at: place.hour)
        try mergeSubjects(of: hour, place, &caches)
        // What a run held before says nothing where the first minute was not watched.
        if hour.covered & 1 == 0 { hour.begin(with: [:]) }
        let leftOut = try blocks.replace(place, by: hour)
        try check(
            place.moved(by: 1),
            begins: carried.mapValues(PackedMinutes.rounded))
        return leftOut
    }

    /// Merges what is known of the minutes of an hour into its day's hours and the days.
    mutating func mergeSubjects(
        ofHour start: Int64, host: Int64, _ caches: inout WriterCaches
    ) throws {
        for boot in try PurgedRunReader.boots(ofHost: host, on: database) {
            do {
                var found: WindowHour?
                try reader.hours(of: boot, from: start, through: start) { found = $2 }
                guard let hour = found else { continue }
                try mergeSubjects(of: hour, HourOfBoot(boot: boot, hour: start), &caches)
            } catch is DamagedRow {
                // What nobody can read is in no sum.
            }
        }
    }

    /// Whether the next hour still begins with what runs held at the end of the one before.
    private func check(_ next: HourOfBoot, begins carried: [ProcessKey: Window]) throws {
        guard let row = try blocks.hour(next), !row.isDue else { return }
        let expected = row.covered & 1 == 0 ? [:] : carried
        do {
            let known = try blocks.minutes(of: next)?.runs.compactMapValues(\.carried) ?? [:]
            if known != expected { try blocks.setDue(next) }
        } catch is DamagedRow {
            // Whoever asks for it is told; what is packed now is whole.
        }
    }

    // MARK: Hours and days

    private mutating func mergeSubjects(
        of hour: WindowHour, _ place: HourOfBoot, _ caches: inout WriterCaches
    ) throws {
        let host = try BootReader.host(ofBoot: place.boot, on: database)
        var found: [SubjectKey: SubjectWindow] = [:]
        for (key, run) in hour.runs {
            let run = (place: RunPlace(boot: place.boot, key: key), minutes: run)
            let last = try reader.lastMinute(of: run.place, in: place.hour)
            guard let whole = run.minutes.whole(covered: hour.covered, lastMinute: last),
                let subject = try subject(of: run.place, &caches)
            else { continue }
            var known = found[subject] ?? SubjectWindow(window: whole, runCount: 0)
            known.window = known.window.merged(with: whole)
            known.runCount += 1
            found[subject] = known
        }
        // They come from rows, and not by the cache, which would tell a sweep of them.
        for subject in found.keys { caches.names.marks?.insert(subject) }
        for length in [WindowLength.hour, .day] {
            var windows = try blocks.soundSubjects(of: host, length, at: place.hour)
            let slot = PackingSteps.slot(of: place.hour, length)
            if hour.covered != 0 || !found.isEmpty { windows.covered |= 1 << UInt64(slot) }
            for (subject, window) in found { windows.merge(window, of: subject, at: slot) }
            try blocks.replace(host, length, at: place.hour, by: windows)
        }
    }

    /// Which hour of its day, or which of 32 days, has `milliseconds` in it.
    static func slot(of milliseconds: Int64, _ length: WindowLength) -> Int {
        let start = SubjectWindows.start(of: milliseconds, length)
        return Int((milliseconds - start) / length.milliseconds)
    }

    /// What a run has in common with others; nil if there is no row of it.
    private func subject(
        of run: RunPlace, _ caches: inout WriterCaches
    ) throws -> SubjectKey? {
        let row = try PreparedStatement(
            """
            SELECT program, user, cgroup, user_id FROM run
            WHERE boot = ?1 AND pid = ?2 AND start_ticks = ?3 AND image = ?4
            """, on: database)
        defer { row.reset() }
        try run.bind(to: row)
        guard try row.step() else { return nil }
        var subject = SubjectKey(
            program: try row.required(0, as: Int64.self), user: row.number(1),
            cgroup: row.number(2))
        for name in [subject.program, subject.user, subject.cgroup] where name ?? 0 < 0 {
            throw DamagedRow(reason: "a run refers to a name that there cannot be")
        }
        if subject.user == nil, let number = row.number(3) {
            subject.user = try names.id(of: RawText(String(number)), &caches.names)
        }
        return subject
    }
}
