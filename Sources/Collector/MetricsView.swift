import Glibc
import Hummingbird
import MemoryModel
import NIOPosix
import PeakStore
import Report

/// What monitoring is told at `/metrics`.
struct MetricsView: Sendable {
    private let reading: SharedReading<FleetMetrics>

    /// Several monitors that ask at nearly the same time are told the same.
    private static let sharedMilliseconds: Int64 = 2_000

    init(views: Views, settings: CollectorSettings) {
        reading = SharedReading(maximumAgeMilliseconds: MetricsView.sharedMilliseconds) {
            try await views.metrics(
                top: settings.metricPrograms, version: DisplayText.escaped(settings.version),
                at: WallClock.now())
        }
    }

    /// The answer to a request; throws a `QueryError` for what it does not take.
    func response(to request: Request) async throws -> Response {
        if let pair = request.uri.queryParameters.first {
            throw QueryError(
                key: DisplayText.escaped(RawText(String(pair.key)).clamped(toBytes: 64)),
                value: String(pair.value), reason: "no such key; /metrics takes none")
        }
        let format = MetricsFormat(accept: request.headers[.accept] ?? "")
        return .text(try await reading.value().text(as: format), mediaType: format.mediaType)
    }
}

extension Views {
    /// The runs of the last hour that are looked through for the largest peaks.
    private static let maximumMetricRuns = 10_000
    /// How far back peaks of programs go, in milliseconds.
    private static let metricMilliseconds: Int64 = 3_600_000

    /// Everything that monitoring is told, with the `top` programs of the largest peaks.
    func metrics(top: Int, version: String, at now: Moment) async throws -> FleetMetrics {
        try await threads.runIfActive {
            let known = try hosts(nowMilliseconds: now.utcMilliseconds)
            let gaps = try store.gapCounts()
            let peaks = try usedPeaks(at: now)
            var living = LivingFigures()
            for host in known { read(host, into: &living, withPrograms: top > 0) }
            if top > 0 { try addEnded(to: &living, at: now) }
            return FleetMetrics(
                hosts: known.map { host in
                    FleetMetrics.Host(
                        host: host, usedPeakBytes: peaks[host.id],
                        processCount: living.processCounts[host.id] ?? 0,
                        gaps: gaps[host.id] ?? [:])
                },
                programs: living.programs, top: top, collector: figures(version, at: now))
        }
    }

    /// What is counted over the runs of all hosts.
    private struct LivingFigures {
        var processCounts: [HostID: Int] = [:]
        var programs: [RawText: FleetMetrics.Program] = [:]
    }

    /// Counts the runs of one host, so that sessions wait for no longer than that takes.
    private func read(
        _ host: ReportedHost, into figures: inout LivingFigures, withPrograms: Bool
    ) {
        let isAlive = host.state != .gone
        let (count, programs) = fleet.read { fleet in
            var count = 0
            var programs: [RawText: FleetMetrics.Program] = [:]
            guard let runs = fleet.hosts[host.id]?.ledger.runs else { return (count, programs) }
            for record in runs.values {
                if record.end == nil { count += 1 }
                guard withPrograms else { continue }
                programs[record.description.program, default: FleetMetrics.Program()]
                    .add(record, isAlive: isAlive)
            }
            return (count, programs)
        }
        figures.processCounts[host.id] = count
        figures.programs.merge(programs) { $0.adding($1) }
    }

    /// Adds the peaks of runs that ended within the last hour.
    private func addEnded(to figures: inout LivingFigures, at now: Moment) throws {
        var query = ReportQuery()
        query.sinceMilliseconds = now.utcMilliseconds - Views.metricMilliseconds
        let runs = try store.runs(matching: query, limit: Views.maximumMetricRuns).runs
        for run in runs where run.record.end != nil {
            figures.programs[run.record.description.program, default: FleetMetrics.Program()]
                .add(run.record, isAlive: false)
        }
    }

    /// The most that was in use on each host in this hour and the one before.
    private func usedPeaks(at now: Moment) throws -> [HostID: UInt64] {
        let since = StoredTotal.hour(of: now.utcMilliseconds) - Views.metricMilliseconds
        let totals = try store.totals(
            of: [.hostUsed], sinceMilliseconds: since, untilMilliseconds: nil,
            limit: 2 * fleet.limits.hosts)
        return totals.reduce(into: [:]) { $0[$1.host] = max($0[$1.host] ?? 0, $1.peak.bytes) }
    }

    private func figures(_ version: String, at now: Moment) -> CollectorFigures {
        let status = fleet.status(at: now)
        var figures = CollectorFigures()
        fleet.statistics.fill(&figures)
        figures.version = version
        figures.sessionCount = fleet.sessionCount
        figures.lastCommitAtMilliseconds = status.committedAtMilliseconds
        figures.heldBytes = UInt64(max(0, status.use.heldBytes))
        figures.uncommittedBytes = UInt64(max(0, status.use.uncommittedBytes))
        figures.memoryLimitBytes = UInt64(max(0, fleet.limits.memoryBytes))
        figures.credit = fleet.credit(at: now)
        figures.storeBytes = store.sizeBytes()
        figures.logBytes = store.logBytes()
        figures.problemCount = storeStatus(at: now).problems.count
        figures.processorMicroseconds = Views.processorMicroseconds()
        return figures
    }

    /// Processor time of this process (`getrusage(2)`).
    private static func processorMicroseconds() -> UInt64 {
        var usage = rusage()
        guard getrusage(Int32(RUSAGE_SELF.rawValue), &usage) == 0 else { return 0 }
        return [usage.ru_utime, usage.ru_stime].reduce(0) {
            $0 + UInt64(clamping: $1.tv_sec) * 1_000_000 + UInt64(clamping: $1.tv_usec)
        }
    }
}
