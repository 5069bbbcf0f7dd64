import HTTPTypes
import Hummingbird
import MemoryModel
import NIOPosix
import PeakStore
import Report

/// The check for monitoring.
struct CheckView: Sendable {
    let views: Views

    /// The answer to a request, one line; throws a `QueryError` for what it does not take.
    func response(to request: Request) async throws -> Response {
        let now = WallClock.now()
        let pairs = request.uri.queryParameters.map {
            QueryPair(String($0.key), String($0.value))
        }
        let query = try CheckQuery(pairs: pairs, nowMilliseconds: now.utcMilliseconds)
        let result = try await views.threads.runIfActive { try views.check(query, at: now) }
        var response = Response.text(
            result.line, mediaType: OutputFormat.table.mediaType)
        if let name = HTTPField.Name(CheckResult.headerName) {
            response.headers[name] = String(result.status.rawValue)
        }
        return response
    }
}

extension Views {
    /// Of so many runs the largest peak is looked for where none is above a threshold.
    private static let maximumUnremarkableRuns = 1_000

    /// What a check finds.
    func check(_ query: CheckQuery, at now: Moment) throws -> CheckResult {
        let hosts = try hosts(nowMilliseconds: now.utcMilliseconds)
        var largest: ReportedRun?
        if query.peak.warning != nil || query.peak.critical != nil {
            // Those that matter first: of them all are looked at.
            largest =
                try largestRun(query, query.runQuery(isAboveThreshold: true), hosts)
                ?? largestRun(
                    query, query.runQuery(isAboveThreshold: false), hosts,
                    limit: Views.maximumUnremarkableRuns)
        }
        return CheckResult(
            query, hosts: hosts, largest: largest, problems: storeStatus(at: now).problems,
            nowMilliseconds: now.utcMilliseconds)
    }

    private func largestRun(
        _ query: CheckQuery, _ runs: ReportQuery, _ hosts: [ReportedHost],
        limit: Int = Views.maximumRuns
    ) throws -> ReportedRun? {
        try self.runs(matching: runs, of: hosts, limit: limit).runs
            .filter(query.covers)
            .max { $0.record.peak?.bytes ?? 0 < $1.record.peak?.bytes ?? 0 }
    }
}
