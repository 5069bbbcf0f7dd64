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

    /// `since`, `until`, `by`, `coverage` and `rows`, each row with all of `ReportColumns.names`.
    public var json: String {
        JSONValue.object([
            JSONValue.Member("since", .time(result.sinceMilliseconds)),
            JSONValue.Member("until", .time(result.untilMilliseconds)),
            JSONValue.Member("by", .text(result.grouping.rawValue)),
            JSONValue.Member("coverage", result.coverage.json),
            JSONValue.Member("rows", .array(result.rows.map(ReportColumns.json))),
        ]).document()
    }

    /// The rows with the columns of `ReportColumns.names`.
    public var csv: String {
        CSVText.document(header: ReportColumns.names, rows: result.rows.map(ReportColumns.csv))
    }

    /// A table, a legend of its marks, and the coverage.
    public func text(style: TextStyle) -> String {
        var page = TextPage(style: style)
        page.addHeading(title, facts: [range(style), "times are \(style.zone)"])
        page.addBlankLine()
        if result.rows.isEmpty, result.coverage.hostCount == 0, !result.hasHostFilter {
            page.addEmptyFleet()
        } else if result.rows.isEmpty {
            page.add(emptySentence)
        } else {
            let table = ReportTable(
                rows: result.rows, grouping: result.grouping,
                nowMilliseconds: result.madeAtMilliseconds)
            page.add(table.table(style: style))
            let legends = [
                PeakMark.legend(result.rows.map(\.peakMark)), table.sumLegend,
                table.quantileLegend,
            ].compactMap { $0 }
            if !legends.isEmpty {
                page.addBlankLine()
                page.add(legends.joined(separator: "; "), role: .secondary)
            }
        }
        page.add(result.coverage)
        return page.text
    }

    private var title: String {
        switch result.grouping {
        case .run: "Largest peaks"
        default: "Largest peaks by \(result.grouping.rawValue)"
        }
    }

    private func range(_ style: TextStyle) -> String {
        let end = style.minute(result.untilMilliseconds)
        guard let since = result.sinceMilliseconds else { return "until \(end)" }
        return "\(style.minute(since)) to \(end)"
    }

    private var emptySentence: String {
        if result.coverage.hostCount == 0 { return HostFilter.emptySentence }
        if result.coverage.inheritedRunCount > 0 {
            return "No run matches but those that only inherited their peak; ask for these too"
                + " (--inherited), or loosen the filters or the range."
        }
        return "No run matches; loosen host, user, program or min_peak, or ask for a longer range"
            + " (since)."
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
    static let emptySentence = "No host matches; loosen host. memcollector hosts shows them all."
}

extension TextPage {
    /// Says how hosts come to be seen.
    mutating func addEmptyFleet() {
        add(EmptyFleet.sentence)
        add(EmptyFleet.command, role: .emphasis)
    }
}

extension ReportRow {
    /// The mark of its peak.
    var peakMark: PeakMark? {
        PeakMark(peak, isLowerBound: isPeakLowerBound, isInherited: isPeakInherited)
    }
}
