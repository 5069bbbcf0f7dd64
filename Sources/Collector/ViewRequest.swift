import HTTPTypes
import Hummingbird
import Report

/// What a request asks for: in what form, for what kind of terminal, and with which query.
struct ViewRequest {
    let format: OutputFormat
    private(set) var style: TextStyle
    /// Whether the form was asked for by the query, not by `Accept` or by nothing.
    private let isFormatAsked: Bool
    /// Whether it comes from a browser that did not ask for a form of its own.
    let isForBrowser: Bool
    /// The pairs that are neither form nor style.
    private let pairs: [QueryPair]

    /// The header field by which a command line says that it asks.
    static let askerName = "highwater-asker"

    /// Reads form, style and `Accept`; throws a `QueryError` for a value that is not taken.
    ///
    /// `formats` are those of the view.
    init(
        _ request: Request, formats: [OutputFormat] = OutputFormat.common
    ) throws(QueryError) {
        let pairs = request.uri.queryParameters.map { QueryPair(String($0.key), String($0.value)) }
        style = try TextStyle(pairs: pairs.filter { TextStyle.keys.contains($0.key) })
        style.usesOptions =
            HTTPField.Name(ViewRequest.askerName).flatMap { request.headers[$0] } == "command-line"
        let given = pairs.filter { $0.key == "format" }
        isFormatAsked = !given.isEmpty
        isForBrowser =
            given.isEmpty && BrowserPage.isWanted(accept: request.headers[.accept] ?? "")
        if let text = given.first?.value {
            guard let named = OutputFormat(rawValue: text), formats.contains(named),
                given.count == 1
            else {
                throw QueryError(
                    key: "format", value: text,
                    reason: given.count > 1
                        ? "is given twice"
                        : "\(InputError.quoted(text)) is not accepted;"
                            + " \(OutputFormat.advice(text, formats))")
            }
            format = named
        } else {
            format = OutputFormat(accept: request.headers[.accept] ?? "", formats: formats)
        }
        self.pairs = pairs.filter { !TextStyle.keys.contains($0.key) && $0.key != "format" }
    }

    /// The query for runs of a view that takes `keys`; none at all for a view without a query.
    func reportQuery(
        keys: [String], nowMilliseconds: Int64
    ) throws(QueryError) -> ReportQuery {
        try check(keys)
        let query = try ReportQuery(
            pairs: pairs, nowMilliseconds: nowMilliseconds,
            utcOffsetSeconds: style.utcOffsetSeconds)
        guard query.formats.contains(format) else {
            throw QueryError(
                key: "format", value: format.rawValue,
                reason: "is not one of a comparison or suggestion; "
                    + OutputFormat.advice(format.rawValue, query.formats))
        }
        return query
    }

    /// Throws for a key that is neither one of `keys` nor one of the form.
    private func check(_ keys: [String]) throws(QueryError) {
        guard let unknown = pairs.first(where: { !keys.contains($0.key) }) else { return }
        throw QueryError.unknownKey(unknown, among: keys + ["format"] + TextStyle.keys)
    }

    /// The query of a view that goes on, which there is as text only.
    func liveQuery() throws(QueryError) -> LiveQuery {
        guard format == .table || !isFormatAsked else {
            throw QueryError(
                key: "format", value: format.rawValue,
                reason: "is not accepted here; what goes on is text")
        }
        return try LiveQuery(pairs: pairs)
    }

    /// The query for a range of time of a view that takes `keys`.
    func rangeQuery(keys: [String], nowMilliseconds: Int64) throws(QueryError) -> RangeQuery {
        try check(keys)
        return try RangeQuery(
            pairs: pairs, keys: keys, nowMilliseconds: nowMilliseconds,
            utcOffsetSeconds: style.utcOffsetSeconds)
    }

    /// The query for a page about one subject.
    func subjectQuery(nowMilliseconds: Int64) throws(QueryError) -> SubjectQuery {
        try check(SubjectQuery.keys)
        return try SubjectQuery(
            pairs: pairs, nowMilliseconds: nowMilliseconds,
            utcOffsetSeconds: style.utcOffsetSeconds)
    }
}
