import GRDB
import MemoryModel
import PeakStore

/// Folds small ended runs that were short, during one transaction; or counts them during a read.
///
/// An hour is looked through first, because the largest run of each host in it stays itself; then
/// what was found becomes folds, some runs in each transaction. What is folded is read again in the
/// transaction that deletes it, so that no change since is lost.
struct FoldingSteps {
    private let database: Database
    private let rule: FoldingRule
    /// The last hour that may be folded.
    private let lastHour: Int64

    /// Runs that one step looks at.
    static let stepRows = 2_000
    /// Runs that one step folds, more or less.
    static let stepRuns = 1_000
    /// Subjects of which one step folds runs.
    private static let stepGroups = 200

    /// Works on `database`, on hours whose minutes are not kept any more; nil if nothing is folded.
    init?(_ database: Database, nowMilliseconds now: Int64, _ retention: Retention) {
        guard let rule = retention.folding else { return nil }
        self.database = database
        self.rule = rule
        let kept = max(retention.minutesMilliseconds, 0)
        lastHour =
            now.subtractingReportingOverflow(kept).partialValue
            .subtractingReportingOverflow(WindowHour.lengthMilliseconds).partialValue
    }

    /// Takes a step.
    ///
    /// Returns how many runs it folded, and whether there is more to do.
    func step(_ caches: inout WriterCaches) throws -> (foldedRuns: Int, isMoreDue: Bool) {
        if caches.folding.rule != rule {
            caches.folding = FoldingProgress()
            caches.folding.rule = rule
        }
        guard var hour = try caches.folding.hour ?? begin(&caches.folding) else {
            return (0, false)
        }
        var count = 0
        if hour.isArranged {
            count = try fold(&hour, &caches)
        } else {
            try read(&hour)
            if hour.isRead || hour.candidates.count >= FoldingHour.maximumCandidates {
                hour.arrange()
            }
        }
        caches.folding.hour = hour.isRead && !hour.isArranged ? nil : hour
        return (count, true)
    }

    /// How many runs would be folded.
    func count() throws -> Int {
        var count = 0
        var progress = FoldingProgress()
        while var hour = try begin(&progress) {
            while !hour.isRead { try read(&hour) }
            hour.arrange()
            count += hour.candidates.count
        }
        return count
    }

    // MARK: Looking

    /// The next hour in which runs ended; nil if there is none.
    private func begin(_ progress: inout FoldingProgress) throws -> FoldingHour? {
        if let late = progress.takeLate(atOrBefore: lastHour) { return FoldingHour(start: late) }
        // Times before 1970 are nobody's.
        let row = try PreparedStatement(
            """
            SELECT ended_not_after_ms FROM run INDEXED BY run_by_end
            WHERE ended_not_after_ms >= ?1 ORDER BY ended_not_after_ms LIMIT 1
            """, on: database)
        defer { row.reset() }
        try row.bind(1, max(progress.next ?? 0, 0))
        guard try row.step() else { return nil }
        let start = StoredTotal.hour(of: try row.required(0, as: Int64.self))
        guard start <= lastHour else { return nil }
        progress.next = start &+ StoredTotal.hourLengthMilliseconds
        return FoldingHour(start: start)
    }

    /// Looks at some of the runs that ended in an hour.
    private func read(_ hour: inout FoldingHour) throws {
        let row = try PreparedStatement(FoldingSteps.selectEnded, on: database)
        defer { row.reset() }
        try bindRule(to: row, hour.start)
        let last = hour.last
        try row.bind(5, last?.end ?? hour.start)
        try row.bind(6, last?.place.boot ?? -1)
        try row.bind(7, last.map { Int64($0.place.key.pid) } ?? .min)
        try row.bind(8, last?.place.key.startTicks.storedBits ?? .min)
        try row.bind(9, last.map { Int64($0.place.key.image) } ?? .min)
        try row.bind(10, Int64(FoldingSteps.stepRows))
        var count = 0
        var hosts: [Int64: Int64] = [:]
        while try row.step() {
            count += 1
            let boot = try row.required(0, as: Int64.self)
            let key = try RunReader.key(row)
            let place = RunPlace(boot: boot, key: key)
            hour.last = EndedRun(end: try row.required(4, as: Int64.self), place: place)
            let run = RankedRun(
                place: place, isOwn: row.flag(9), peak: try RunReader.peak(row, from: 5))
            let host = try hosts[boot] ?? BootReader.host(ofBoot: boot, on: database)
            hosts[boot] = host
            if hour.largest[host].map({ run > $0 }) ?? true { hour.largest[host] = run }
            guard row.flag(10) else { continue }
            let subject = FoldingSubject(
                boot: boot, program: try row.required(11, as: Int64.self),
                user: row.number(12) ?? -1,
                userID: row.number(12) == nil ? row.number(13) ?? -1 : -1,
                cgroup: row.number(14) ?? -1)
            hour.candidates.append(FoldingCandidate(subject: subject, key: key))
        }
        hour.isRead = count < FoldingSteps.stepRows
    }

    // MARK: Folding

    private func fold(_ hour: inout FoldingHour, _ caches: inout WriterCaches) throws -> Int {
        var writer = try FoldedRunWriter(database, hour: hour.start)
        let select = try PreparedStatement(
            """
            SELECT \(RunReader.columns) FROM run
            WHERE boot = ?5 AND pid = ?6 AND start_ticks = ?7 AND image = ?8
                AND \(FoldingSteps.isFoldable)
            """, on: database)
        var reader = try RunReader(database)
        var looked = 0
        var folded = 0
        for _ in 0..<FoldingSteps.stepGroups where looked < FoldingSteps.stepRuns {
            let group = hour.takeGroup(limit: FoldingSteps.stepRuns)
            guard !group.isEmpty else { break }
            looked += group.count
            var runs: [(place: RunPlace, run: StoredRun)] = []
            for candidate in group {
                try bindRule(to: select, hour.start)
                try select.bind(5, candidate.place.boot)
                try select.bind(6, Int64(candidate.key.pid))
                try select.bind(7, candidate.key.startTicks.storedBits)
                try select.bind(8, Int64(candidate.key.image))
                if try select.step() { runs.append((candidate.place, try reader.run(select))) }
                select.reset()
            }
            folded += try writer.fold(runs, &caches)
        }
        try writer.flush(&caches)
        return folded
    }

    // MARK: What may be folded

    private func bindRule(to statement: PreparedStatement, _ hour: Int64) throws {
        try statement.bind(1, hour)
        try statement.bind(2, hour &+ StoredTotal.hourLengthMilliseconds)
        try statement.bind(3, rule.belowBytes.storedAmount)
        try statement.bind(4, rule.shorterMilliseconds)
    }

    /// Whether a run is below `?3` bytes for sure, lived for less than `?4` and within the hour
    /// from `?1` to `?2`, and is nothing that a fold cannot tell.
    private static let isFoldable = """
        (end_reason IN (\(RunEndReason.exited.rawValue), \(RunEndReason.executed.rawValue))
            AND flags & \(RunFlags.isNumbered.rawValue) <> 0
            AND flags & \(RunFlags([.killedForMemory, .markFell, .markReset]).rawValue) = 0
            AND (flags & \(RunFlags.peakIsFinal.rawValue) <> 0
                OR peak_source = \(PeakSource.exit.rawValue))
            AND peak_bytes < ?3 AND coalesce(peak_bytes > inherited_bytes, 1)
            AND coalesce(swap_peak_bytes, 0) = 0
            AND started_at_ms >= ?1 AND ended_not_after_ms - started_at_ms < ?4
            AND ended_not_before_ms >= ?1 AND ended_not_after_ms < ?2
            AND peak_not_before_ms >= ?1 AND peak_not_after_ms < ?2
            AND NOT EXISTS (SELECT 1 FROM section WHERE section.boot = run.boot
                AND section.pid = run.pid AND section.start_ticks = run.start_ticks
                AND section.image = run.image)
            AND NOT EXISTS (SELECT 1 FROM growth WHERE growth.boot = run.boot
                AND growth.pid = run.pid AND growth.start_ticks = run.start_ticks
                AND growth.image = run.image))
        """

    private static let selectEnded = """
        SELECT boot, pid, start_ticks, image, ended_not_after_ms,
            peak_bytes, peak_not_before_ms, peak_not_after_ms, peak_source,
            coalesce(peak_bytes > inherited_bytes, 1), \(isFoldable),
            program, user, user_id, cgroup
        FROM run INDEXED BY run_by_end
        WHERE ended_not_after_ms >= ?5 AND ended_not_after_ms < ?2
            AND (ended_not_after_ms, boot, pid, start_ticks, image) > (?5, ?6, ?7, ?8, ?9)
        ORDER BY ended_not_after_ms, boot, pid, start_ticks, image LIMIT ?10
        """
}
