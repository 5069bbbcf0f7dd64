public import MemoryModel

/// A run and its sections.
public struct ReportedSections: Sendable {
    /// The run.
    public var run: ReportedRun
    /// Its sections.
    public var sections: [SectionRecord]

    /// Takes both.
    public init(run: ReportedRun, sections: [SectionRecord]) {
        self.run = run
        self.sections = sections
    }
}

/// What one section of one program needed, over all runs that were asked for.
public struct SectionRow: Hashable, Sendable {
    /// What people call the section.
    public var name: RawText
    /// The program.
    public var program: RawText
    /// The figures; its key is that of the run with the greatest peak.
    public var record: SectionRecord
    /// How many runs have it.
    public var runs: Int
    /// On how many hosts.
    public var hosts: Int
    /// The host with the greatest peak.
    public var peakHostName: RawText
    /// Its lasting name.
    public var peakHost: HostID
    /// The short name of the run with the greatest peak.
    public var peakRunID: String
}

/// What sections of runs needed, one row for each section of a program.
public struct SectionsView: PartsView {
    /// What is true of all of it.
    let head: PartsHead
    /// The rows in the order that was asked for, at most so many as were.
    public let rows: [SectionRow]

    /// The names of the fields of a row in JSON and CSV.
    public static let columns = [
        "section", "program", "peak_rss_bytes", "peak_source", "peak_is_lower_bound",
        "peak_not_before", "peak_not_after", "grown_bytes", "calls", "total_seconds",
        "longest_seconds", "is_sampled", "is_shared", "runs", "hosts", "peak_host",
        "peak_host_id", "peak_run_id",
    ]

    static let columnsOfLives = ["grown_bytes", "calls", "total_seconds", "longest_seconds"]

    static let rangeSentence =
        "Sections whose peak is in this range; GREW and calls are over the whole lives of runs"

    /// Puts the sections of runs together.
    ///
    /// Where there is a range, those count whose largest call lies in it or reaches into it.
    ///
    /// - Parameters:
    ///   - sections: The sections of the runs that match the query.
    ///   - query: How many rows, in what order.
    ///   - coverage: What the report rests on.
    ///   - nowMilliseconds: Now, in milliseconds since the epoch in UTC.
    public init(
        _ sections: [ReportedSections], query: ReportQuery, coverage: Coverage,
        nowMilliseconds: Int64
    ) {
        var groups: [GroupName: Group] = [:]
        let range = query.hasRange ? query.range : nil
        for entry in sections {
            for section in entry.sections where section.peak.mayLie(in: range) {
                let name = GroupName(
                    program: entry.run.record.description.program, section: section.key.name)
                groups[name, default: Group(section, entry.run)].add(section, entry.run)
            }
        }
        let all = groups.map { $1.row($0) }.filter { $0.runs >= query.minimumRuns }
            .sorted { query.comesBefore($0.place, $1.place) }
        var coverage = coverage
        coverage.hiddenRowCount = max(0, all.count - query.top)
        head = PartsHead(
            query, part: .sections, coverage: coverage, nowMilliseconds: nowMilliseconds)
        rows = Array(all.prefix(query.top))
    }

    private struct GroupName: Hashable {
        var program: RawText
        var section: RawText
    }

    private struct Group {
        var record: SectionRecord
        var holder: ReportedRun
        var runs: Set<RunKey> = []
        var hosts: Set<HostID> = []

        /// The group before anything was added.
        init(_ first: SectionRecord, _ run: ReportedRun) {
            record = first
            holder = run
        }

        mutating func add(_ section: SectionRecord, _ run: ReportedRun) {
            defer {
                runs.insert(run.key)
                hosts.insert(run.host)
            }
            guard !runs.isEmpty else { return }
            if record.peak < section.peak { holder = run }
            record.addCalls(of: section)
        }

        func row(_ name: GroupName) -> SectionRow {
            SectionRow(
                name: name.section, program: name.program, record: record, runs: runs.count,
                hosts: hosts.count, peakHostName: holder.hostName, peakHost: holder.host,
                peakRunID: holder.key.shortID)
        }
    }

    var values: [[RowValue]] {
        rows.map { row in
            let record = row.record
            return [
                .name(row.name), .name(row.program), .unsigned(record.peak.bytes),
                .text(record.peak.source.word), .boolean(record.flags.contains(.inexact)),
                .time(record.peak.bracket?.notBeforeMilliseconds),
                .time(record.peak.bracket?.notAfterMilliseconds),
                .unsigned(record.growthBytes), .unsigned(record.callCount),
                .milliseconds(record.totalMicroseconds / 1_000),
                .milliseconds(record.longestMicroseconds / 1_000),
                .boolean(record.flags.contains(.sampled)),
                .boolean(record.flags.contains(.shared)), .count(row.runs), .count(row.hosts),
                .name(row.peakHostName), .name(RawText(row.peakHost.text)),
                .text(row.peakRunID),
            ]
        }
    }

    var words: (title: String, meaning: String, empty: String) {
        (
            "Largest sections", SectionText.meaning(rows.map(\.record)),
            "No program told of a section; the Python module highwater does"
                + " (deploy/python). Else loosen the filters, or ask for a longer range (since)."
        )
    }

    func table(_ style: TextStyle) -> TextTable {
        typealias Column = TextTable.Column
        var table = TextTable(
            columns: [
                Column(title: "PEAK ", isRightAligned: true, importance: 100),
                Column(title: "GREW", isRightAligned: true, importance: 90),
                Column(title: "SECTION", minimumWidth: 8, comfortableWidth: 16, importance: 100),
                Column(title: "PROGRAM", minimumWidth: 8, comfortableWidth: 16, importance: 85),
            ] + SectionText.columns + [
                Column(title: "RUNS", isRightAligned: true, importance: 60),
                Column(title: "HOSTS", isRightAligned: true, importance: 65),
                Column(title: "WHERE", minimumWidth: 8, comfortableWidth: 12, importance: 55),
                Column(title: "WHEN", importance: 50),
            ])
        table.rows = rows.map { row in
            [
                SectionText.peak(row.record, style), TableCell.size(row.record.growthBytes, style),
                TableCell.name(row.name, style, .emphasis), TableCell.name(row.program, style),
            ] + SectionText.cells(row.record) + [
                TextTable.Cell(DecimalText.grouped(row.runs)),
                TextTable.Cell(DecimalText.grouped(row.hosts)),
                TableCell.name(row.peakHostName, style),
                TableCell.time(of: row.record.peak, style, now: head.madeAtMilliseconds),
            ]
        }
        return table
    }
}

extension Peak {
    /// Whether it may have been reached in a range; nil is all of time.
    fileprivate func mayLie(in range: ClosedRange<Int64>?) -> Bool {
        guard let range, let bracket else { return true }
        return range.overlaps(bracket.notBeforeMilliseconds...bracket.notAfterMilliseconds)
    }
}

extension SectionRow {
    fileprivate var place: PartPlace {
        PartPlace(
            bytes: record.peak.bytes, runCount: runs,
            atMilliseconds: record.peak.bracket?.notAfterMilliseconds, hostName: peakHostName,
            name: name)
    }
}

/// What views say of sections.
enum SectionText {
    static let columns = [
        TextTable.Column(title: "CALLS", isRightAligned: true, importance: 80),
        TextTable.Column(title: "LONGEST", isRightAligned: true, importance: 45),
        TextTable.Column(title: "IN ALL", isRightAligned: true, importance: 40),
    ]

    static func cells(_ record: SectionRecord) -> [TextTable.Cell] {
        [
            TextTable.Cell(DecimalText.grouped(Int(clamping: record.callCount))),
            TextTable.Cell(duration(record.longestMicroseconds)),
            TextTable.Cell(duration(record.totalMicroseconds)),
        ]
    }

    /// A peak that may have been passed is marked.
    static func peak(_ record: SectionRecord, _ style: TextStyle) -> TextTable.Cell {
        TableCell.peak(
            record.peak, record.flags.contains(.inexact) ? .lowerBound : nil, .plain, style)
    }

    private static func duration(_ microseconds: UInt64) -> String {
        DurationText.approximate(milliseconds: Int64(clamping: microseconds / 1_000))
    }

    /// What the figures mean.
    static func meaning(_ records: [SectionRecord]) -> String {
        var parts = ["GREW is by how much at most memory grew while a call ran"]
        let flags = records.reduce(into: SectionFlags()) { $0.formUnion($1.flags) }
        if flags.contains(.inexact) {
            parts.append(">= a call may have needed more than was measured")
        }
        if flags.contains(.shared) {
            parts.append("some calls overlapped others, whose memory is in their figures, too")
        }
        return parts.joined(separator: "; ")
    }

    /// A section of a run as JSON has it.
    static func json(_ record: SectionRecord) -> JSONValue {
        typealias Member = JSONValue.Member
        return .object([
            Member("section", .optional(record.key.name)),
            Member("peak_rss_bytes", .unsigned(record.peak.bytes)),
            Member("peak_source", .text(record.peak.source.word)),
            Member("peak_is_lower_bound", .boolean(record.flags.contains(.inexact))),
            Member("peak_not_before", .time(record.peak.bracket?.notBeforeMilliseconds)),
            Member("peak_not_after", .time(record.peak.bracket?.notAfterMilliseconds)),
            Member("grown_bytes", .unsigned(record.growthBytes)),
            Member("calls", .unsigned(record.callCount)),
            Member("total_seconds", .thousandths(record.totalMicroseconds / 1_000)),
            Member("longest_seconds", .thousandths(record.longestMicroseconds / 1_000)),
            Member("is_sampled", .boolean(record.flags.contains(.sampled))),
            Member("is_shared", .boolean(record.flags.contains(.shared))),
        ])
    }
}

extension RunPage {
    /// How many sections a page shows.
    private static let shownSections = 20

    /// What sections of the run needed.
    func addSections(to page: inout TextPage) {
        guard !facts.sections.isEmpty else { return }
        typealias Column = TextTable.Column
        let style = page.style
        var table = TextTable(
            columns: [
                Column(title: "PEAK ", isRightAligned: true, importance: 100),
                Column(title: "GREW", isRightAligned: true, importance: 90),
                Column(title: "SECTION", minimumWidth: 8, comfortableWidth: 16, importance: 100),
            ] + SectionText.columns + [Column(title: "WHEN", importance: 50)])
        let shown = facts.sections.prefix(RunPage.shownSections)
        table.rows = shown.map { record in
            [
                SectionText.peak(record, style), TableCell.size(record.growthBytes, style),
                TableCell.name(record.key.name, style, .emphasis),
            ] + SectionText.cells(record) + [
                TableCell.time(of: record.peak, style, now: madeAtMilliseconds)
            ]
        }
        page.addBlankLine()
        page.addHeading("Its sections, the largest peak first")
        page.add(table)
        let hidden = facts.sections.count - shown.count
        if hidden > 0 {
            page.add("and \(DecimalText.grouped(hidden)) more", role: .secondary)
        }
        page.add(SectionText.meaning(Array(shown)), role: .secondary)
    }
}
