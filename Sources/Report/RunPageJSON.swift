import MemoryModel

extension RunPage {
    /// `kind`, `at`, `run` (the fields of a report's row and more), `host`, `kills`, `cgroup`,
    /// `host_moment`, `sections`, `python_growth`, `history`, `last_runs`, `hosts` and `coverage`.
    public var json: String {
        typealias Member = JSONValue.Member
        let memory = host?.description.memoryTotalBytes
        return JSONValue.object([
            Member("kind", .text("run")),
            Member("at", .time(madeAtMilliseconds)),
            Member("since", .time(range.lowerBound)),
            Member("until", .time(range.upperBound)),
            Member("run", .object(ReportColumns.members(row) + runMembers)),
            Member("host_memory_total_bytes", .optional(memory)),
            Member("kills", .array(facts.kills.map { $0.json })),
            Member("cgroup", cgroup.map { $0.json } ?? .null),
            Member("host_moment", momentJSON),
            Member("sections", .array(facts.sections.map(SectionText.json))),
            Member("python_growth", LineText.json(facts.growth)),
            Member("history", HistoryText.json(facts.history)),
            Member("last_runs", .array(lastRuns.map(ReportColumns.json))),
            Member("hosts", .array(siblingHosts.map(ReportColumns.json))),
            Member("coverage", coverage.json),
        ]).document()
    }

    private var runMembers: [JSONValue.Member] {
        typealias Member = JSONValue.Member
        let record = run.record
        let current = row.liveRuns > 0 ? record.current : nil
        return [
            Member("state", .text(stateWord)),
            Member("end_reason", .optional(record.end?.reason.word)),
            Member(
                "ended_not_before", .time(record.end?.bracket?.notBeforeMilliseconds)),
            Member("parent_pid", .optional(record.description.parentPid)),
            Member("parent_run_id", .optional(facts.parent?.key.shortID)),
            Member("user_id", .optional(record.description.userID.map { UInt64($0) })),
            Member("start_ticks", .unsigned(record.key.startTicks)),
            Member("image", .unsigned(UInt64(record.key.image))),
            Member("flags", .array(record.flags.words.map { .text($0) })),
            Member("inherited_bytes", .optional(record.description.inheritedBytes)),
            Member("peak_error_bound_bytes", .optional(counterBound?.bytes)),
            Member("current_swap_bytes", .optional(current?.swapBytes)),
            Member("current_file_bytes", .optional(current?.fileBytes)),
            Member("current_proportional_bytes", .optional(current?.proportionalBytes)),
            Member("current_at", .time(current?.atMilliseconds)),
            Member("minor_faults", .optional(record.faults?.minor)),
            Member("major_faults", .optional(record.faults?.major)),
        ]
    }

    private var stateWord: String {
        run.record.end != nil ? "ended" : row.liveRuns > 0 ? "live" : "unknown"
    }

    private var momentJSON: JSONValue {
        guard let moment = facts.hostMoment else { return .null }
        return .object([
            JSONValue.Member("at", .time(moment.peak.atMilliseconds)),
            JSONValue.Member("used_bytes", .unsigned(moment.peak.bytes)),
            JSONValue.Member("is_in_life", .boolean(isMomentInLife)),
            JSONValue.Member("rss_bytes", .optional(shareOfMoment)),
        ])
    }

    /// What it held over time, one line a window.
    public var csv: String { HistoryText.csv(facts.history) }
}

/// What a subject held over time, for programs.
enum HistoryText {
    private static let columns = [
        "starts_at", "seconds", "at_least_bytes", "at_most_bytes", "is_watched", "watched_seconds",
    ]

    /// One object a window; null where no windows are kept.
    static func json(_ points: [HistoryPoint]?) -> JSONValue {
        guard let points else { return .null }
        return .array(
            points.map { point in
                .object(
                    zip(
                        columns,
                        [
                            .time(point.startsAtMilliseconds),
                            .integer(point.length.milliseconds / 1_000),
                            .optional(point.window?.atLeastBytes),
                            .optional(point.window?.atMostBytes), .boolean(point.isWatched),
                            .optional(thousandths: point.watchedMilliseconds.map(UInt64.init)),
                        ] as [JSONValue]
                    ).map { JSONValue.Member($0, $1) })
            })
    }

    /// One line a window.
    static func csv(_ points: [HistoryPoint]?) -> String {
        CSVText.document(
            header: columns,
            rows: (points ?? []).map { point in
                [
                    .time(point.startsAtMilliseconds),
                    .number(point.length.milliseconds / 1_000),
                    .number(point.window?.atLeastBytes), .number(point.window?.atMostBytes),
                    .boolean(point.isWatched),
                    .thousandths(point.watchedMilliseconds.map(UInt64.init)),
                ]
            })
    }
}
