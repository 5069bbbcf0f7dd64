import MemoryModel

/// A view that is a list of rows, before it is written in one form or another.
///
/// Each form ends with what the view rests on: text and Markdown with a paragraph, JSON has it in
/// `coverage`, and the last line of NDJSON is an object with `coverage` instead of a row. CSV has
/// no place for it; there it goes beside the answer, see `CoverageLine`.
struct RowsDocument {
    /// What the rows are, for people.
    struct Page {
        var title: String
        var facts: [String]
        /// nil where there are no rows.
        var table: TextTable?
        /// What to say and do where there are no rows, line by line.
        var sentences: [(text: String, role: TextRole)] = []
        /// What stands below the table.
        var remarks: [String] = []
        /// What follows the coverage, a paragraph each.
        var endLines: [String] = []
    }

    /// What is true of all rows, in JSON.
    var head: [JSONValue.Member]
    /// The names of the columns of CSV.
    var columns: [String]
    var jsonRows: [JSONValue]
    var csvRows: [[CSVText.Field]]
    var coverage: Coverage

    /// Rows of the same values in JSON and CSV, in the order of `columns`.
    init(
        head: [JSONValue.Member], columns: [String], values: [[RowValue]], coverage: Coverage
    ) {
        self.init(
            head: head, columns: columns,
            jsonRows: values.map { row in
                .object(zip(columns, row).map { JSONValue.Member($0, $1.json) })
            },
            csvRows: values.map { $0.map(\.csv) }, coverage: coverage)
    }

    /// Takes the parts as they are.
    init(
        head: [JSONValue.Member], columns: [String], jsonRows: [JSONValue],
        csvRows: [[CSVText.Field]], coverage: Coverage
    ) {
        self.head = head
        self.columns = columns
        self.jsonRows = jsonRows
        self.csvRows = csvRows
        self.coverage = coverage
    }

    /// The rows in any form; `page` is asked for where they are for people.
    ///
    /// What has OpenMetrics has it of its own; here it is text.
    func written(
        as format: OutputFormat, style: TextStyle, page: (TextStyle) -> Page
    ) -> String {
        switch format {
        case .json: json
        case .csv: csv(style: style)
        case .ndjson: ndjson
        case .markdown: markdown(page(style.withoutWidth), style: style)
        case .table, .openmetrics: text(page(style), style: style)
        }
    }

    var json: String {
        JSONValue.object(
            head + [
                JSONValue.Member("coverage", coverage.json),
                JSONValue.Member("rows", .array(jsonRows)),
            ]
        ).document()
    }

    /// A line for each row, then one with what is true of all of them and the coverage.
    var ndjson: String {
        let end = JSONValue.object(head + [JSONValue.Member("coverage", coverage.json)])
        return (jsonRows + [end]).map { $0.document() }.joined()
    }

    func csv(style: TextStyle) -> String {
        CSVText.document(header: style.hasHeader ? columns : nil, rows: csvRows)
    }

    func text(_ page: Page, style: TextStyle) -> String {
        var text = TextPage(style: style)
        if style.hasHeader {
            text.addHeading(page.title, facts: page.facts)
            text.addBlankLine()
        }
        if let table = page.table {
            text.add(table)
        }
        for sentence in page.sentences { text.add(sentence.text, role: sentence.role) }
        if !page.remarks.isEmpty {
            text.addBlankLine()
            text.add(page.remarks.joined(separator: "; "), role: .secondary)
        }
        text.add(coverage)
        for line in page.endLines { text.add(line, role: .secondary) }
        return text.text
    }

    func markdown(_ page: Page, style: TextStyle) -> String {
        var parts: [String] = []
        if style.hasHeader {
            parts.append("### \(MarkdownText.escaped(page.title))")
            parts.append(MarkdownText.escaped(page.facts.joined(separator: style.separator)))
        }
        if let table = page.table { parts.append(table.markdown(style: style)) }
        if !page.sentences.isEmpty {
            parts.append(
                page.sentences.map { MarkdownText.escaped($0.text) }.joined(separator: "  \n"))
        }
        if !page.remarks.isEmpty {
            parts.append(MarkdownText.escaped(page.remarks.joined(separator: "; ")))
        }
        parts.append(MarkdownText.escaped(coverage.line(ascii: !style.unicode)))
        if !coverage.notes.isEmpty {
            parts.append(MarkdownText.escaped(coverage.notes.joined(separator: " ")))
        }
        parts += page.endLines.map(MarkdownText.escaped)
        return parts.joined(separator: "\n\n") + "\n"
    }
}

/// The coverage of an answer whose form has no place for it.
///
/// An answer over HTTP carries it beside the body, and programs print it on standard error.
public enum CoverageLine {
    /// The name of the header field, whose value is one line of ASCII.
    public static let headerName = "highwater-coverage"

    /// Longer lines are cut, in bytes.
    static let maximumBytes = 4_000
}

extension Coverage {
    /// The facts in one line.
    func line(ascii: Bool) -> String {
        "Coverage: \(facts(ascii: ascii).joined(separator: "; "))."
    }

    /// Facts and notes in one line of ASCII of bounded length.
    var headerLine: String {
        let text = ([line(ascii: true)] + notes).joined(separator: " ")
        return DisplayWidth.clamped(
            DisplayText.escaped(RawText(text), ascii: true), toColumns: CoverageLine.maximumBytes,
            ellipsis: "...")
    }
}
