import MemoryModel

/// The rows of a report as a table.
struct ReportTable {
    var rows: [ReportRow]
    var grouping: ReportQuery.Grouping
    var nowMilliseconds: Int64

    static let barColumns = 10

    func table(style: TextStyle) -> TextTable {
        grouping == .run ? runTable(style) : groupTable(style)
    }

    private typealias Column = TextTable.Column
    private typealias Cell = TextTable.Cell

    private func runTable(_ style: TextStyle) -> TextTable {
        var table = TextTable(
            columns: peakColumns + [
                Column(title: "PROGRAM", minimumWidth: 12, importance: 90),
                Column(title: "USER", minimumWidth: 6, importance: 50),
                Column(title: "HOST", minimumWidth: 8, importance: 80),
                Column(title: "PID", isRightAligned: true, importance: 70),
                Column(title: "WHEN", importance: 60),
                Column(title: "RAN", isRightAligned: true, importance: 30),
                Column(title: "STATE", importance: 40),
                Column(title: "CPU", isRightAligned: true, importance: 20),
                Column(title: "RUN", importance: 10),
            ])
        table.rows = rows.enumerated().map { index, row in
            peakCells(row, index, style) + [
                TableCell.name(row.program, style, index == 0 ? .emphasis : .plain),
                TableCell.name(row.user, style),
                TableCell.name(row.hostName, style),
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

    private func groupTable(_ style: TextStyle) -> TextTable {
        var table = TextTable(
            columns: peakColumns + [
                Column(
                    title: grouping.rawValue.uppercased(), minimumWidth: 12, importance: 90,
                    keepsEnd: grouping == .cgroup),
                Column(title: "RUNS", isRightAligned: true, importance: 60),
                Column(title: "LIVE", isRightAligned: true, importance: 20),
                Column(title: "P95", isRightAligned: true, importance: 50),
                Column(title: "MEDIAN", isRightAligned: true, importance: 40),
                Column(title: "WHERE", minimumWidth: 10, importance: 70),
                Column(title: "WHEN", importance: 65),
                Column(title: "CPU", isRightAligned: true, importance: 10),
            ])
        table.rows = rows.enumerated().map { index, row in
            peakCells(row, index, style) + [
                TableCell.name(groupName(row), style, index == 0 ? .emphasis : .plain),
                Cell(DecimalText.grouped(row.runs)),
                Cell(DecimalText.grouped(row.liveRuns)),
                TableCell.size(row.peakP95Bytes),
                TableCell.size(row.peakMedianBytes),
                place(row, style),
                TableCell.time(of: row.peak, style, now: nowMilliseconds),
                processorTime(row),
            ]
        }
        return table
    }

    private var peakColumns: [TextTable.Column] {
        [
            Column(title: "PEAK ", isRightAligned: true, importance: 100),
            Column(title: "", importance: 0, isOrnament: true),
        ]
    }

    private func peakCells(
        _ row: ReportRow, _ index: Int, _ style: TextStyle
    ) -> [TextTable.Cell] {
        let largest = rows.compactMap(\.peak?.bytes).max() ?? 0
        let bar = style.bar(row.peak?.bytes ?? 0, of: largest, columns: ReportTable.barColumns)
        return [
            TableCell.peak(row.peak, row.peakMark, index == 0 ? .emphasis : .plain),
            Cell(bar, .bar),
        ]
    }

    private func groupName(_ row: ReportRow) -> RawText? {
        switch grouping {
        case .run, .program: row.program
        case .user: row.user
        case .cgroup: row.cgroup
        case .host: row.hostName ?? (row.hostID?.text).map { RawText($0) }
        }
    }

    /// Which process held the peak: on which host, or for one host which program.
    private func place(_ row: ReportRow, _ style: TextStyle) -> TextTable.Cell {
        guard let holder = row.peakHolder else { return TableCell.unknown }
        let name = grouping == .host ? holder.program : holder.hostName
        return Cell("\(style.name(name)):\(holder.pid)")
    }

    private func elapsed(_ row: ReportRow) -> TextTable.Cell {
        guard let started = row.startedAtMilliseconds,
            let end = row.endedAtMilliseconds ?? (row.endReason == nil ? nowMilliseconds : nil)
        else { return TableCell.unknown }
        return Cell(
            DurationText.approximate(milliseconds: end.subtractingClamped(started)), .secondary)
    }

    private func state(_ row: ReportRow) -> TextTable.Cell {
        if row.wasOutOfMemoryKilled == true { return Cell("OOM killed", .problem) }
        if let signal = row.exitSignal { return Cell("signal \(signal)", .problem) }
        if let code = row.exitCode { return Cell("exit \(code)", code == 0 ? .plain : .warning) }
        guard let reason = row.endReason else { return Cell("live", .good) }
        return Cell(reason.word, .secondary)
    }

    private func processorTime(_ row: ReportRow) -> TextTable.Cell {
        guard let milliseconds = row.processorMilliseconds else { return TableCell.unknown }
        return Cell(
            DurationText.approximate(milliseconds: Int64(clamping: milliseconds)), .secondary)
    }
}
