import MemoryModel

/// The rows of a report as a table.
struct ReportTable {
    var rows: [ReportRow]
    var grouping: ReportQuery.Grouping
    var nowMilliseconds: Int64
    private let hostNames: HostNames
    /// What a whole bar stands for.
    private let largestBytes: UInt64

    init(
        rows: [ReportRow], grouping: ReportQuery.Grouping, hostNames: HostNames,
        nowMilliseconds: Int64
    ) {
        self.rows = rows
        self.hostNames = hostNames
        self.grouping = grouping
        self.nowMilliseconds = nowMilliseconds
        largestBytes = rows.compactMap(\.peak?.bytes).max() ?? 0
    }

    static let barColumns = 10

    func table(style: TextStyle) -> TextTable {
        grouping == .run ? runTable(style) : groupTable(style)
    }

    private typealias Column = TextTable.Column
    private typealias Cell = TextTable.Cell

    private var hasKill: Bool { rows.contains { $0.wasOutOfMemoryKilled == true } }

    private func runTable(_ style: TextStyle) -> TextTable {
        var table = TextTable(
            columns: peakColumns + [
                Column(title: "PROGRAM", minimumWidth: 12, comfortableWidth: 15, importance: 90),
                Column(title: "USER", minimumWidth: 6, comfortableWidth: 8, importance: 50),
                Column(title: "HOST", minimumWidth: 8, comfortableWidth: 10, importance: 80),
                Column(title: "PID", isRightAligned: true, importance: 70),
                Column(title: "WHEN", importance: 60),
                Column(title: "RAN", isRightAligned: true, importance: 30),
                // Who was killed for want of memory is seen wherever there is room for it.
                Column(title: "STATE", importance: hasKill ? 68 : 45),
                Column(title: "CPU", isRightAligned: true, importance: 20),
                Column(title: "RUN", importance: 10),
            ])
        table.rows = rows.enumerated().map { index, row in
            peakCells(row, index, style) + [
                TableCell.name(row.program, style, index == 0 ? .emphasis : .plain),
                TableCell.name(row.user, style),
                TableCell.name(hostNames.text(row.hostName, row.hostID), style),
                row.pid.map { Cell(String($0)) } ?? TableCell.unknown,
                TableCell.time(of: row.peak, style, now: nowMilliseconds),
                elapsed(row),
                state(row),
                processorTime(row),
                row.runID.map { Cell($0, .secondary) } ?? TableCell.unknown,
            ]
        }
        return table
    }

    /// Whether any row says what its runs held together; without one the column is left out.
    var hasSums: Bool { rows.contains { $0.peakOfSumBytes != nil } }
    private var hasSumsOfPeaks: Bool { rows.contains { $0.sumOfPeaksBytes != nil } }
    private var hasHostUsed: Bool { rows.contains { $0.hostUsedPeakBytes != nil } }

    /// What the columns of sums mean that `table` shows; nil without them.
    ///
    /// `leavesOutInherited` says that the rows are without runs that only inherited their peak;
    /// what was summed when the host was looked at is not.
    func sumLegend(
        of table: TextTable, leavesOutInherited: Bool, _ style: TextStyle
    ) -> String? {
        let showsSums = hasSums && table.shows(ReportTable.peakOfSumTitle, style: style)
        let showsUsed = hasHostUsed && table.shows(ReportTable.hostUsedTitle, style: style)
        guard showsSums || showsUsed else { return nil }
        var parts: [String] = []
        if showsSums {
            parts.append(
                "PEAK OF SUM is the most that was resident at one look, or of one process where"
                    + " that is more, pages that processes share counted once for each"
                    + (leavesOutInherited
                        ? ", with the runs that only inherited their peak, which RUNS, LIVE and"
                            + " SUM OF PEAKS leave out" : ""))
        }
        let marks = showsSums ? Set(rows.compactMap(\.peakOfSumMark)) : []
        if marks.contains(">=") { parts.append(">= before it, as looks miss what is between") }
        if marks.contains("~") {
            parts.append(
                "~ before it where it is of several hosts, or of an hour partly in the range")
        }
        if showsUsed { parts.append("HOST USED is the host's own figure") }
        if showsUsed, rows.contains(where: { $0.isHostUsedPeakUpperBound == true }) {
            parts.append("<= before HOST USED: at most this in the range")
        }
        return parts.joined(separator: "; ")
    }

    /// What the mark of quantiles means; nil where `table` shows none that has it.
    func quantileLegend(of table: TextTable, _ style: TextStyle) -> String? {
        let shown = [ReportTable.p95Title, ReportTable.medianTitle]
            .filter { table.shows($0, style: style) }
        guard !shown.isEmpty, rows.contains(where: \.areQuantilesUpperBounds) else { return nil }
        return "~ before \(shown.joined(separator: " and ")): up to 9 % too great, as small runs of"
            + " the row are folded"
    }

    private static let peakOfSumTitle = "PEAK OF SUM"
    private static let hostUsedTitle = "HOST USED"
    private static let p95Title = "P95"
    private static let medianTitle = "MEDIAN"

    private func quantile(
        _ bytes: UInt64?, _ row: ReportRow, _ style: TextStyle
    ) -> TextTable.Cell {
        guard let bytes else { return TableCell.unknown }
        return Cell((row.areQuantilesUpperBounds ? "~" : "") + style.size(bytes))
    }

    private func sumColumn(_ title: String, importance: Int) -> TextTable.Column {
        Column(
            title: title, isRightAligned: true, importance: importance, isLeftOutWhenEmpty: true)
    }

    private func sum(
        _ bytes: UInt64?, _ mark: String?, _ isShown: Bool, _ style: TextStyle
    ) -> TextTable.Cell {
        guard isShown else { return Cell("") }
        guard let bytes else { return TableCell.unknown }
        return Cell((mark ?? "") + style.size(bytes))
    }

    private var isByPath: Bool { grouping == .cgroup || grouping == .executable }

    private func groupTable(_ style: TextStyle) -> TextTable {
        var table = TextTable(
            columns: peakColumns + [
                Column(
                    title: grouping.columnTitle(style), minimumWidth: 12,
                    comfortableWidth: isByPath ? 24 : 16, importance: 90, keepsEnd: isByPath),
                Column(title: "RUNS", isRightAligned: true, importance: 60),
                Column(title: "HOSTS", isRightAligned: true, importance: 35),
                Column(title: "LIVE", isRightAligned: true, importance: 20),
                sumColumn(ReportTable.peakOfSumTitle, importance: 58),
                sumColumn("SUM OF PEAKS", importance: hasSums ? 42 : 34),
                sumColumn(ReportTable.hostUsedTitle, importance: 57),
                Column(title: ReportTable.p95Title, isRightAligned: true, importance: 48),
                Column(title: ReportTable.medianTitle, isRightAligned: true, importance: 40),
                Column(title: "WHERE", minimumWidth: 8, comfortableWidth: 12, importance: 70),
                Column(title: "PID", isRightAligned: true, importance: 55),
                Column(title: "WHEN", importance: 65),
                Column(title: "CPU", isRightAligned: true, importance: 10),
            ])
        table.rows = rows.enumerated().map { index, row in
            peakCells(row, index, style) + [
                TableCell.name(groupName(row), style, index == 0 ? .emphasis : .plain),
                Cell(DecimalText.grouped(row.runs)),
                Cell(DecimalText.grouped(row.hosts)),
                Cell(DecimalText.grouped(row.liveRuns)),
                sum(row.peakOfSumBytes, row.peakOfSumMark, hasSums, style),
                hasSumsOfPeaks ? TableCell.size(row.sumOfPeaksBytes, style) : Cell(""),
                sum(
                    row.hostUsedPeakBytes, row.isHostUsedPeakUpperBound == true ? "<=" : nil,
                    hasHostUsed, style),
                quantile(row.peakP95Bytes, row, style),
                quantile(row.peakMedianBytes, row, style),
                TableCell.name(
                    grouping == .host
                        ? row.peakHolder?.program
                        : hostNames.text(row.peakHolder?.hostName, row.peakHolder?.hostID),
                    style),
                row.peakHolder?.pid.map { Cell(String($0)) } ?? TableCell.unknown,
                TableCell.time(of: row.peak, style, now: nowMilliseconds),
                processorTime(row),
            ]
        }
        return table
    }

    private var peakColumns: [TextTable.Column] {
        [
            Column(title: "PEAK ", isRightAligned: true, importance: 100),
            Column(title: "", importance: 25, isOrnament: true),
        ]
    }

    private func peakCells(
        _ row: ReportRow, _ index: Int, _ style: TextStyle
    ) -> [TextTable.Cell] {
        let bar = style.bar(row.peak?.bytes ?? 0, of: largestBytes, columns: ReportTable.barColumns)
        return [
            TableCell.peak(row.peak, row.peakMark, index == 0 ? .emphasis : .plain, style),
            Cell(bar, .bar),
        ]
    }

    private func groupName(_ row: ReportRow) -> RawText? {
        grouping == .host ? hostNames.text(row.hostName, row.hostID) ?? row.group : row.group
    }

    private func elapsed(_ row: ReportRow) -> TextTable.Cell {
        guard let started = row.startedAtMilliseconds,
            let end = row.endedAtMilliseconds ?? (row.liveRuns > 0 ? nowMilliseconds : nil)
        else { return TableCell.unknown }
        return Cell(
            DurationText.approximate(milliseconds: end.subtractingClamped(started)), .secondary)
    }

    private func state(_ row: ReportRow) -> TextTable.Cell {
        if row.wasOutOfMemoryKilled == true { return Cell("OOM killed", .problem) }
        if let signal = row.exitSignal { return Cell("signal \(signal)", .problem) }
        if let code = row.exitCode { return Cell("exit \(code)", code == 0 ? .plain : .warning) }
        if let reason = row.endReason { return Cell(reason.word, .secondary) }
        return row.liveRuns > 0 ? Cell("live", .good) : TableCell.unknown
    }

    private func processorTime(_ row: ReportRow) -> TextTable.Cell {
        guard let milliseconds = row.processorMilliseconds else { return TableCell.unknown }
        return Cell(
            DurationText.approximate(milliseconds: Int64(clamping: milliseconds)), .secondary)
    }
}
