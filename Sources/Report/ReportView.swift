import MemoryModel

/// A report as text, JSON and CSV.
public struct ReportView: FleetView, Hashable {
    /// What it shows.
    public var result: ReportResult

    /// A view of `result`.
    public init(_ result: ReportResult) {
        self.result = result
    }

    /// Rows that were left out because fewer were asked for.
    public var hiddenRowCount: Int { result.coverage.hiddenRowCount }

    /// The forms that a report has.
    public static let formats = OutputFormat.allCases

    /// What the report rests on, in one line.
    public var coverageLine: String? { result.coverage.headerLine }

    /// `since`, `until`, `by`, `coverage` and `rows`, each row with all of `ReportColumns.names`.
    public var json: String { document.json }

    /// The rows with the columns of `ReportColumns.names`.
    public var csv: String { document.csv(style: TextStyle()) }

    /// A table, a legend of its marks, and the coverage.
    public func text(style: TextStyle) -> String {
        document.text(page(style), style: style)
    }

    /// The report in any of `formats`.
    public func written(as format: OutputFormat, style: TextStyle) -> String {
        format == .openmetrics
            ? openMetrics : document.written(as: format, style: style, page: page)
    }

    private var document: RowsDocument {
        RowsDocument(
            head: [
                JSONValue.Member("since", .time(result.sinceMilliseconds)),
                JSONValue.Member("until", .time(result.untilMilliseconds)),
                JSONValue.Member("by", .text(result.grouping.word)),
            ],
            columns: ReportColumns.names, jsonRows: result.rows.map(ReportColumns.json),
            csvRows: result.rows.map(ReportColumns.csv), coverage: result.coverage)
    }

    private func page(_ style: TextStyle) -> RowsDocument.Page {
        var page = RowsDocument.Page(
            title: title, facts: [range(style), "times are \(style.zone)"])
        if result.rows.isEmpty, result.coverage.hostCount == 0, !result.hasHostFilter {
            page.sentences = [
                (EmptyFleet.sentence, .plain), (EmptyFleet.command, .emphasis),
            ]
        } else if result.rows.isEmpty {
            page.sentences = [(result.emptySentence(style), .plain)]
        } else {
            let table = ReportTable(
                rows: result.rows, grouping: result.grouping,
                hostNames: result.coverage.hostNames, nowMilliseconds: result.madeAtMilliseconds)
            let columns = table.table(style: style)
            page.table = columns
            page.remarks = [
                PeakMark.legend(result.rows.map(\.peakMark)),
                table.sumLegend(
                    of: columns, leavesOutInherited: result.coverage.inheritedRunCount > 0, style),
                result.namelessReason,
                table.hasSums ? result.missingSums(style) : nil,
                result.areSumsCut
                    ? "no peaks of sums, as a filter leaves out some of what is summed" : nil,
                table.quantileLegend(of: columns, style),
            ].compactMap { $0 }
        }
        return page
    }

    private var title: String {
        result.grouping == .run ? "Largest peaks" : "Largest peaks by \(result.groupTitle)"
    }

    private func range(_ style: TextStyle) -> String {
        let end = style.minute(result.untilMilliseconds)
        guard let since = result.sinceMilliseconds else { return "until \(end)" }
        return "\(style.minute(since)) to \(end)"
    }
}

extension ReportResult {
    /// What to do where nothing was found.
    func emptySentence(_ style: TextStyle) -> String {
        let sentence = plainEmptySentence(style)
        guard filterKeys.contains("command") else { return sentence }
        return sentence + " Command lines are known of agents alone that run with"
            + " --command-line redacted or full."
    }

    /// Why some rows have no sum; nil where no host is the reason.
    func missingSums(_ style: TextStyle) -> String? {
        let count = hostsWithoutSums.count
        guard count > 0 else { return nil }
        let names = hostsWithoutSums.list(ascii: !style.unicode)
        return "PEAK OF SUM is - where a host keeps none: \(names)"
    }

    /// Why no row has a name; nil where one has, or needs none.
    var namelessReason: String? {
        guard matchedRowCount == 1, let row = rows.first, row.group == nil else { return nil }
        switch grouping {
        case .command:
            return "no command line is known: agents tell them with --command-line redacted or full"
        case .unit: return "none of these runs is known to be of a systemd unit"
        case .container: return "none of these runs is known to be in a container"
        case .executable: return "the executable of none of these runs is known"
        case .cgroup: return "the cgroup of none of these runs is known"
        case .user: return "the user of none of these runs is known"
        case .label: return "none of these hosts has that label"
        case .run, .program, .host: return nil
        }
    }

    private func plainEmptySentence(_ style: TextStyle) -> String {
        if coverage.hostCount == 0 {
            return HostFilter.emptySentence(
                filterKeys.filter(["host", "label"].contains), for: style)
        }
        if coverage.inheritedRunCount > 0, !isAnythingOwn {
            return "No run matches but those that only inherited their peak; ask for these too"
                + " (--inherited)"
                + (filterKeys.isEmpty
                    ? "." : ", or loosen \(LoosenedFilters.listed(filterKeys, style)).")
        }
        return emptyReason?.sentence(style)
            ?? LoosenedFilters.sentence(
                "run", filters: filterKeys, hasRange: sinceMilliseconds != nil, style: style)
    }
}

/// What a view says before there is anything to see.
enum EmptyFleet {
    static let sentence = "No host has reported yet; start an agent on one with:"
    /// On a line of its own, so that it can be copied whole.
    static let command = "memagent --collector HOST:7000"
}

/// What a view says when no host passes its filter.
enum HostFilter {
    /// `filters` are those of hosts that were given.
    static func emptySentence(_ filters: [String] = ["host"], for style: TextStyle) -> String {
        let keys = LoosenedFilters.listed(filters, style)
        return "No host matches; loosen \(keys). memcollector hosts shows them all."
    }
}

extension TextPage {
    /// Says how hosts come to be seen.
    mutating func addEmptyFleet() {
        add(EmptyFleet.sentence)
        add(EmptyFleet.command, role: .emphasis)
    }
}

extension ReportRow {
    /// What stands before its peak of the sum; nil without one.
    public var peakOfSumMark: String? {
        peakOfSumBytes == nil ? nil : isPeakOfSumLowerBound == true ? ">=" : "~"
    }

    /// The mark of its peak.
    var peakMark: PeakMark? {
        PeakMark(
            peak, isLowerBound: isPeakLowerBound, isInherited: isPeakInherited, isTold: isPeakTold,
            isUpperBound: isPeakUpperBound, isOfWindows: isPeakOfWindows)
    }
}
