import MemoryModel

extension ReportQuery {
    /// The orders that rows of parts of runs can stand in.
    private static let ordersOfParts: [Order] = [.peak, .runs, .host, .last]

    /// Reads `by`: a grouping of runs, or which parts of them.
    mutating func readSubject(_ reader: QueryReader) throws(QueryError) {
        let subject = try reader.word("by", among: Grouping.words) { word in
            let part = RunPart.allCases.first { $0.word == word }
            let grouping = part == nil ? Grouping(word: word) : .run
            return grouping.map { (part: part, grouping: $0) }
        }
        if let subject { (part, grouping) = subject }
    }

    /// The word that `readSubject` reads; nil for single runs.
    var subjectWord: String? {
        if let part { return part.word }
        return grouping == .run ? nil : grouping.word
    }

    /// Throws what does not go with a report of parts of runs.
    func checkPart() throws(QueryError) {
        guard let part else { return }
        func refusal(_ key: String, _ value: String, _ reason: String) -> QueryError {
            QueryError(
                key: key, value: value, reason: "does not go with {by} \(part.word); \(reason)")
        }
        if let comparison { throw refusal("compare", comparison.text, "leave one of them out") }
        if suggestionMarginPercent != nil {
            throw refusal("suggest", "1", "leave one of them out")
        }
        guard ReportQuery.ordersOfParts.contains(order) else {
            let words = ReportQuery.ordersOfParts.map(\.rawValue).joined(separator: ", ")
            throw refusal("sort", order.rawValue, "use \(words)")
        }
    }

    /// Whether a row comes before another one, by what is true of both.
    func comesBefore(_ left: PartPlace, _ right: PartPlace) -> Bool {
        switch order {
        case .runs where left.runCount != right.runCount: return left.runCount > right.runCount
        case .last where left.atMilliseconds != right.atMilliseconds:
            return left.atMilliseconds ?? .min > right.atMilliseconds ?? .min
        case .host where left.hostName != right.hostName:
            return left.hostName ?? "" < right.hostName ?? ""
        default: break
        }
        return left.bytes == right.bytes ? left.name < right.name : left.bytes > right.bytes
    }
}

/// What the order of rows of parts rests on.
struct PartPlace {
    var bytes: UInt64
    var runCount: Int
    var atMilliseconds: Int64?
    var hostName: RawText?
    var name: RawText
}

/// A report of parts of runs, whatever they are.
protocol PartsView: FleetView {
    /// The names of the fields of a row.
    static var columns: [String] { get }
    /// What is asked for, when, and on what it rests.
    var head: PartsHead { get }
    /// Those of the fields whose figures are of whole lives of runs, whatever the range is.
    static var columnsOfLives: [String] { get }
    /// What that means where a range is asked for, in one line.
    static var rangeSentence: String { get }
    /// The fields of the rows that are shown.
    var values: [[RowValue]] { get }
    /// The title of the page, what it means, and where nothing was found what to do.
    var words: (title: String, meaning: String, empty: String) { get }
    /// The rows that are shown, for people.
    func table(_ style: TextStyle) -> TextTable
}

/// What is true of a whole report of parts of runs.
struct PartsHead: Hashable, Sendable {
    /// Which parts.
    var part: RunPart
    /// Beginning of the range, milliseconds since the epoch in UTC; nil for all of time.
    var sinceMilliseconds: Int64?
    /// End of the range, likewise.
    var untilMilliseconds: Int64
    /// Whether a beginning or an end was asked for.
    var hasRange: Bool
    /// When the report was made, likewise.
    var madeAtMilliseconds: Int64
    /// What the report rests on and what it leaves out.
    var coverage: Coverage

    init(_ query: ReportQuery, part: RunPart, coverage: Coverage, nowMilliseconds: Int64) {
        self.part = part
        sinceMilliseconds = query.sinceMilliseconds
        untilMilliseconds = query.untilMilliseconds ?? nowMilliseconds
        hasRange = query.hasRange
        madeAtMilliseconds = nowMilliseconds
        self.coverage = coverage
    }
}

extension PartsView {
    /// Rows that were left out because fewer were asked for.
    public var hiddenRowCount: Int { head.coverage.hiddenRowCount }
    /// What the report rests on, in one line.
    public var coverageLine: String? { head.coverage.headerLine }
    /// `since`, `until`, `by`, `over_whole_lives` (the fields of the rows that are of whole lives
    /// and not of the range alone), `coverage` and `rows`.
    public var json: String { document.json }
    /// The rows.
    public var csv: String { document.csv(style: TextStyle()) }

    /// A table, what it means, and the coverage.
    public func text(style: TextStyle) -> String { document.text(page(style), style: style) }

    /// The report in any form but OpenMetrics.
    public func written(as format: OutputFormat, style: TextStyle) -> String {
        switch format {
        case .json: json
        case .csv: document.csv(style: style)
        case .ndjson: document.ndjson
        case .markdown: document.markdown(page(style.withoutWidth), style: style)
        case .table, .openmetrics: text(style: style)
        }
    }

    private var document: RowsDocument {
        RowsDocument(
            head: [
                JSONValue.Member("since", .time(head.sinceMilliseconds)),
                JSONValue.Member("until", .time(head.untilMilliseconds)),
                JSONValue.Member("by", .text(head.part.word)),
                JSONValue.Member(
                    "over_whole_lives", .array(Self.columnsOfLives.map { .text($0) })),
            ],
            columns: Self.columns,
            jsonRows: values.map { row in
                .object(zip(Self.columns, row).map { JSONValue.Member($0, $1.json) })
            },
            csvRows: values.map { $0.map(\.csv) }, coverage: head.coverage)
    }

    private func page(_ style: TextStyle) -> RowsDocument.Page {
        let end = style.minute(head.untilMilliseconds)
        let range = head.sinceMilliseconds.map { "\(style.minute($0)) to \(end)" }
        var page = RowsDocument.Page(
            title: words.title, facts: [range ?? "until \(end)", "times are \(style.zone)"])
        if values.isEmpty {
            page.sentences =
                head.coverage.hostCount == 0
                ? [(EmptyFleet.sentence, .plain), (EmptyFleet.command, .emphasis)]
                : [(words.empty, .plain)]
        } else {
            page.table = table(style)
            if head.hasRange { page.sentences = [(Self.rangeSentence, .plain)] }
            page.remarks = [words.meaning]
        }
        return page
    }
}
