import MemoryModel

/// How much memory to give the runs of one group, by what they took.
public struct SuggestedSize: Hashable, Sendable {
    /// What the runs took.
    public var row: ReportRow
    /// What nineteen of twenty runs get by with, with the margin, rounded up, in bytes; nil where
    /// nothing was measured.
    public var requestBytes: UInt64?
    /// What every run so far got by with, likewise.
    public var limitBytes: UInt64?
    /// What speaks against trusting it.
    public var doubts: [Doubt]

    /// Why a suggestion may be too small.
    public enum Doubt: String, Hashable, Sendable, CaseIterable {
        /// The kernel killed some of the runs for want of memory: they wanted more.
        case killed = "oom_killed"
        /// The largest peak may have been higher than is known.
        case lowerBound = "lower_bound"
        /// There are too few runs to go by.
        case fewRuns = "few_runs"
    }

    /// Fewer runs than this are few.
    public static let fewRuns = 5

    /// The steps that sizes are rounded up to: at least this, in bytes.
    private static let smallestStep: UInt64 = 16 << 20

    /// A suggestion for the runs of `row` with so many percent on top.
    public init(for row: ReportRow, marginPercent: Int) {
        self.row = row
        requestBytes = row.peakP95Bytes.map { SuggestedSize.size($0, marginPercent) }
        limitBytes = row.peak.map { SuggestedSize.size($0.bytes, marginPercent) }
        doubts = []
        if row.killedRuns > 0 { doubts.append(.killed) }
        if row.isPeakLowerBound == true { doubts.append(.lowerBound) }
        if row.runs < SuggestedSize.fewRuns { doubts.append(.fewRuns) }
    }

    /// `bytes` with the margin, up to the next step: 16 MiB, or the power of two that is between a
    /// thirty-second and a sixteenth of it.
    static func size(_ bytes: UInt64, _ marginPercent: Int) -> UInt64 {
        let (product, isTooLarge) = bytes.multipliedReportingOverflow(
            by: UInt64(100 + max(0, marginPercent)))
        guard !isTooLarge else { return .max }
        let wanted = product / 100 + (product % 100 == 0 ? 0 : 1)
        var step = smallestStep
        while step <= wanted / 32 { step *= 2 }
        let steps = max(1, wanted / step + (wanted % step == 0 ? 0 : 1))
        let (size, overflow) = steps.multipliedReportingOverflow(by: step)
        return overflow ? .max : size
    }
}

/// How much memory to give programs, by what their runs took.
public struct SuggestionView: FleetView, Hashable {
    /// What the runs took.
    public var result: ReportResult
    /// How much is put on top, in percent.
    public var marginPercent: Int
    /// A suggestion for each row.
    public var sizes: [SuggestedSize]

    /// Suggestions for the rows of a report.
    public init(_ result: ReportResult, marginPercent: Int) {
        self.result = result
        self.marginPercent = marginPercent
        sizes = result.rows.map { SuggestedSize(for: $0, marginPercent: marginPercent) }
    }

    /// The forms that suggestions have.
    public static let formats = ComparisonView.formats

    /// The names of the fields of a row in JSON and CSV.
    public static let columns = [
        "group", "host", "runs", "hosts", "peak_rss_bytes", "peak_is_lower_bound",
        "peak_p95_bytes", "peak_median_bytes", "suggested_request_bytes", "suggested_limit_bytes",
        "oom_killed_runs", "doubts", "peak_host", "peak_pid", "peak_not_after",
    ]

    /// Rows that were left out because fewer were asked for.
    public var hiddenRowCount: Int { result.coverage.hiddenRowCount }
    /// What the suggestions rest on, in one line.
    public var coverageLine: String? { result.coverage.headerLine }
    /// `since`, `until`, `by`, `margin_percent`, `coverage` and `rows`.
    public var json: String { document.json }
    /// The rows with the columns of `columns`.
    public var csv: String { document.csv(style: TextStyle()) }

    /// A table, what it means, and the coverage.
    public func text(style: TextStyle) -> String { document.text(page(style), style: style) }

    /// The suggestions in any of `formats`.
    public func written(as format: OutputFormat, style: TextStyle) -> String {
        document.written(as: format, style: style, page: page)
    }

    private var document: RowsDocument {
        RowsDocument(
            head: [
                JSONValue.Member("since", .time(result.sinceMilliseconds)),
                JSONValue.Member("until", .time(result.untilMilliseconds)),
                JSONValue.Member("by", .text(result.grouping.word)),
                JSONValue.Member("margin_percent", .count(marginPercent)),
            ],
            columns: SuggestionView.columns, values: sizes.map(SuggestionView.values),
            coverage: result.coverage)
    }

    private static func values(_ size: SuggestedSize) -> [RowValue] {
        let row = size.row
        return [
            .name(row.group), .name(row.hostName), .count(row.runs), .count(row.hosts),
            .unsigned(row.peak?.bytes), .boolean(row.isPeakLowerBound),
            .unsigned(row.peakP95Bytes), .unsigned(row.peakMedianBytes),
            .unsigned(size.requestBytes), .unsigned(size.limitBytes), .count(row.killedRuns),
            .words(size.doubts.map(\.rawValue)), .name(row.peakHolder?.hostName),
            .integer(row.peakHolder?.pid), .time(row.peak?.bracket?.notAfterMilliseconds),
        ]
    }

    // MARK: For people

    private func page(_ style: TextStyle) -> RowsDocument.Page {
        let end = style.minute(result.untilMilliseconds)
        let range = result.sinceMilliseconds.map { "\(style.minute($0)) to \(end)" }
        var page = RowsDocument.Page(
            title: "Suggested memory by \(result.groupTitle)",
            facts: [
                range ?? "until \(end)", "\(marginPercent) % on top", "times are \(style.zone)",
            ])
        guard !sizes.isEmpty else {
            page.sentences =
                result.coverage.hostCount == 0 && !result.hasHostFilter
                ? [(EmptyFleet.sentence, .plain), (EmptyFleet.command, .emphasis)]
                : [(result.emptySentence(style), .plain)]
            return page
        }
        page.table = table(style)
        page.remarks = [
            "REQUEST is the 95th percentile and LIMIT the largest peak, each with"
                + " \(marginPercent) % on top and rounded up"
        ]
        if sizes.contains(where: { $0.doubts.contains(.killed) }) {
            page.remarks.append("what was killed for want of memory wanted more than its peak")
        }
        page.remarks += [PeakMark.legend(result.rows.map(\.peakMark))].compactMap { $0 }
        return page
    }

    private func table(_ style: TextStyle) -> TextTable {
        typealias Column = TextTable.Column
        typealias Cell = TextTable.Cell
        var table = TextTable(columns: [
            Column(
                title: result.groupColumnTitle(style), minimumWidth: 12, comfortableWidth: 16,
                importance: 100),
            Column(title: "REQUEST", isRightAligned: true, importance: 95),
            Column(title: "LIMIT", isRightAligned: true, importance: 96),
            Column(title: "PEAK ", isRightAligned: true, importance: 80),
            Column(title: "P95", isRightAligned: true, importance: 70),
            Column(title: "MEDIAN", isRightAligned: true, importance: 40),
            Column(title: "RUNS", isRightAligned: true, importance: 60),
            Column(title: "HOSTS", isRightAligned: true, importance: 30),
            Column(title: "BUT", minimumWidth: 10, comfortableWidth: 20, importance: 90),
        ])
        table.rows = sizes.enumerated().map { index, size in
            let row = size.row
            let tilde = row.areQuantilesUpperBounds ? "~" : ""
            func quantile(_ bytes: UInt64?) -> Cell {
                bytes.map { Cell(tilde + style.size($0)) } ?? TableCell.unknown
            }
            return [
                TableCell.name(
                    result.grouping == .host
                        ? result.coverage.hostNames.text(row.hostName, row.hostID) ?? row.group
                        : row.group, style,
                    index == 0 ? .emphasis : .plain),
                TableCell.size(size.requestBytes, style), TableCell.size(size.limitBytes, style),
                TableCell.peak(row.peak, row.peakMark, .plain, style),
                quantile(row.peakP95Bytes), quantile(row.peakMedianBytes),
                Cell(DecimalText.grouped(row.runs)), Cell(DecimalText.grouped(row.hosts)),
                doubts(size),
            ]
        }
        return table
    }

    private func doubts(_ size: SuggestedSize) -> TextTable.Cell {
        let words = size.doubts.map { doubt in
            switch doubt {
            case .killed: "\(DecimalText.grouped(size.row.killedRuns)) OOM killed"
            case .lowerBound: "peak may be higher"
            case .fewRuns: size.row.runs == 1 ? "1 run only" : "\(size.row.runs) runs only"
            }
        }
        return TextTable.Cell(
            words.joined(separator: ", "),
            size.doubts.contains(.killed) ? .problem : .warning)
    }
}
