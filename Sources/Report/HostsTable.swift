import MemoryModel

/// Hosts as a table.
struct HostsTable {
    var rows: [HostsView.Row]
    var names: HostNames
    var nowMilliseconds: Int64

    private typealias Column = TextTable.Column
    private typealias Cell = TextTable.Cell

    func table(style: TextStyle) -> TextTable {
        var table = TextTable(columns: [
            Column(title: "HOST", minimumWidth: 8, comfortableWidth: 16, importance: 100),
            Column(title: "STATE", importance: 95),
            Column(title: "HEARD", isRightAligned: true, importance: 70),
            Column(title: "USED", isRightAligned: true, importance: 90),
            Column(title: "OF", isRightAligned: true, importance: 85),
            Column(title: "%", isRightAligned: true, importance: 40),
            Column(title: "", importance: 35, isOrnament: true),
            Column(title: "LAST 12 H", importance: 46, isOrnament: true),
            Column(title: "RUNS", isRightAligned: true, importance: 60),
            Column(title: "LARGEST NOW", minimumWidth: 16, comfortableWidth: 24, importance: 45),
            Column(title: "LARGEST PEAK", minimumWidth: 16, comfortableWidth: 24, importance: 80),
            Column(
                title: "STORE", isRightAligned: true, importance: 32, isLeftOutWhenEmpty: true),
            Column(
                title: "LABELS", minimumWidth: 8, comfortableWidth: 16, importance: 30,
                isLeftOutWhenEmpty: true),
            Column(title: "AGENT CPU, RSS", importance: 49, isLeftOutWhenEmpty: true),
            Column(title: "VERSION", minimumWidth: 5, comfortableWidth: 8, importance: 20),
            Column(title: "KERNEL", minimumWidth: 6, comfortableWidth: 16, importance: 15),
            Column(title: "ID", minimumWidth: 8, comfortableWidth: 16, importance: 10),
        ])
        table.rows = rows.map { row in
            let host = row.host
            let total = host.description.memoryTotalBytes
            let used = host.memoryUsedBytes
            return [
                Cell(style.name(names.text(host.description.name, host.id))),
                Cell(host.stateWord, host.stateRole),
                heard(host),
                TableCell.size(used),
                TableCell.size(total == 0 ? nil : total),
                TableCell.permille(used.flatMap { Permille.of($0, total) }),
                Cell(style.bar(used ?? 0, of: total, columns: ReportTable.barColumns), .bar),
                Cell(style.sparkline(row.usedByHour, of: total), .bar),
                Cell(DecimalText.grouped(row.liveRunCount)),
                largest(row.largestNow, style),
                largest(row.largestPeak, style),
                host.storeBytes.map { TableCell.size($0) } ?? Cell(""),
                labels(host, style),
                agent(host),
                Cell(style.name(host.agentVersion), .secondary),
                Cell(style.name(host.description.kernelRelease), .secondary),
                Cell(host.id.text, .secondary),
            ]
        }
        return table
    }

    private func heard(_ host: ReportedHost) -> TextTable.Cell {
        let silence = nowMilliseconds.subtractingClamped(host.lastHeardAtMilliseconds)
        let seconds = max(0, silence) / 1_000 * 1_000
        return Cell(
            "\(DurationText.approximate(milliseconds: seconds)) ago",
            host.state == .up ? .secondary : host.stateRole)
    }

    /// Its labels; without a single one the column is left out.
    private func labels(_ host: ReportedHost, _ style: TextStyle) -> TextTable.Cell {
        let labels = host.description.labels
        guard labels.isEmpty else {
            return Cell(LabelText.joined(labels, ascii: !style.unicode), .secondary)
        }
        return rows.allSatisfy(\.host.description.labels.isEmpty) ? Cell("") : TableCell.unknown
    }

    /// What the agent itself takes: its share of a processor and its memory, as `0.6 %, 14 MiB`.
    private func agent(_ host: ReportedHost) -> TextTable.Cell {
        guard let health = host.health, host.state != .gone else { return Cell("") }
        let share = health.processorThousandths.map {
            DecimalText.tenths(Int(clamping: ($0 + 50) / 100)) + " %"
        }
        let memory = health.residentBytes.map { "\(($0 + (1 << 19)) >> 20) MiB" }
        let isWell = !host.isAgentOverBudget && !host.isAgentStretched
        return Cell(
            "\(share ?? "-"), \(memory ?? "-")", isWell ? .secondary : .warning)
    }

    private func largest(_ run: HostsView.LargestRun?, _ style: TextStyle) -> TextTable.Cell {
        guard let run else { return TableCell.unknown }
        return Cell("\(ByteSize(run.bytes).text) \(style.name(run.program))")
    }
}

extension HostState {
    /// The colour of the state.
    var role: TextRole {
        switch self {
        case .up: .good
        case .late: .warning
        case .gone: .problem
        }
    }
}
