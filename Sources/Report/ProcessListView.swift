import MemoryModel

/// The living processes of the whole fleet, the largest first: `ps` for many hosts.
public struct ProcessListView: FleetView, Hashable {
    /// One living run.
    public struct Row: Hashable, Sendable {
        /// The run as it was given.
        public var run: ReportedRun
        /// Processor time over the life of the run, in tenths of a percent of one processor; nil
        /// where time or start is not known.
        public var processorPermille: Int?
        /// Its resident memory in tenths of a percent of its host's memory; nil where either is
        /// not known.
        public var memoryPermille: Int?
        /// How long it has run, in milliseconds; nil where its start is not known.
        public var elapsedMilliseconds: Int64?

        /// Works the shares out.
        ///
        /// - Parameters:
        ///   - run: A run that lives.
        ///   - memoryTotalBytes: The memory of its host; 0 where it is not known.
        ///   - nowMilliseconds: Now, in milliseconds since the epoch in UTC.
        public init(run: ReportedRun, memoryTotalBytes: UInt64, nowMilliseconds: Int64) {
            self.run = run
            elapsedMilliseconds = run.record.description.startedAtMilliseconds.map {
                max(0, nowMilliseconds.subtractingClamped($0))
            }
            memoryPermille = run.record.current?.residentBytes.flatMap {
                Permille.of($0, memoryTotalBytes)
            }
            if let time = run.record.processorMilliseconds, let elapsed = elapsedMilliseconds {
                // A share of a shorter time than a sample takes would be noise.
                processorPermille = Permille.of(time, UInt64(max(elapsed, 1_000)))
            }
        }
    }

    /// When the view was made, in milliseconds since the epoch in UTC.
    public var madeAtMilliseconds: Int64
    /// The rows, largest resident memory first.
    public var rows: [Row]
    /// What the view rests on.
    public var coverage: Coverage
    /// Whether only some hosts were asked for.
    public var hasHostFilter: Bool
    /// The keys of the filters that were given.
    var filterKeys: [String] = []

    /// Takes the parts as they are.
    public init(
        madeAtMilliseconds: Int64, rows: [Row], coverage: Coverage, hasHostFilter: Bool = false
    ) {
        self.madeAtMilliseconds = madeAtMilliseconds
        self.rows = rows
        self.coverage = coverage
        self.hasHostFilter = hasHostFilter
    }

    /// A view of what lives on `hosts`.
    ///
    /// - Parameters:
    ///   - hosts: Every host. What runs on one that is gone is not known and not shown.
    ///   - runs: Their runs; those that ended are passed over.
    ///   - query: Filters on host, user, program and smallest peak, and the most rows to show;
    ///     its range, grouping and order do not matter here.
    ///   - nowMilliseconds: Now, in milliseconds since the epoch in UTC.
    public init(
        hosts: [ReportedHost], runs: some Sequence<ReportedRun>, query: ReportQuery,
        nowMilliseconds: Int64
    ) {
        var filters = query
        filters.sinceMilliseconds = nil
        filters.untilMilliseconds = nil
        var memory: [HostID: UInt64] = [:]
        for host in hosts where host.state != .gone {
            memory[host.id] = host.description.memoryTotalBytes
        }
        let live = runs.filter { run in
            run.record.end == nil && memory[run.host] != nil && filters.matches(run)
        }.sorted(by: ProcessListView.isLarger)
        var coverage = Coverage(
            hosts: query.matching(hosts))
        coverage.hiddenRowCount = max(0, live.count - query.top)
        self.init(
            madeAtMilliseconds: nowMilliseconds,
            rows: live.prefix(query.top).map {
                Row(
                    run: $0, memoryTotalBytes: memory[$0.host] ?? 0,
                    nowMilliseconds: nowMilliseconds)
            },
            coverage: coverage, hasHostFilter: query.host != nil)
        filterKeys = query.filterKeys
    }

    private static func isLarger(_ left: ReportedRun, _ right: ReportedRun) -> Bool {
        let (mine, theirs) = (left.record, right.record)
        let resident = (
            mine.current?.residentBytes ?? 0, theirs.current?.residentBytes ?? 0
        )
        if resident.0 != resident.1 { return resident.0 > resident.1 }
        let peak = (mine.peak?.bytes ?? 0, theirs.peak?.bytes ?? 0)
        if peak.0 != peak.1 { return peak.0 > peak.1 }
        if left.host != right.host { return left.host < right.host }
        return mine.key < theirs.key
    }

    /// A table, a legend of its marks, and the coverage.
    public func text(style: TextStyle) -> String {
        var page = TextPage(style: style)
        page.addHeading(
            "Processes now", facts: [style.fullTime(madeAtMilliseconds), "times are \(style.zone)"])
        page.addBlankLine()
        if rows.isEmpty, coverage.hostCount == 0, !hasHostFilter {
            page.addEmptyFleet()
        } else if rows.isEmpty {
            page.add(
                coverage.hostCount == 0
                    ? HostFilter.emptySentence(for: style) : emptySentence(style))
        } else {
            page.add(table(style: style))
            page.addBlankLine()
            let legend = PeakMark.legend(rows.map(\.peakMark))
            page.add(
                [legend, "%CPU is the average over the life of the run"].compactMap { $0 }
                    .joined(separator: "; "),
                role: .secondary)
        }
        page.add(coverage)
        return page.text
    }

    private func emptySentence(_ style: TextStyle) -> String {
        LoosenedFilters.sentence(
            "living process", filters: filterKeys, hasRange: false, style: style)
    }

    private func table(style: TextStyle) -> TextTable {
        typealias Column = TextTable.Column
        typealias Cell = TextTable.Cell
        var table = TextTable(columns: [
            Column(title: "HOST", minimumWidth: 8, comfortableWidth: 12, importance: 95),
            Column(title: "PID", isRightAligned: true, importance: 90),
            Column(title: "USER", minimumWidth: 6, comfortableWidth: 8, importance: 60),
            Column(title: "%CPU", isRightAligned: true, importance: 50),
            Column(title: "%MEM", isRightAligned: true, importance: 40),
            Column(title: "RSS", isRightAligned: true, importance: 100),
            Column(
                title: "PSS", isRightAligned: true, importance: 55, isLeftOutWhenEmpty: true),
            Column(title: "", importance: 25, isOrnament: true),
            Column(title: "PEAK ", isRightAligned: true, importance: 100),
            Column(title: "ELAPSED", isRightAligned: true, importance: 35),
            Column(title: "COMMAND", minimumWidth: 12, comfortableWidth: 14, importance: 100),
        ])
        let isNarrow = style.width.map { $0 < CommandWords.wideColumns } ?? false
        let largest = rows.compactMap(\.run.record.current?.residentBytes).max() ?? 0
        let hasShares = rows.contains { $0.run.record.current?.proportionalBytes != nil }
        table.rows = rows.enumerated().map { index, row in
            let record = row.run.record
            let role: TextRole = index == 0 ? .emphasis : .plain
            let resident = record.current?.residentBytes
            let elapsed = row.elapsedMilliseconds.map {
                Cell(DurationText.approximate(milliseconds: $0), .secondary)
            }
            return [
                Cell(style.name(coverage.hostNames.text(row.run.hostName, row.run.host))),
                Cell(String(record.key.pid)),
                TableCell.name(row.run.user, style),
                TableCell.permille(row.processorPermille),
                TableCell.permille(row.memoryPermille),
                TableCell.size(resident, role),
                // Without a single one the column is left out.
                hasShares ? TableCell.size(record.current?.proportionalBytes) : Cell(""),
                Cell(style.bar(resident ?? 0, of: largest, columns: ReportTable.barColumns), .bar),
                TableCell.peak(record.peak, row.peakMark, role),
                elapsed ?? TableCell.unknown,
                Cell(
                    style.name(
                        isNarrow
                            ? CommandWords.withoutFolders(row.commandOrProgram)
                            : row.commandOrProgram), role),
            ]
        }
        return table
    }

    /// Rows that were left out because fewer were asked for.
    public var hiddenRowCount: Int { coverage.hiddenRowCount }

    /// `at`, `coverage` and `rows`.
    public var json: String {
        JSONValue.object([
            JSONValue.Member("at", .time(madeAtMilliseconds)),
            JSONValue.Member("coverage", coverage.json),
            JSONValue.Member("rows", .array(rows.map { $0.json })),
        ]).document()
    }

    /// One line a process.
    public var csv: String {
        CSVText.document(header: Row.columns, rows: rows.map { $0.csv })
    }
}

extension ProcessListView.Row {
    /// The command line, or the program where policy keeps the command line on its host.
    var commandOrProgram: RawText {
        let command = run.record.description.command ?? run.record.description.program
        return command.isEmpty ? run.record.description.comm : command
    }

    var peakMark: PeakMark? {
        PeakMark(
            run.record.peak, isLowerBound: run.isPeakLowerBound(),
            isInherited: run.record.isPeakInherited, isTold: run.isPeakTold)
    }

    static let columns = [
        "run_id", "host", "host_id", "pid", "user", "cpu_percent", "memory_percent", "rss_bytes",
        "swap_bytes", "peak_rss_bytes", "peak_source", "peak_not_before", "peak_not_after",
        "peak_is_lower_bound", "peak_is_inherited", "elapsed_seconds", "started_at", "program",
        "command", "current_file_bytes", "current_anonymous_bytes", "current_pss_bytes",
    ]

    private var cells: [(JSONValue, CSVText.Field)] {
        let record = run.record
        let peak = record.peak
        func number(_ value: UInt64?) -> (JSONValue, CSVText.Field) {
            (.optional(value), .number(value))
        }
        func time(_ value: Int64?) -> (JSONValue, CSVText.Field) { (.time(value), .time(value)) }
        func name(_ value: RawText?) -> (JSONValue, CSVText.Field) {
            (.optional(value), .name(value))
        }
        func flag(_ value: Bool?) -> (JSONValue, CSVText.Field) {
            (.optional(value), .boolean(value))
        }
        func thousandths(_ value: UInt64?) -> (JSONValue, CSVText.Field) {
            (
                value.map { .thousandths($0) } ?? .null,
                .literal(value.map(DecimalText.thousandths))
            )
        }
        func percent(_ permille: Int?) -> (JSONValue, CSVText.Field) {
            thousandths(permille.map { UInt64($0) * 100 })
        }
        func word(_ value: String?) -> (JSONValue, CSVText.Field) {
            (.optional(value), .literal(value))
        }
        return [
            word(run.key.shortID), name(run.hostName), name(RawText(run.host.text)),
            (.integer(Int64(record.key.pid)), .number(record.key.pid)), name(run.user),
            percent(processorPermille), percent(memoryPermille),
            number(record.current?.residentBytes), number(record.current?.swapBytes),
            number(peak?.bytes), word(peak?.sourceWord(isTold: run.isPeakTold)),
            time(peak?.bracket?.notBeforeMilliseconds), time(peak?.bracket?.notAfterMilliseconds),
            flag(run.isPeakLowerBound()), flag(peak == nil ? nil : record.isPeakInherited),
            thousandths(elapsedMilliseconds.map { UInt64($0) }),
            time(record.description.startedAtMilliseconds), name(record.description.program),
            name(record.description.command),
            number(record.current?.fileBytes), number(anonymousBytes),
            number(record.current?.proportionalBytes),
        ]
    }

    /// What of its resident memory is neither file-backed nor shared; nil where not known.
    private var anonymousBytes: UInt64? {
        guard let current = run.record.current, let resident = current.residentBytes,
            let file = current.fileBytes
        else { return nil }
        // The kernel does not read both in one moment.
        return resident - min(resident, file)
    }

    var json: JSONValue {
        .object(
            zip(ProcessListView.Row.columns, cells).map { JSONValue.Member($0, $1.0) })
    }

    var csv: [CSVText.Field] { cells.map { $0.1 } }
}
