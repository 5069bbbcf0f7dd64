import CollectorClient
import Report
import Terminal

/// Rows of live screens, as a collector tells them over HTTP.
struct CollectorSource: FleetSource {
    private let client: CollectorClient
    /// How many programs and kills are asked for.
    private static let topRows = 1_000

    init(_ client: CollectorClient) {
        self.client = client
    }

    var name: String { client.url }

    func answer(_ request: FleetRequest) async throws -> FleetAnswer {
        var answer = FleetAnswer(atMilliseconds: 0)
        if request.parts.contains(.processes) {
            var query = [("top", String(request.processLimit))]
            if let host = request.hostID { query.append(("host", host)) }
            let view = try await get("/v1/ps", query)
            try FleetDecoding.processes(view.bytes, into: &answer)
            answer.hiddenProcessCount =
                view.fields[HiddenRows.headerName].flatMap { Int($0) } ?? 0
        }
        if request.parts.contains(.hosts) {
            try FleetDecoding.hosts(try await get("/v1/hosts").bytes, into: &answer)
        }
        if request.parts.contains(.programs) {
            let query = [
                ("by", "program"), ("since", "24h"), ("top", String(CollectorSource.topRows)),
            ]
            try FleetDecoding.programs(try await get("/v1/report", query).bytes, into: &answer)
        }
        if request.parts.contains(.kills) {
            let query = [("since", "24h"), ("top", String(CollectorSource.topRows))]
            try FleetDecoding.kills(try await get("/v1/oom", query).bytes, into: &answer)
        }
        if let run = request.pageRunID { answer.page = await page(of: run, request) }
        return answer
    }

    private func get(
        _ path: String, _ query: [(String, String)] = []
    ) async throws -> CollectorClient.Answer {
        try await client.get(
            path, query: [("format", "json")] + query,
            timeoutSeconds: CollectorSource.timeoutSeconds)
    }

    /// After so long a collector is taken to be lost, and asked again.
    private static let timeoutSeconds: Int64 = 20

    /// What the collector says of one run; nothing where it is of an earlier version.
    private func page(of run: String, _ request: FleetRequest) async -> [String] {
        let style = TextStyle(
            width: request.pageColumns, unicode: request.isUnicode,
            utcOffsetSeconds: OutputTerminal.utcOffsetSeconds)
        let query = [("format", "table"), ("run", run)] + style.pairs.map { ($0.key, $0.value) }
        do {
            let text = try await client.get(
                "/v1/show", query: query, timeoutSeconds: CollectorSource.timeoutSeconds)
            return String(decoding: text.bytes, as: UTF8.self)
                .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        } catch {
            // The page of what the list knows stands by itself; whether the collector is there is
            // known by the other questions.
            return []
        }
    }
}
