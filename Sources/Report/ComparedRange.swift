extension ReportQuery {
    /// The queries of the range and of the one it is compared with, each for all rows; nil for a
    /// query that compares nothing.
    ///
    /// Without a beginning the range is as long as what lies between both.
    public func compared(nowMilliseconds: Int64) -> (now: ReportQuery, before: ReportQuery)? {
        guard let comparison else { return nil }
        let until = untilMilliseconds ?? nowMilliseconds
        let shift: Int64
        var now = self
        now.comparison = nil
        now.top = ReportQuery.topRange.upperBound
        now.minimumRuns = 1
        now.untilMilliseconds = until
        switch comparison {
        case .previous:
            guard let since = sinceMilliseconds else { return nil }
            shift = until.subtractingClamped(since)
        case .earlier(let milliseconds):
            shift = milliseconds
            now.sinceMilliseconds = sinceMilliseconds ?? until.subtractingClamped(milliseconds)
        }
        var before = now
        before.untilMilliseconds = until.subtractingClamped(shift)
        before.sinceMilliseconds = now.sinceMilliseconds?.subtractingClamped(shift)
        return (now, before)
    }

    /// The forms that the answer has.
    public var formats: [OutputFormat] {
        comparison == nil && suggestionMarginPercent == nil && part == nil
            ? ReportView.formats : ComparisonView.formats
    }

    /// Reads `compare`, `suggest` and `margin`.
    mutating func readComparison(_ reader: QueryReader) throws(QueryError) {
        comparison = try reader.value("compare") { text throws(InputError) in
            try Comparison(parsing: text)
        }
        let margin = try reader.value("margin") { text throws(InputError) in
            try ReportQuery.percent(text)
        }
        if try reader.flag("suggest") ?? false {
            suggestionMarginPercent = margin ?? ReportQuery.usualMarginPercent
        } else if let margin {
            throw QueryError(
                key: "margin", value: "\(margin)%", reason: "is for suggestions; add {suggest}")
        }
        // Single runs are neither compared nor given sizes; their programs are.
        if grouping == .run, part == nil, comparison != nil || suggestionMarginPercent != nil {
            guard !reader.has("by") else {
                throw QueryError(
                    key: "by", value: grouping.word,
                    reason: "single runs are neither compared nor given sizes; use {by} program, or"
                        + " leave it out")
            }
            grouping = .program
        }
        if suggestionMarginPercent != nil, grouping.isOfManyProcesses {
            throw QueryError(
                key: "by", value: grouping.word,
                reason:
                    "does not go with {suggest}, which says how much one process needs; use {by}"
                    + " program, executable, unit or container")
        }
        guard let comparison else { return }
        func refusal(_ reason: String) -> QueryError {
            QueryError(key: "compare", value: comparison.text, reason: reason)
        }
        if suggestionMarginPercent != nil {
            throw refusal("does not go with {suggest}; ask for one of them")
        }
        if order != ReportQuery().order {
            throw refusal("orders by the change; leave {sort} out")
        }
        if comparison == .previous, sinceMilliseconds == nil {
            throw refusal("needs the beginning of the range; add {since}, or {compare} 7d")
        }
    }

    /// Reads `20%` or `20`.
    private static func percent(_ text: String) throws(InputError) -> Int {
        let digits = text.hasSuffix("%") ? text.dropLast() : text[...]
        guard let number = Int(digits), marginRange.contains(number) else {
            throw InputError(
                text: text, problem: "is not accepted",
                advice: "a percentage from 0 to \(marginRange.upperBound), such as 20%")
        }
        return number
    }
}

extension ReportQuery.Comparison {
    private static let previousWord = "previous"

    /// Reads `previous` or a length of time.
    init(parsing text: String) throws(InputError) {
        if text == Self.previousWord {
            self = .previous
            return
        }
        let milliseconds: Int64?
        do { milliseconds = try DurationText.parse(text) } catch { milliseconds = nil }
        guard let milliseconds, milliseconds > 0 else {
            throw InputError(
                text: text, problem: "is not an earlier range",
                advice: "7d for the range a week before, or previous for the one just before")
        }
        self = .earlier(milliseconds: milliseconds)
    }

    /// The text that `init(parsing:)` reads as this.
    var text: String {
        switch self {
        case .previous: Self.previousWord
        case .earlier(let milliseconds): DurationText.format(milliseconds: milliseconds)
        }
    }
}
