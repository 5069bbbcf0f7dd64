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
        var largest: CheckedRun?
        if query.peak.warning != nil || query.peak.critical != nil {
            // Those that matter first: of them all are looked at.
            largest = try largestRun(query, query.runQuery(isAboveThreshold: true), hosts)
            if query.peak.severity(of: largest?.bytes ?? 0) == .ok {
                largest = try largestRun(
                    query, query.runQuery(isAboveThreshold: false), hosts,
                    limit: Views.maximumUnremarkableRuns)
            }
        }
        return CheckResult(
            query, hosts: hosts, largest: largest,
            unseen: largest == nil ? try unseenNames(query, hosts) : nil,
            problems: storeStatus(at: now).problems, nowMilliseconds: now.utcMilliseconds)
    }

    /// The names that are looked for, where no run has them, whenever and wherever it was.
    private func unseenNames(
        _ query: CheckQuery, _ hosts: [ReportedHost]
    ) throws -> UnseenNames? {
        guard query.program != nil || query.user != nil else { return nil }
        var all = query.runQuery(isAboveThreshold: false)
        all.sinceMilliseconds = nil
        all.includesInherited = true
        guard !liveRuns().contains(where: all.matches),
            try store.runs(matching: all, limit: 0).matchedCount == 0,
            try store.foldedPrograms(
                matching: query.program ?? Glob("*"), user: query.user, limit: 1
            ).isEmpty
        else { return nil }
        return UnseenNames(query, try emptyReason(all))
    }

    /// The run that held most in the range.
    private func largestRun(
        _ query: CheckQuery, _ matching: ReportQuery, _ hosts: [ReportedHost],
        limit: Int = Views.maximumRuns
    ) throws -> CheckedRun? {
        let heard = Dictionary(
            uniqueKeysWithValues: hosts.map { ($0.id, $0.lastHeardAtMilliseconds) })
        let runs = try runs(matching: matching, of: hosts, limit: limit).runs
        var largest: CheckedRun?
        func look(at run: ReportedRun, _ window: RangedWindow? = nil) {
            let judged = query.judged(
                run, window: window, heardAtMilliseconds: heard[run.host])
            if let judged, judged.bytes > largest?.bytes ?? 0 { largest = judged }
        }
        for run in runs { look(at: run) }
        // Windows are read of those only that may have held more than that: no run held more than
        // the peak of its life.
        var rest = runs.filter {
            matching.needsWindows($0.record.peak) && !$0.record.isPeakInherited
        }.sorted { $0.record.peak?.bytes ?? 0 > $1.record.peak?.bytes ?? 0 }[...]
        while let first = rest.first, first.record.peak?.bytes ?? 0 > largest?.bytes ?? 0 {
            let batch = Array(rest.prefix(Views.windowBatch))
            rest = rest.dropFirst(batch.count)
            let windows = try windows(of: batch, matching)
            for run in batch { look(at: run, windows[run.key]) }
        }
        return largest
    }
}
