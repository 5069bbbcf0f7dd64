/// One key and its value, as they stand in the query of a URL after percent decoding.
public struct QueryPair: Hashable, Sendable {
    /// The part before the equals sign.
    public var key: String
    /// The part after the equals sign.
    public var value: String

    /// Takes both parts as they are.
    public init(_ key: String, _ value: String) {
        self.key = key
        self.value = value
    }
}

/// Which key of a query could not be taken, and why.
public struct QueryError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The key.
    public var key: String
    /// Its value.
    public var value: String
    /// What is wrong and what would be right, in one line without control characters, for whoever
    /// typed a query.
    public var reason: String { reason(TextStyle()) }
    /// The same, with the keys of options in braces.
    private let template: String

    /// Takes the parts as they are; keys of a query in braces are spelled as the reader types them.
    public init(key: String, value: String, reason: String) {
        self.key = key
        self.value = value
        template = reason
    }

    /// The reason for the readers of `style`.
    public func reason(_ style: TextStyle) -> String {
        ["by", "since", "until", "sort", "compare", "suggest"].reduce(template) {
            $0.replacing("{\($1)}", with: style.key($1))
        }
    }

    /// The key and the reason.
    public var description: String { "\(key): \(reason)" }

    init(_ pair: QueryPair, _ error: InputError) {
        self.init(key: pair.key, value: pair.value, reason: error.description)
    }

    init(_ pair: QueryPair, accepts advice: String) {
        self.init(
            pair, InputError(text: pair.value, problem: "is not accepted", advice: advice))
    }
}

extension QueryError {
    /// That there is no such key as that of `pair`, with those that there are.
    public static func unknownKey(_ pair: QueryPair, among keys: [String]) -> QueryError {
        QueryError(
            key: String(InputError.quoted(pair.key).dropFirst().dropLast()), value: pair.value,
            reason: "no such key; there are \(keys.joined(separator: ", "))"
                + NearestWord.question(pair.key, among: keys))
    }
}

extension ReportQuery {
    /// Every key of a report's query; `label` may come several times.
    public static let keys = [
        "since", "until", "by", "top", "host", "label", "user", "program", "command",
        "executable", "cgroup", "unit", "container", "min_peak", "min_runs", "sort", "inherited",
        "compare", "suggest", "margin",
    ]

    /// Reads a query; what has no pair is as in `init()`.
    ///
    /// - Parameters:
    ///   - pairs: Keys of `keys`, each at most once.
    ///   - nowMilliseconds: Now, in milliseconds since the epoch in UTC.
    ///   - utcOffsetSeconds: Seconds east of UTC for times that name no offset.
    /// - Throws: The key that could not be taken, why, and what could.
    public init(
        pairs: [QueryPair], nowMilliseconds: Int64, utcOffsetSeconds: Int = 0
    ) throws(QueryError) {
        self.init()
        let reader = try QueryReader(pairs, keys: ReportQuery.keys, repeatable: ["label"])
        (sinceMilliseconds, untilMilliseconds) = try reader.range(
            nowMilliseconds: nowMilliseconds, utcOffsetSeconds: utcOffsetSeconds)
        try readSubject(reader)
        order = try reader.choice("sort", of: Order.self) ?? order
        top = try reader.number("top", in: ReportQuery.topRange) ?? top
        host = try reader.glob("host")
        labels = try reader.list("label", limit: ReportQuery.maximumLabels) {
            text throws(InputError) in try LabelPattern(parsing: text)
        }
        user = try reader.glob("user")
        for field in NamedField.allCases { patterns[field] = try reader.glob(field.rawValue) }
        minimumPeakBytes = try reader.size("min_peak") ?? minimumPeakBytes
        minimumRuns = try reader.number("min_runs", in: ReportQuery.minimumRunsRange) ?? 1
        includesInherited = try reader.flag("inherited") ?? includesInherited
        try readComparison(reader)
        try checkPart()
        if minimumRuns > 1, grouping == .run, part == nil {
            throw QueryError(
                key: "min_runs", value: String(minimumRuns),
                reason: "needs rows of several runs; add {by}, such as {by} program")
        }
    }

    /// The pairs that `init(pairs:nowMilliseconds:utcOffsetSeconds:)` reads as this query, in the
    /// order of `keys`, without those that are as in `init()`.
    public var pairs: [QueryPair] {
        let usual = ReportQuery()
        var pairs: [QueryPair] = []
        func add(_ key: String, _ value: String?) {
            if let value { pairs.append(QueryPair(key, value)) }
        }
        add("since", sinceMilliseconds.flatMap(Timestamp.text))
        add("until", untilMilliseconds.flatMap(Timestamp.text))
        add("by", subjectWord)
        add("top", top == usual.top ? nil : String(top))
        add("host", host?.pattern)
        for label in labels { add("label", label.text) }
        add("user", user?.pattern)
        for field in NamedField.allCases { add(field.rawValue, patterns[field]?.pattern) }
        add("min_peak", minimumPeakBytes == 0 ? nil : String(minimumPeakBytes))
        add("min_runs", minimumRuns == 1 ? nil : String(minimumRuns))
        add("sort", order == usual.order ? nil : order.rawValue)
        add("inherited", includesInherited ? "1" : nil)
        add("compare", comparison?.text)
        add("suggest", suggestionMarginPercent == nil ? nil : "1")
        add("margin", suggestionMarginPercent.map { "\($0)%" })
        return pairs
    }
}
