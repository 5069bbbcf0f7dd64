import MemoryModel
import NIOPosix
import PeakStore
import Report

/// Reports of parts of runs.
extension Views {
    /// The most runs whose parts one report puts together.
    private static let maximumRunsWithParts = 20_000

    /// The parts that the query asks for.
    func parts(
        _ part: RunPart, matching query: ReportQuery, nowMilliseconds now: Int64
    ) async throws -> any FleetView {
        try await threads.runIfActive {
            let hosts = try hosts(nowMilliseconds: now)
            let gaps = try gaps(
                of: query.matching(hosts), since: query.sinceMilliseconds,
                until: query.untilMilliseconds, now)
            var coverage = Coverage(hosts: query.matching(hosts), gaps: gaps)
            let limit = Views.maximumRunsWithParts
            let stored = try store.runs(having: part, matching: query, limit: limit)
            coverage.isCut = stored.count == limit
            let runs = stored.map { reported($0, hosts) }
            switch part {
            case .sections:
                let sections = try store.sections(of: runs.map(\.key))
                return SectionsView(
                    runs.compactMap { run in
                        sections[run.key].map { ReportedSections(run: run, sections: $0) }
                    }, query: query, coverage: coverage, nowMilliseconds: now)
            case .lines:
                let growth = try store.growth(of: runs.map(\.key))
                return LinesView(
                    runs.compactMap { run in
                        growth[run.key].map { ReportedGrowth(run: run, growth: $0) }
                    }, query: query, coverage: coverage, nowMilliseconds: now)
            }
        }
    }
}
