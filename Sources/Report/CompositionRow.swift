import MemoryModel

extension CompositionView.Share {
    var user: RawText? {
        run?.description.user ?? run?.description.userID.map { RawText(String($0)) }
    }
}

extension CompositionView.Row {
    private var memoryTotalBytes: UInt64 { host.description.memoryTotalBytes }

    private func permille(_ bytes: UInt64) -> Int? { Permille.of(bytes, memoryTotalBytes) }

    private func percent(_ bytes: UInt64) -> UInt64? {
        permille(bytes).map { UInt64($0) * 100 }
    }

    func table(_ style: TextStyle) -> TextTable {
        typealias Column = TextTable.Column
        typealias Cell = TextTable.Cell
        var table = TextTable(columns: [
            Column(title: "RSS", isRightAligned: true, importance: 100),
            Column(title: "%MEM", isRightAligned: true, importance: 90),
            Column(title: "", importance: 25, isOrnament: true),
            Column(title: "PROGRAM", minimumWidth: 12, comfortableWidth: 16, importance: 95),
            Column(title: "USER", minimumWidth: 6, comfortableWidth: 8, importance: 60),
            Column(title: "PID", isRightAligned: true, importance: 70),
            Column(title: "RUN", importance: 40),
        ])
        let largest = shares.map(\.residentBytes).max() ?? 0
        table.rows = shares.map { share in
            let bar = style.bar(
                share.residentBytes, of: largest, columns: ReportTable.barColumns)
            return [
                TableCell.size(share.residentBytes),
                TableCell.permille(permille(share.residentBytes)),
                Cell(bar, .bar),
                TableCell.name(share.run?.description.program, style),
                TableCell.name(share.user, style),
                Cell(String(share.key.process.pid)),
                Cell(share.key.shortID, .secondary),
            ]
        }
        return table
    }

    var json: JSONValue {
        typealias Member = JSONValue.Member
        let runs = shares.map { share in
            JSONValue.object([
                Member("run_id", .text(share.key.shortID)),
                Member("pid", .integer(Int64(share.key.process.pid))),
                Member("program", .optional(share.run?.description.program)),
                Member("user", .optional(share.user)),
                Member("rss_bytes", .unsigned(share.residentBytes)),
                Member("percent_of_total", .optional(thousandths: percent(share.residentBytes))),
            ])
        }
        return .object([
            Member("host", .name(host.description.name)),
            Member("host_id", .text(host.id.text)),
            Member("boot_id", .text(total.boot.description)),
            Member("at", .time(total.peak.atMilliseconds)),
            Member("is_in_range", .boolean(isInRange)),
            Member("used_bytes", .unsigned(total.peak.bytes)),
            Member("memory_total_bytes", .unsigned(memoryTotalBytes)),
            Member("percent_of_total", .optional(thousandths: percent(total.peak.bytes))),
            Member("processes", .unsigned(total.peak.runCount)),
            Member("runs", .array(runs)),
        ])
    }

    static let columns = [
        "host", "host_id", "boot_id", "at", "is_in_range", "used_bytes", "memory_total_bytes",
        "processes", "run_id", "pid", "program", "user", "rss_bytes", "percent_of_total",
    ]

    var csv: [[CSVText.Field]] {
        let common: [CSVText.Field] = [
            .name(host.description.name), .text(host.id.text),
            .literal(total.boot.description), .time(total.peak.atMilliseconds),
            .boolean(isInRange), .number(total.peak.bytes), .number(memoryTotalBytes),
            .number(total.peak.runCount),
        ]
        let none = [CSVText.Field](
            repeating: .empty, count: CompositionView.Row.columns.count - common.count)
        guard !shares.isEmpty else { return [common + none] }
        return shares.map { share in
            common + [
                .literal(share.key.shortID), .number(share.key.process.pid),
                .name(share.run?.description.program), .name(share.user),
                .number(share.residentBytes), .thousandths(percent(share.residentBytes)),
            ]
        }
    }
}
