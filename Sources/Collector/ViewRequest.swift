import Hummingbird
import MemoryModel
import Report

/// What a request asks for: in what form, for what kind of terminal, and with which query.
struct ViewRequest {
    let format: OutputFormat
    let style: TextStyle
    /// The pairs that are neither form nor style.
    private let pairs: [QueryPair]

    /// Reads form, style and `Accept`; throws a `QueryError` for a value that is not taken.
    init(_ request: Request) throws(QueryError) {
        let pairs = request.uri.queryParameters.map { QueryPair(String($0.key), String($0.value)) }
        style = try TextStyle(pairs: pairs.filter { TextStyle.keys.contains($0.key) })
        let formats = pairs.filter { $0.key == "format" }
        if let text = formats.first?.value {
            guard let format = OutputFormat(rawValue: text), formats.count == 1 else {
                throw QueryError(
                    key: "format", value: text, reason: "is not accepted; use table, json or csv")
            }
            self.format = format
        } else {
            format = OutputFormat(accept: request.headers[.accept] ?? "")
        }
        self.pairs = pairs.filter { !TextStyle.keys.contains($0.key) && $0.key != "format" }
    }

    /// The query for runs of a view that takes `keys`; none at all for a view without a query.
    func reportQuery(
        keys: [String], nowMilliseconds: Int64
    ) throws(QueryError) -> ReportQuery {
        if keys.isEmpty, let unknown = pairs.first {
            throw QueryError(
                key: DisplayText.escaped(RawText(unknown.key).clamped(toBytes: 64)),
                value: unknown.value,
                reason:
                    "no such key here; there are format, " + TextStyle.keys.joined(separator: ", ")
            )
        }
        return try ReportQuery(
            pairs: pairs, nowMilliseconds: nowMilliseconds,
            utcOffsetSeconds: style.utcOffsetSeconds)
    }

    /// The query for a range of time of a view that takes `keys`.
    func rangeQuery(keys: [String], nowMilliseconds: Int64) throws(QueryError) -> RangeQuery {
        try RangeQuery(
            pairs: pairs, keys: keys, nowMilliseconds: nowMilliseconds,
            utcOffsetSeconds: style.utcOffsetSeconds)
    }
}
