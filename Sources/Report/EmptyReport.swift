public import MemoryModel

/// One of the filters of a query, and the query without it.
public struct ReportFilter: Equatable, Sendable {
    /// Its key; nil for the range, which has two.
    var key: String?
    /// What was asked for, in words.
    var value: String
    /// The query without it.
    public var rest: ReportQuery
    /// The name that it is about; nil for filters of other kinds.
    public var field: NamedField?
}

/// Why a report has no rows: which filters, each by itself, leave nothing of what there is.
public struct EmptyReason: Hashable, Sendable {
    /// A name that there is, near to the one that was asked for.
    public var nearest: RawText?

    /// A filter without which something matches.
    private struct Part: Hashable {
        var key: String?
        var value: String
        var runCount: Int

        func words(_ style: TextStyle) -> String {
            key.map { "\(style.key($0)) \(value)" }
                ?? "the range (\(style.key("since")), \(style.key("until")))"
        }
    }

    private var parts: [Part] = []

    /// No reason yet.
    public init() {}

    /// Adds a filter that leaves nothing of so many runs.
    public mutating func add(_ filter: ReportFilter, runCount: Int) {
        guard runCount > 0 else { return }
        parts.append(Part(key: filter.key, value: filter.value, runCount: runCount))
    }

    /// Looks for a name near to what `filter` asks for, unless one is found already.
    public mutating func look(for filter: ReportFilter, in query: ReportQuery, names: Set<RawText>)
    {
        guard nearest == nil, let field = filter.field, let pattern = query.patterns[field] else {
            return
        }
        let known = names.sorted().map { String(decoding: $0.bytes, as: UTF8.self) }
        let letters = pattern.pattern.filter { $0 != "*" && $0 != "?" }
        nearest = NearestWord.of(letters, among: known).map { RawText($0) }
    }

    /// What to say; nil where no single filter is the reason.
    func sentence(_ style: TextStyle) -> String? {
        guard !parts.isEmpty else { return nil }
        let texts = parts.map { part in
            let runs =
                part.runCount == 1 ? "1 run does" : "\(DecimalText.grouped(part.runCount)) runs do"
            return "without \(part.words(style)) \(runs)"
        }
        let question = nearest.map { " Did you mean \(DisplayText.escaped($0))?" } ?? ""
        return "No run matches; \(texts.joined(separator: ", "))." + question
    }
}

extension ReportQuery {
    /// The filters that are set.
    public var filters: [ReportFilter] {
        var filters: [ReportFilter] = []
        func add(
            _ key: String?, _ value: String = "", field: NamedField? = nil,
            _ remove: (inout ReportQuery) -> Void
        ) {
            var rest = self
            remove(&rest)
            guard rest != self else { return }
            filters.append(ReportFilter(key: key, value: value, rest: rest, field: field))
        }
        for field in NamedField.allCases {
            let text = patterns[field].map { InputError.quoted($0.pattern) } ?? ""
            add(field.rawValue, text, field: field) { $0.patterns[field] = nil }
        }
        add("user", InputError.quoted(user?.pattern ?? "")) { $0.user = nil }
        add("host", InputError.quoted(host?.pattern ?? "")) { $0.host = nil }
        for label in labels {
            add("label", InputError.quoted(label.text)) { rest in
                rest.labels.removeAll { $0 == label }
            }
        }
        add("min_peak", ByteSize(minimumPeakBytes).text) { $0.minimumPeakBytes = 0 }
        add("min_runs", "\(minimumRuns)") { $0.minimumRuns = 1 }
        add(nil) {
            ($0.sinceMilliseconds, $0.untilMilliseconds) = (nil, nil)
        }
        return filters
    }
}
