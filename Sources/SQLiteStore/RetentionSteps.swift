import GRDB
import MemoryModel
import PeakStore

/// Removes what is older than it is kept, or counts it, during one transaction or read.
struct RetentionSteps {
    private let database: Database
    private let minutes: Int64
    private let hours: Int64
    private let days: Int64
    private let runs: Int64

    /// The most rows of one step.
    static let stepRows = 2_000
    /// The most hours of minutes of one step: for each the next one may be written anew, which
    /// takes some milliseconds.
    static let stepHours = 25

    /// Works on `database`; what is removed is older than `retention` says.
    init(_ database: Database, nowMilliseconds now: Int64, _ retention: Retention) {
        self.database = database
        func cut(_ kept: Int64) -> Int64 {
            now.subtractingReportingOverflow(max(kept, 0)).partialValue
        }
        minutes = cut(retention.minutesMilliseconds) - WindowLength.hour.milliseconds
        hours = cut(retention.hoursMilliseconds)
        days = cut(retention.daysMilliseconds)
        runs = cut(retention.runsMilliseconds)
    }

    /// Removes some of it; nothing when nothing is left.
    func remove() throws -> MaintenanceCounts {
        var counts = MaintenanceCounts()
        counts.minuteHours = try removeMinutes()
        if counts.hasRemoved { return counts }
        for rule in rules {
            let statement = try PreparedStatement(rule.delete, on: database)
            try statement.bind(1, rule.before)
            try statement.bind(2, Int64(RetentionSteps.stepRows))
            counts[keyPath: rule.count] += try statement.run()
            if counts.hasRemoved { return counts }
        }
        return counts
    }

    /// How much of it there is.
    func count() throws -> MaintenanceCounts {
        var counts = MaintenanceCounts()
        counts.minuteHours = try count(
            "SELECT count(*) FROM window_hour WHERE hour_at_ms <= ?1", before: minutes)
        for rule in rules {
            counts[keyPath: rule.count] += try count(rule.select, before: rule.before)
        }
        return counts
    }

    private func removeMinutes() throws -> Int {
        let row = try PreparedStatement(
            """
            SELECT boot, hour_at_ms FROM window_hour INDEXED BY window_hour_by_time
            WHERE hour_at_ms <= ?1 AND is_due = 0 ORDER BY hour_at_ms DESC LIMIT ?2
            """, on: database)
        try row.bind(1, minutes)
        try row.bind(2, Int64(RetentionSteps.stepHours))
        var places: [HourOfBoot] = []
        while try row.step() {
            places.append(
                HourOfBoot(
                    boot: try row.required(0, as: Int64.self),
                    hour: try row.required(1, as: Int64.self)))
        }
        row.reset()
        let blocks = BlockTable(database)
        // The latest first: what goes on from one that goes is written anew only if it stays.
        for place in places { try blocks.delete(place) }
        return places.count
    }

    private func count(_ sql: String, before: Int64) throws -> Int {
        let row = try PreparedStatement(sql, on: database)
        defer { row.reset() }
        try row.bind(1, before)
        return try row.step() ? row.required(0, as: Int.self) : 0
    }

    private struct Rule {
        var table: String
        var key: String
        var condition: String
        var before: Int64
        var count: WritableKeyPath<MaintenanceCounts, Int>

        var delete: String {
            """
            DELETE FROM \(table) WHERE (\(key)) IN
                (SELECT \(key) FROM \(table) WHERE \(condition) LIMIT ?2)
            """
        }

        var select: String { "SELECT count(*) FROM \(table) WHERE \(condition)" }
    }

    private var rules: [Rule] {
        let hourSpan = SubjectWindows.span(of: .hour)
        let daySpan = SubjectWindows.span(of: .day)
        let hour = WindowLength.hour.milliseconds
        let total = "kind, hour_at_ms, host, name"
        return [
            Rule(
                table: "subject_block", key: "id",
                condition: "length = 2 AND starts_at_ms <= ?1", before: hours - hourSpan,
                count: \.hourDays),
            Rule(
                table: "subject_block", key: "id",
                condition: "length = 3 AND starts_at_ms <= ?1", before: days - daySpan,
                count: \.dayStretches),
            Rule(
                table: "run", key: "boot, pid, start_ticks, image",
                condition: "ended_not_after_ms < ?1 AND end_reason IS NOT NULL", before: runs,
                count: \.runs),
            Rule(
                table: "fold", key: "host, epoch, ordinal",
                condition: "ended_not_after_ms < ?1", before: runs, count: \.folds),
            Rule(
                table: "total", key: total,
                condition: "kind IN (3, 4, 5) AND hour_at_ms <= ?1", before: hours - hour,
                count: \.totals),
            Rule(
                table: "total_share", key: "hour_at_ms, host, rank",
                condition: "hour_at_ms <= ?1", before: days - hour, count: \.facts),
            Rule(
                table: "total", key: total,
                condition: "kind IN (1, 2) AND hour_at_ms <= ?1", before: days - hour,
                count: \.totals),
            Rule(
                table: "oom_kill", key: "boot, at_boot_ms, pid", condition: "at_ms < ?1",
                before: runs, count: \.facts),
            Rule(
                table: "section", key: "boot, pid, start_ticks, image, name, epoch",
                condition: "peak_not_after_ms < ?1 AND \(SectionTable.hasNoRun)",
                before: runs, count: \.facts),
            Rule(
                table: "gap", key: "host, epoch, ordinal", condition: "not_after_ms < ?1",
                before: runs, count: \.facts),
            Rule(
                table: "cgroup", key: "boot, path, inode", condition: "seen_at_ms < ?1",
                before: runs, count: \.facts),
        ]
    }
}
