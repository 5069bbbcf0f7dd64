import Foundation
import MemoryModel
import PeakStore
import Report
import TestSupport
import Testing

@testable import SQLiteStore

/// A store of 100 hosts and 20,000 Python programs that grew, to measure reports by line with.
///
/// `HIGHWATER_GROWN_RUNS` names its data directory, which is made where it is not there; see
/// `Protocol/decisions/0021-parts-of-runs.md`.
@Suite(
    "Twenty thousand runs that grew",
    .enabled(if: GrownRuns.directory != nil, "HIGHWATER_GROWN_RUNS names a data directory"))
struct GrownRunsTests {
    @Test("all of their lines are read, and as many as there is room for")
    func everyRun() throws {
        let directory = try #require(GrownRuns.directory)
        let isThere = FileManager.default.fileExists(atPath: directory + "/highwater.db")
        let store = try SQLiteStore(dataDirectory: directory)
        if !isThere { try GrownRuns.fill(store) }
        let runs = try store.runs(having: .lines, matching: ReportQuery(), limit: 50_000)
        #expect(runs.count == GrownRuns.hostCount * GrownRuns.runsOfHost)
        let all = try store.growth(of: runs.map(\.key), hasStacks: false, limitBytes: 256 << 20)
        #expect(all.growth.count == runs.count && !all.isCut)
        #expect(all.growth.values.allSatisfy { $0.lines.count >= GrownRuns.lineCount })
        let some = try store.growth(of: runs.map(\.key), hasStacks: false, limitBytes: 1 << 20)
        #expect(some.growth.count < 300 && some.isCut)
        try store.close()
    }
}

private enum GrownRuns {
    static let hostCount = 100
    static let runsOfHost = 200
    static let lineCount = 32

    static let directory = ProcessInfo.processInfo.environment["HIGHWATER_GROWN_RUNS"]

    /// Writes hosts with programs of the last day, each seen by two starts of its agent.
    static func fill(_ store: SQLiteStore) throws {
        let now = Int64(Date().timeIntervalSince1970 * 1_000)
        var generator = SeededGenerator(seed: 5)
        for number in 0..<hostCount {
            let host = hostID("node-\(number)")
            let boot = BootID(high: UInt64(number) + 1, low: 1)
            var batch = CommitBatch()
            batch.hosts = [
                StoredHost(
                    id: host, boot: boot, epoch: 2, description: fullHost.description,
                    agentVersion: "1", firstHeardAtMilliseconds: now - 86_400_000,
                    lastHeardAtMilliseconds: now)
            ]
            for pid in 1...Int32(runsOfHost) {
                var run = plainRun(host: host, boot: boot, pid: pid)
                run.record.description.program = RawText("python3 job-\(pid % 50).py")
                let moment = TimeBracket(
                    notBeforeMilliseconds: now - 60_000, notAfterMilliseconds: now - 59_000)
                run.record.peak = Peak(bytes: 1 << 30, bracket: moment, source: .hwm)
                batch.runs.append(run)
                for epoch in [1, 2] as [UInt64] {
                    batch.growth.append(growth(of: run, epoch: epoch, &generator))
                }
            }
            try store.commit(batch)
        }
    }

    private static func growth(
        of run: StoredRun, epoch: UInt64, _ generator: inout SeededGenerator
    ) -> StoredGrowth {
        func number(_ count: Int) -> Int { Int.random(in: 0..<count, using: &generator) }
        var record = GrowthRecord(run: run.record.key)
        while record.lines.count < lineCount {
            let file = number(100)
            let line = PythonLine(
                file: RawText("/srv/app/lib/python3.11/site-packages/package/module\(file).py"),
                function: RawText("Class\(file).method\(number(40))"), line: Int32(number(500)))
            record.lines[line] = UInt64(number(1 << 20)) << 10
        }
        record.grownBytes = record.lines.values.reduce(0, +)
        record.peakStack = GrowthRecord.PeakStack(
            residentBytes: 1 << 29, lines: Array(record.lines.keys.sorted().prefix(20)))
        return StoredGrowth(host: run.host, boot: run.boot, epoch: epoch, record: record)
    }
}
