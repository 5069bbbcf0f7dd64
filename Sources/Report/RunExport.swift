public import MemoryModel

/// In which form runs are exported, one by one.
public enum ExportFormat: String, Hashable, Sendable, CaseIterable {
    /// A JSON object a line.
    case ndjson
    /// Comma-separated values with a header line.
    case csv

    /// The media type of HTTP.
    public var mediaType: String {
        switch self {
        case .ndjson: "application/x-ndjson"
        case .csv: OutputFormat.csv.mediaType
        }
    }
}

/// Makes the text of an export, some runs at a time.
///
/// The fields of a run are `ReportColumns.names`, as in a report of single runs.
public struct RunExport: Sendable {
    private let format: ExportFormat
    private let query: ReportQuery
    private let hosts: [ReportedHost]
    private let descriptions: [HostID: HostDescription]

    /// Every key of the query of an export, beside `format`.
    public static let keys = ["since", "until", "host", "user", "program", "min_peak"]

    /// Writes the runs that match `query` as `format`, with what is known of `hosts`.
    public init(format: ExportFormat, query: ReportQuery, hosts: [ReportedHost]) {
        self.format = format
        self.query = query
        self.hosts = hosts
        descriptions = Dictionary(
            hosts.map { ($0.id, $0.description) }, uniquingKeysWith: { first, _ in first })
    }

    /// Reads the query of an export, in which every run counts, also those of inherited peaks.
    ///
    /// - Throws: The key that could not be taken, why, and what could.
    public static func query(
        pairs: [QueryPair], nowMilliseconds: Int64
    ) throws(QueryError) -> ReportQuery {
        // Other keys of a report say in what order rows stand and how they are put together.
        _ = try QueryReader(pairs, keys: keys)
        var query = try ReportQuery(pairs: pairs, nowMilliseconds: nowMilliseconds)
        query.includesInherited = true
        return query
    }

    /// What stands before the first run.
    public var header: String {
        switch format {
        case .ndjson: ""
        case .csv: CSVText.document(header: ReportColumns.names, rows: [])
        }
    }

    /// The run of `boot` of `host` as views take it in.
    public func run(host: HostID, boot: BootID, record: RunRecord) -> ReportedRun {
        let description = descriptions[host]
        return ReportedRun(
            host: host, hostName: description?.name ?? RawText(host.text),
            labels: description?.labels ?? [], boot: boot, record: record)
    }

    /// A line for each of `runs` that matches, in their order.
    public func text(of runs: [ReportedRun]) -> String {
        let chosen = runs.filter(query.matches)
        var each = ReportQuery()
        each.includesInherited = true
        each.top = max(1, chosen.count)
        let result = ReportBuilder(query: each, nowMilliseconds: 0).result(of: chosen, hosts: hosts)
        let places = Dictionary(
            chosen.enumerated().map { ($0.element.key.shortID, $0.offset) },
            uniquingKeysWith: { first, _ in first })
        let rows = result.rows.sorted {
            places[$0.runID ?? ""] ?? .max < places[$1.runID ?? ""] ?? .max
        }
        switch format {
        case .ndjson: return rows.map { ReportColumns.json($0).document() }.joined()
        case .csv:
            let lines = CSVText.document(header: [], rows: rows.map(ReportColumns.csv))
            // Without a header the document begins with an empty line.
            return String(lines.unicodeScalars.dropFirst(2))
        }
    }
}
