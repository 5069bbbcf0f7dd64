public import MemoryModel

/// A group of runs in two ranges of time.
public struct ComparedGroup: Hashable, Sendable {
    /// The name of the group; nil for the runs that have none.
    public var name: RawText?
    /// What it is in the range; nil where it has no runs there.
    public var now: ReportRow?
    /// What it was in the range that is compared with; nil where it had no runs there.
    public var before: ReportRow?

    /// Whether it is in one of the ranges only.
    public var state: State {
        guard let now else { return before?.isWatchedBeside == false ? .unknown : .gone }
        guard before != nil else { return now.isWatchedBeside == false ? .unknown : .new }
        return .both
    }

    /// In which of the ranges a group is.
    public enum State: String, Hashable, Sendable {
        /// In both.
        case both
        /// Only in the later one.
        case new
        /// Only in the earlier one.
        case gone
        /// In one of them, and in the other one no agent watched its hosts.
        case unknown
    }

    /// By how many bytes its largest peak is greater; what is not there counts as nothing.
    ///
    /// nil where a range has the group and nothing was measured in it, or nobody watched.
    public var changeBytes: Int64? {
        guard state != .unknown, let mine = ComparedGroup.bytes(now),
            let theirs = ComparedGroup.bytes(before)
        else {
            return nil
        }
        return mine >= theirs
            ? Int64(clamping: mine - theirs) : -Int64(clamping: theirs - mine)
    }

    /// The change in tenths of a percent of what was before; nil where there was nothing.
    var changePermille: Int? {
        guard let mine = now?.peak?.bytes, let theirs = before?.peak?.bytes, theirs > 0 else {
            return nil
        }
        return mine >= theirs
            ? Permille.of(mine - theirs, theirs) : Permille.of(theirs - mine, theirs).map { -$0 }
    }

    private static func bytes(_ row: ReportRow?) -> UInt64? {
        guard let row else { return 0 }
        return row.peak?.bytes
    }
}

/// A range of time beside an earlier one, the largest growth first.
public struct ComparisonView: FleetView, Hashable {
    /// The report of the range.
    public var now: ReportResult
    /// The report of the earlier range.
    public var before: ReportResult
    /// The groups of both, the largest growth first.
    public private(set) var groups: [ComparedGroup]
    private let top: Int

    /// Sets the rows of two reports side by side.
    ///
    /// Both must have been made by `query`'s ranges, with all their rows; those of too few runs in
    /// both ranges are left out.
    public init(now: ReportResult, before: ReportResult, query: ReportQuery) {
        self.now = now
        self.before = before
        top = query.top
        var earlier = Dictionary(
            before.rows.map { ($0.group, $0) }, uniquingKeysWith: { first, _ in first })
        groups = now.rows.map {
            ComparedGroup(name: $0.group, now: $0, before: earlier.removeValue(forKey: $0.group))
        }
        groups += earlier.map { ComparedGroup(name: $0.key, now: nil, before: $0.value) }
        groups.removeAll {
            max($0.now?.runs ?? 0, $0.before?.runs ?? 0) < query.minimumRuns
        }
        groups.sort { $0.isBefore($1) }
    }

    /// The forms that a comparison has.
    public static let formats = OutputFormat.allCases.filter { $0 != .openmetrics }

    /// The names of the fields of a row in JSON and CSV.
    public static let columns = [
        "group", "host", "state", "peak_rss_bytes", "peak_before_rss_bytes", "change_bytes",
        "change_percent", "peak_is_lower_bound", "peak_before_is_lower_bound",
        "peak_p95_bytes", "peak_p95_before_bytes", "runs", "runs_before", "hosts", "hosts_before",
        "oom_killed_runs", "oom_killed_runs_before", "peak_host", "peak_pid", "peak_not_after",
        "peak_is_upper_bound", "peak_before_is_upper_bound", "change_is_lower_bound",
        "change_is_upper_bound",
    ]

    /// Rows that were left out because fewer were asked for.
    public var hiddenRowCount: Int { max(0, groups.count - top) }
    /// What the comparison rests on, in one line.
    public var coverageLine: String? {
        ([coverage.headerLine] + [before.coverage.earlierLine].compactMap { $0 })
            .joined(separator: " ")
    }
    /// `since`, `until`, `by`, `watched`, the same of the earlier range with `compared_` before
    /// it, `coverage` and `rows`.
    public var json: String { document.json }
    /// The rows with the columns of `columns`.
    public var csv: String { document.csv(style: TextStyle()) }

    /// A table, what it shows, and the coverage.
    public func text(style: TextStyle) -> String { document.text(page(style), style: style) }

    /// The comparison in any of `formats`.
    public func written(as format: OutputFormat, style: TextStyle) -> String {
        document.written(as: format, style: style, page: page)
    }

    private var shown: ArraySlice<ComparedGroup> { groups.prefix(top) }

    private var coverage: Coverage {
        var coverage = now.coverage
        coverage.hiddenRowCount = hiddenRowCount
        coverage.isCut = now.coverage.isCut || before.coverage.isCut
        return coverage
    }

    private var document: RowsDocument {
        RowsDocument(
            head: [
                JSONValue.Member("since", .time(now.sinceMilliseconds)),
                JSONValue.Member("until", .time(now.untilMilliseconds)),
                JSONValue.Member("by", .text(now.grouping.word)),
                JSONValue.Member("compared_since", .time(before.sinceMilliseconds)),
                JSONValue.Member("compared_until", .time(before.untilMilliseconds)),
                JSONValue.Member("compared_coverage", before.coverage.json),
                JSONValue.Member("watched", now.coverage.watched?.json ?? .null),
                JSONValue.Member("compared_watched", before.coverage.watched?.json ?? .null),
            ],
            columns: ComparisonView.columns, values: shown.map(ComparisonView.values),
            coverage: coverage)
    }

    private static func values(_ group: ComparedGroup) -> [RowValue] {
        let holder = group.now?.peakHolder ?? group.before?.peakHolder
        let peak = (group.now ?? group.before)?.peak
        let bounds = group.changeBytes == nil ? nil : group.bounds
        return [
            .name(group.name), .name(group.now?.hostName ?? group.before?.hostName),
            .text(group.state.rawValue), .unsigned(group.now?.peak?.bytes),
            .unsigned(group.before?.peak?.bytes), .signed(group.changeBytes),
            .tenths(group.changePermille),
            .boolean(group.now?.isPeakLowerBound), .boolean(group.before?.isPeakLowerBound),
            .unsigned(group.now?.peakP95Bytes), .unsigned(group.before?.peakP95Bytes),
            .count(group.now?.runs ?? 0), .count(group.before?.runs ?? 0),
            .count(group.now?.hosts ?? 0), .count(group.before?.hosts ?? 0),
            .count(group.now?.killedRuns ?? 0), .count(group.before?.killedRuns ?? 0),
            .name(holder?.hostName), .integer(holder?.pid),
            .time(peak?.bracket?.notAfterMilliseconds),
            .boolean(group.now?.isPeakUpperBound), .boolean(group.before?.isPeakUpperBound),
            .boolean(bounds?.isLowerBound), .boolean(bounds?.isUpperBound),
        ]
    }

    // MARK: For people

    private func page(_ style: TextStyle) -> RowsDocument.Page {
        let ranges = [now, before].map { result in
            let since = result.sinceMilliseconds.map(style.minute) ?? "the beginning"
            return "\(since) to \(style.minute(result.untilMilliseconds))"
        }
        var page = RowsDocument.Page(
            title: "Change of the largest peaks by \(now.groupTitle)",
            facts: [ranges.joined(separator: " beside "), "times are \(style.zone)"])
        guard !groups.isEmpty else {
            let keys = LoosenedFilters.listed(now.filterKeys, style)
            page.sentences =
                now.coverage.hostCount == 0 && !now.hasHostFilter
                ? [(EmptyFleet.sentence, .plain), (EmptyFleet.command, .emphasis)]
                : [
                    (
                        now.coverage.hostCount == 0
                            ? now.emptySentence(style)
                            : "No run matches in either range; "
                                + (keys.isEmpty ? "" : "loosen \(keys), or ")
                                + "compare longer ranges (\(style.key("since"))).", .plain
                    )
                ]
            return page
        }
        page.table = table(style)
        let marks = shown.flatMap { [$0.now?.peakMark, $0.before?.peakMark] }
        let bounds = shown.filter { $0.changeBytes != nil }.map(\.bounds)
        page.remarks = [PeakMark.legend(marks), ComparedBounds.legend(bounds), changes]
            .compactMap { $0 }
        page.endLines = [before.coverage.earlierLine].compactMap { $0 }
        return page
    }

    /// How many groups came and went; nil where none did.
    private var changes: String? {
        let new = groups.count { $0.state == .new }
        let gone = groups.count { $0.state == .gone }
        let unknown = groups.count { $0.state == .unknown }
        var changes: [String] = []
        if new > 0 || gone > 0 {
            changes.append(
                "\(DecimalText.grouped(new)) new and \(DecimalText.grouped(gone)) gone since the"
                    + " earlier range")
        }
        if unknown > 0 {
            changes.append(
                "\(DecimalText.grouped(unknown)) unknown, as no agent watched"
                    + " \(unknown == 1 ? "its" : "their") hosts in the other range")
        }
        return changes.isEmpty ? nil : changes.joined(separator: "; ")
    }

    private func table(_ style: TextStyle) -> TextTable {
        typealias Column = TextTable.Column
        var table = TextTable(columns: [
            Column(title: "CHANGE", isRightAligned: true, importance: 100),
            Column(title: "%", isRightAligned: true, importance: 70),
            Column(
                title: now.groupColumnTitle(style), minimumWidth: 12, comfortableWidth: 16,
                importance: 90),
            Column(title: "PEAK ", isRightAligned: true, importance: 85),
            Column(title: "BEFORE ", isRightAligned: true, importance: 84),
            Column(title: "RUNS", isRightAligned: true, importance: 50),
            Column(title: "BEFORE", isRightAligned: true, importance: 40),
            Column(title: "P95", isRightAligned: true, importance: 46),
            Column(title: "BEFORE", isRightAligned: true, importance: 36),
            Column(title: "WHERE", minimumWidth: 8, comfortableWidth: 12, importance: 60),
            Column(title: "WHEN", importance: 55),
        ])
        table.rows = shown.enumerated().map { row($0.element, $0.offset, style) }
        return table
    }

    private func row(
        _ group: ComparedGroup, _ index: Int, _ style: TextStyle
    ) -> [TextTable.Cell] {
        typealias Cell = TextTable.Cell
        let isHost = now.grouping == .host
        let row = group.now ?? group.before
        let hostNames = now.coverage.hostNames
        let name = isHost ? hostNames.text(row?.hostName, row?.hostID) ?? group.name : group.name
        let holder = row?.peakHolder
        func count(_ row: ReportRow?) -> Cell {
            row.map { Cell(DecimalText.grouped($0.runs)) } ?? TableCell.unknown
        }
        func peak(_ row: ReportRow?) -> Cell {
            TableCell.peak(row?.peak, row?.peakMark, .plain, style)
        }
        return [
            change(group, style), percent(group),
            TableCell.name(name, style, index == 0 ? .emphasis : .plain),
            peak(group.now), peak(group.before), count(group.now), count(group.before),
            TableCell.size(group.now?.peakP95Bytes, style),
            TableCell.size(group.before?.peakP95Bytes, style),
            TableCell.name(
                isHost ? holder?.program : hostNames.text(holder?.hostName, holder?.hostID), style),
            TableCell.time(
                of: (group.now ?? group.before)?.peak, style, now: now.madeAtMilliseconds),
        ]
    }

    private func change(_ group: ComparedGroup, _ style: TextStyle) -> TextTable.Cell {
        guard let bytes = group.changeBytes else { return TableCell.unknown }
        let mark = group.bounds.mark
        guard bytes != 0 else { return TextTable.Cell(mark + "0", .secondary) }
        let sign = bytes > 0 ? "+" : "-"
        return TextTable.Cell(
            mark + sign + style.size(bytes.magnitude), bytes > 0 ? .warning : .good)
    }

    private func percent(_ group: ComparedGroup) -> TextTable.Cell {
        switch group.state {
        case .new: return TextTable.Cell("new", .warning)
        case .gone: return TextTable.Cell("gone", .secondary)
        case .unknown: return TextTable.Cell("unknown", .secondary)
        case .both:
            guard let permille = group.changePermille else { return TableCell.unknown }
            let sign = permille > 0 ? "+" : ""
            return TextTable.Cell(group.bounds.mark + sign + DecimalText.signedTenths(permille))
        }
    }
}
