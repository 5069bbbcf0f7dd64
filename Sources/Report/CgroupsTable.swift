import MemoryModel

extension ReportedHost {
    /// Whether its agent reads the memory controller of cgroups.
    var readsCgroups: Bool {
        let sources: AgentSources = [.cgroupVersion1, .cgroupVersion2]
        return !(health?.sources.isDisjoint(with: sources) ?? true)
    }
}

extension ReportedCgroup {
    func matches(_ query: RangeQuery) -> Bool {
        if let glob = query.cgroup {
            let names = [record.key.path, unit, container]
            guard names.contains(where: { $0.map(glob.matches) ?? false }) else { return false }
        }
        return query.minimumPeakBytes == 0
            || (record.peak?.bytes ?? 0) >= query.minimumPeakBytes
    }

    /// A peak that the kernel keeps no mark of is the largest sample.
    var peakMark: PeakMark? {
        PeakMark(
            record.peak?.peak, isLowerBound: record.peak?.peak.source == .sampled,
            isInherited: false)
    }

    private typealias Cell = (name: String, json: JSONValue, csv: CSVText.Field)

    private static func name(_ name: String, _ value: RawText?) -> Cell {
        (name, .optional(value), .name(value))
    }
    private static func number(_ name: String, _ value: UInt64?) -> Cell {
        (name, .optional(value), .number(value))
    }
    private static func time(_ name: String, _ value: Int64?) -> Cell {
        (name, .time(value), .time(value))
    }

    private var cells: [Cell] {
        typealias This = ReportedCgroup
        let peak = record.peak
        let bracket = peak?.peak.bracket
        let isAtLimit = peak == nil ? nil : record.isPeakAtLimit
        return [
            This.name("host", hostName), This.name("host_id", RawText(host.text)),
            This.name("boot_id", RawText(boot.description)),
            This.name("cgroup", record.key.path), This.name("unit", unit),
            This.name("container", container),
            This.number("cgroup_version", UInt64(record.version)),
            This.number("peak_bytes", peak?.bytes),
            ("peak_source", .optional(peak?.peak.source.word), .literal(peak?.peak.source.word)),
            This.time("peak_not_before", bracket?.notBeforeMilliseconds),
            This.time("peak_not_after", bracket?.notAfterMilliseconds),
            This.number("peak_limit_bytes", peak?.limitBytes),
            ("peak_is_at_limit", .optional(isAtLimit), .boolean(isAtLimit)),
            This.number("peak_anonymous_bytes", peak?.anonymousBytes),
            This.number("peak_page_cache_bytes", peak?.fileBytes),
            This.number("swap_peak_bytes", record.swapPeakBytes),
            This.number("oom_kills", record.killCount),
            This.number("current_bytes", record.currentBytes),
            This.number("limit_bytes", record.limitBytes),
            This.time("seen_at", record.seenAtMilliseconds),
        ]
    }

    static let columns = [
        "host", "host_id", "boot_id", "cgroup", "unit", "container", "cgroup_version",
        "peak_bytes", "peak_source", "peak_not_before", "peak_not_after", "peak_limit_bytes",
        "peak_is_at_limit", "peak_anonymous_bytes", "peak_page_cache_bytes", "swap_peak_bytes",
        "oom_kills", "current_bytes", "limit_bytes", "seen_at",
    ]

    var json: JSONValue { .object(cells.map { JSONValue.Member($0.name, $0.json) }) }
    var csv: [CSVText.Field] { cells.map(\.csv) }
}

/// Cgroups as a table.
struct CgroupsTable {
    var rows: [ReportedCgroup]
    var hostNames: HostNames
    var nowMilliseconds: Int64

    private typealias Column = TextTable.Column
    private typealias Cell = TextTable.Cell

    func table(_ style: TextStyle) -> TextTable {
        var table = TextTable(columns: [
            Column(title: "PEAK ", isRightAligned: true, importance: 100),
            Column(title: "", importance: 25, isOrnament: true),
            Column(
                title: "CGROUP", minimumWidth: 14, comfortableWidth: 24, importance: 95,
                keepsEnd: true),
            Column(title: "HOST", minimumWidth: 8, comfortableWidth: 10, importance: 85),
            Column(title: "ANON", isRightAligned: true, importance: 75),
            Column(title: "CACHE", isRightAligned: true, importance: 78),
            Column(title: "LIMIT", isRightAligned: true, importance: 70),
            Column(title: "NOTE", importance: 80, isLeftOutWhenEmpty: true),
            Column(
                title: "KILLS", isRightAligned: true, importance: 60, isLeftOutWhenEmpty: true),
            Column(title: "WHEN", importance: 55),
            Column(title: "SWAP", isRightAligned: true, importance: 40),
            Column(title: "SOURCE", importance: 30),
        ])
        let largest = rows.compactMap(\.record.peak?.bytes).max() ?? 0
        let hasKills = rows.contains { ($0.record.killCount ?? 0) > 0 }
        table.rows = rows.enumerated().map { index, row in
            let record = row.record
            let role: TextRole = index == 0 ? .emphasis : .plain
            let bar = style.bar(
                record.peak?.bytes ?? 0, of: largest, columns: ReportTable.barColumns)
            let kills = record.killCount.map { Cell(DecimalText.grouped(Int(clamping: $0))) }
            return [
                TableCell.peak(record.peak?.peak, row.peakMark, role),
                Cell(bar, .bar),
                TableCell.cgroup(record.key.path, style, role),
                Cell(style.name(hostNames.text(row.hostName, row.host))),
                TableCell.size(record.peak?.anonymousBytes),
                TableCell.size(record.peak?.fileBytes, .secondary),
                TableCell.size(record.peak?.limitBytes),
                record.isPeakAtLimit ? Cell("at limit", .warning) : Cell(""),
                hasKills ? kills ?? TableCell.unknown : Cell(""),
                TableCell.time(of: record.peak?.peak, style, now: nowMilliseconds),
                TableCell.size(record.swapPeakBytes, .secondary),
                record.peak.map { Cell(source($0.peak.source, record.version), .secondary) }
                    ?? TableCell.unknown,
            ]
        }
        return table
    }

    /// By which of the kernel's interfaces it is known.
    private func source(_ source: PeakSource, _ version: UInt8) -> String {
        source == .cgroup ? "cgroup v\(version)" : source.word
    }
}
