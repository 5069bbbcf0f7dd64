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
                let growth = try Views.growth(of: runs, in: store)
                coverage.isCut = coverage.isCut || growth.isCut
                return LinesView(
                    growth.found, query: query, hosts: query.matching(hosts),
                    coverage: coverage, nowMilliseconds: now)
            }
        }
    }

    /// The lines of runs, as long as they take no more than `limitBytes`; what a peer chose to
    /// call its lines must not take the collector's memory.
    static func growth(
        of runs: [ReportedRun], in store: any PeakStoring, limitBytes: Int = 256 << 20
    ) throws -> (found: [ReportedGrowth], isCut: Bool) {
        let selection = try store.growth(
            of: runs.map(\.key), hasStacks: false, limitBytes: limitBytes)
        let found = runs.compactMap { run in
            selection.growth[run.key].map { ReportedGrowth(run: run, growth: $0) }
        }
        return (found, selection.isCut)
    }
}

extension GrowthRecord {
    /// More than the kernel's figures are off, and than a program grows by until its agent's next
    /// look.
    private static let slackBytes: UInt64 = 64 << 20

    /// The same without a stack at which much more was resident than the run is known to have held:
    /// that peak was purged, and a stack has no time to be purged by.
    func believed(beside peak: Peak?) -> GrowthRecord {
        var believed = self
        let most = peak.map { $0.bytes.saturatingSum($0.bytes / 4 + Self.slackBytes) } ?? 0
        if peakStack?.residentBytes ?? 0 > most { believed.peakStack = nil }
        return believed
    }
}
