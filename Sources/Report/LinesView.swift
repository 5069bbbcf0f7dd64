public import MemoryModel

/// A run and which lines of it ran while its memory grew.
public struct ReportedGrowth: Sendable {
    /// The run.
    public var run: ReportedRun
    /// Its lines.
    public var growth: GrowthRecord

    /// Takes both.
    public init(run: ReportedRun, growth: GrowthRecord) {
        self.run = run
        self.growth = growth
    }
}

/// A line of one program, over all runs that were asked for.
public struct LineRow: Hashable, Sendable {
    /// The line.
    public var line: PythonLine
    /// The program.
    public var program: RawText
    /// The most that memory of one run grew while it ran, in bytes.
    public var grownBytes: UInt64
    /// The same over all of the runs, added up.
    public var sumBytes: UInt64
    /// How many runs have it.
    public var runs: Int
    /// On how many hosts.
    public var hosts: Int
    /// When the run with the most was last known to be there; nil where nobody knows.
    public var atMilliseconds: Int64?
    /// The host of that run.
    public var hostName: RawText
    /// Its lasting name.
    public var host: HostID
    /// The short name of that run.
    public var runID: String
}

/// Which lines of Python programs ran while memory grew, one row for each line of a program.
public struct LinesView: PartsView {
    /// What is true of all of it.
    let head: PartsHead
    /// The rows in the order that was asked for, at most so many as were.
    public let rows: [LineRow]

    /// The names of the fields of a row in JSON and CSV.
    public static let columns = [
        "file", "line", "function", "program", "grown_bytes", "sum_of_grown_bytes", "runs",
        "hosts", "host", "host_id", "run_id", "seen_at",
    ]

    static let columnsOfLives = ["grown_bytes", "sum_of_grown_bytes"]

    static let rangeSentence = "Over the whole lives of the runs that lived in this range"

    /// Puts the lines of runs together.
    ///
    /// - Parameters:
    ///   - growth: The lines of the runs that match the query.
    ///   - query: How many rows, in what order.
    ///   - hosts: The hosts that match the query.
    ///   - coverage: What the report rests on.
    ///   - nowMilliseconds: Now, in milliseconds since the epoch in UTC.
    public init(
        _ growth: [ReportedGrowth], query: ReportQuery, hosts: [ReportedHost], coverage: Coverage,
        nowMilliseconds: Int64
    ) {
        var groups: [GroupName: Group] = [:]
        for entry in growth {
            let program = entry.run.record.description.program
            for (line, bytes) in entry.growth.lines {
                groups[GroupName(program: program, line: line), default: Group(entry.run)]
                    .add(bytes, entry.run)
            }
        }
        let all = groups.map { $1.row($0) }.filter { $0.runs >= query.minimumRuns }
            .sorted { query.comesBefore($0.place, $1.place) }
        var coverage = coverage
        coverage.hiddenRowCount = max(0, all.count - query.top)
        coverage.furtherHostFacts += PythonCoverage.facts(hosts, coverage.hostNames)
        head = PartsHead(query, part: .lines, coverage: coverage, nowMilliseconds: nowMilliseconds)
        rows = Array(all.prefix(query.top))
    }

    private struct GroupName: Hashable {
        var program: RawText
        var line: PythonLine
    }

    private struct Group {
        var holder: ReportedRun
        var most: UInt64 = 0
        var sum: UInt64 = 0
        var runs: Set<RunKey> = []
        var hosts: Set<HostID> = []

        /// The group before anything was added.
        init(_ run: ReportedRun) {
            holder = run
        }

        mutating func add(_ bytes: UInt64, _ run: ReportedRun) {
            // Of two that grew by as much it is always the same one.
            let isFirst = bytes == most && run.key.shortID < holder.key.shortID
            if bytes > most || isFirst { holder = run }
            most = max(most, bytes)
            sum = sum.addingClamped(bytes)
            runs.insert(run.key)
            hosts.insert(run.host)
        }

        func row(_ name: GroupName) -> LineRow {
            LineRow(
                line: name.line, program: name.program, grownBytes: most, sumBytes: sum,
                runs: runs.count, hosts: hosts.count, atMilliseconds: holder.lastKnownMilliseconds,
                hostName: holder.hostName, host: holder.host, runID: holder.key.shortID)
        }
    }

    var values: [[RowValue]] {
        rows.map { row in
            [
                .name(row.line.file), .integer(row.line.line), .name(row.line.function),
                .name(row.program), .unsigned(row.grownBytes), .unsigned(row.sumBytes),
                .count(row.runs), .count(row.hosts), .name(row.hostName),
                .name(RawText(row.host.text)), .text(row.runID), .time(row.atMilliseconds),
            ]
        }
    }

    var words: (title: String, meaning: String, empty: String) {
        (
            "Memory grew while these lines ran", LineText.meaning,
            "No Python program was seen growing; an agent that may read their memory sees it."
                + " Else loosen the filters, or ask for a longer range (since)."
        )
    }

    func table(_ style: TextStyle) -> TextTable {
        typealias Column = TextTable.Column
        var table = TextTable(columns: [
            Column(title: "GREW", isRightAligned: true, importance: 100),
            Column(title: "LINE", minimumWidth: 16, comfortableWidth: 30, importance: 100),
            Column(title: "PROGRAM", minimumWidth: 8, comfortableWidth: 16, importance: 85),
            Column(title: "HOSTS", isRightAligned: true, importance: 80),
            Column(title: "RUNS", isRightAligned: true, importance: 70),
            Column(title: "IN ALL", isRightAligned: true, importance: 45),
            Column(title: "WHERE", minimumWidth: 8, comfortableWidth: 12, importance: 60),
        ])
        let names = FileNames(rows.map(\.line))
        table.rows = rows.map { row in
            [
                TableCell.size(row.grownBytes, style),
                TextTable.Cell(names.text(row.line, style), .emphasis),
                TableCell.name(row.program, style),
                TextTable.Cell(DecimalText.grouped(row.hosts)),
                TextTable.Cell(DecimalText.grouped(row.runs)),
                TableCell.size(row.sumBytes, style), TableCell.name(row.hostName, style),
            ]
        }
        return table
    }
}

extension LineRow {
    fileprivate var place: PartPlace {
        PartPlace(
            bytes: grownBytes, runCount: runs, atMilliseconds: atMilliseconds, hostName: hostName,
            name: RawText(
                line.file.bytes + line.function.bytes + program.bytes
                    + Array(String(line.line).utf8)))
    }
}

extension ReportedRun {
    fileprivate var lastKnownMilliseconds: Int64? {
        record.end?.bracket?.notAfterMilliseconds ?? record.current?.atMilliseconds
            ?? record.peak?.bracket?.notAfterMilliseconds
    }
}

/// What views say of lines.
enum LineText {
    static let meaning =
        "GREW is by how much at most memory of one run grew while the line ran: not what it"
        + " allocated"

    /// A line as JSON has it.
    static func json(_ line: PythonLine, _ further: [JSONValue.Member] = []) -> JSONValue {
        .object(
            [
                JSONValue.Member("file", .optional(line.file)),
                JSONValue.Member("line", .integer(Int64(line.line))),
                JSONValue.Member("function", .optional(line.function)),
            ] + further)
    }

    /// The growth of a run; null where none was seen.
    static func json(_ growth: GrowthRecord?) -> JSONValue {
        guard let growth else { return .null }
        typealias Member = JSONValue.Member
        return .object([
            Member("label", .text(PythonGrowthView.label)),
            Member("grown_bytes", .unsigned(growth.grownBytes)),
            Member("unattributed_bytes", .unsigned(growth.unattributedBytes)),
            Member(
                "lines",
                .array(
                    growth.ranked.map {
                        json($0.line, [Member("grown_bytes", .unsigned($0.grownBytes))])
                    })),
            Member("peak_stack_bytes", .optional(growth.peakStack?.residentBytes)),
            Member("peak_stack", .array((growth.peakStack?.lines ?? []).map { json($0) })),
        ])
    }
}

extension RunPage {
    /// How many lines a page shows, and how many of a stack.
    private static let shownLines = 12

    /// Which lines ran while the run's memory grew.
    func addGrowth(to page: inout TextPage) {
        guard let growth = facts.growth, growth.grownBytes > 0 || !growth.lines.isEmpty else {
            return
        }
        typealias Column = TextTable.Column
        let style = page.style
        let ranked = growth.ranked
        let stack = growth.peakStack?.lines ?? []
        let names = FileNames(ranked.map(\.line) + stack)
        var table = TextTable(columns: [
            Column(title: "GREW", isRightAligned: true, importance: 100),
            Column(title: "SHARE", isRightAligned: true, importance: 60),
            Column(title: "LINE", minimumWidth: 16, importance: 100),
        ])
        func row(_ bytes: UInt64, _ text: TextTable.Cell) -> [TextTable.Cell] {
            let share = Permille.of(bytes, growth.grownBytes)
            return [
                TableCell.size(bytes, style),
                TextTable.Cell(share.map { DecimalText.tenths($0) + " %" } ?? ""), text,
            ]
        }
        let shown = ranked.prefix(Self.shownLines)
        table.rows = shown.map { row($0.grownBytes, .init(names.text($0.line, style), .emphasis)) }
        let named = shown.reduce(growth.unattributedBytes) { $0.addingClamped($1.grownBytes) }
        table.rows += [
            (growth.grownBytes.subtractingClamped(named), "(other lines)"),
            (growth.unattributedBytes, "(no line is known)"),
        ].filter { $0.0 > 0 }.map { row($0.0, TextTable.Cell($0.1)) }
        page.addBlankLine()
        page.addHeading(
            "Memory grew while this ran", facts: ["\(style.size(growth.grownBytes)) in all"])
        page.add(table)
        page.add(LineText.meaning, role: .secondary)
        guard let bytes = growth.peakStack?.residentBytes, !stack.isEmpty else { return }
        page.addBlankLine()
        page.addHeading("Stack when most was resident", facts: [style.size(bytes)])
        var frames = TextTable(columns: [
            Column(title: "LINE, AND WHAT CALLED IT", minimumWidth: 16, importance: 100)
        ])
        frames.rows = stack.prefix(Self.shownLines).map {
            [TextTable.Cell(names.text($0, style))]
        }
        page.add(frames)
    }
}
