import Foundation
import MemoryModel
import PeakStore
import Report
import TestSupport
import Testing

@testable import SQLiteStore

/// A store of 1,000 hosts and 1,000,000 runs to measure reports with.
///
/// `HIGHWATER_MILLION_RUNS` names its data directory, which is made where it is not there; see
/// `Protocol/decisions/0016-reports-over-a-million-runs.md`.
@Suite(
    "A million runs",
    .enabled(
        if: MillionRuns.directory != nil, "HIGHWATER_MILLION_RUNS names a data directory"))
struct MillionRunsTests {
    @Test(
        "a walk of a day meets each of the million runs once, one of some hours those it should")
    func everyRun() throws {
        let directory = try #require(MillionRuns.directory)
        let isThere = FileManager.default.fileExists(atPath: directory + "/highwater.db")
        let store = try SQLiteStore(dataDirectory: directory)
        if !isThere { try MillionRuns.fill(store) }
        // The runs are of the day that ended when they were written.
        let end = try #require(try store.hosts().map(\.lastHeardAtMilliseconds).max())
        let day = try walk(store, end - 86_400_000)
        #expect(day == MillionRuns.runCount)
        let hours = try walk(store, end - 6 * 3_600_000)
        #expect(hours > MillionRuns.liveRunCount && hours < MillionRuns.runCount / 2)
        try store.close()
    }

    /// Meets each run of a range once, as many as a selection counts, and says how many they are.
    private func walk(_ store: SQLiteStore, _ since: Int64) throws -> Int {
        var query = ReportQuery()
        query.includesInherited = true
        query.sinceMilliseconds = since
        struct Place: Hashable {
            var boot: Int64
            var key: ProcessKey
        }
        var met: Set<Place> = []
        var count = 0
        try store.walk(matching: query) { walk in
            while let run = try walk.next() {
                count += 1
                met.insert(Place(boot: run.boot, key: run.figures.key))
                if let ended = run.figures.end?.bracket?.notAfterMilliseconds, ended < since {
                    Issue.record("a run that ended before the range")
                    return
                }
            }
        }
        #expect(met.count == count)
        #expect(try store.runs(matching: query, limit: 20).matchedCount == count)
        return count
    }
}

private enum MillionRuns {
    static let hostCount = 1_000
    static let runsOfHost = 1_000
    static let runCount = hostCount * runsOfHost
    /// Of a thousand runs so many live.
    private static let liveRuns: Int32 = 100
    static let liveRunCount = hostCount * Int(liveRuns)

    static let directory = ProcessInfo.processInfo.environment["HIGHWATER_MILLION_RUNS"]

    /// Writes hosts and runs of the last day, host by host.
    static func fill(_ store: SQLiteStore) throws {
        let now = Int64(Date().timeIntervalSince1970 * 1_000)
        var generator = SeededGenerator(seed: 5)
        for number in 0..<hostCount {
            let host = hostID("node-\(number)")
            let boot = BootID(high: UInt64(number) + 1, low: 1)
            var description = fullHost.description
            description.name = RawText("node-\(number).example")
            description.labels = [HostLabel(key: "rack", value: RawText("r\(number % 40)"))]
            description.wallMinusBootMilliseconds = now - 90 * 86_400_000
            var batch = CommitBatch()
            batch.hosts = [
                StoredHost(
                    id: host, boot: boot, epoch: 1, description: description,
                    agentVersion: "1", firstHeardAtMilliseconds: now - 90 * 86_400_000,
                    lastHeardAtMilliseconds: now)
            ]
            batch.runs = (1...Int32(runsOfHost)).map {
                StoredRun(host: host, boot: boot, record: run($0, now, &generator))
            }
            try store.commit(batch)
        }
    }

    private static func run(
        _ pid: Int32, _ now: Int64, _ generator: inout SeededGenerator
    ) -> RunRecord {
        func number(_ count: Int) -> Int { Int.random(in: 0..<count, using: &generator) }
        let program = number(200)
        var description = RunDescription(
            program: RawText("program-\(program)"), comm: RawText("program-\(program)"))
        description.executable = RawText("/usr/bin/program-\(program)")
        description.command = RawText("program-\(program) --task \(number(20))")
        description.user = RawText("user-\(number(30))")
        description.userID = 1_000
        description.cgroup = RawText("/system.slice/unit-\(program).service")
        description.unit = RawText("unit-\(program).service")
        let isLive = pid <= liveRuns
        let end = now - Int64(number(80_000_000))
        let start = isLive ? now - Int64(number(7_000_000_000)) : end - Int64(number(600_000))
        description.startedAtMilliseconds = start
        var record = RunRecord(
            key: ProcessKey(pid: pid, startTicks: UInt64(max(0, start)) / 10),
            description: description)
        let peakAt = isLive ? start + 60_000 : end
        let bytes = UInt64(1 << number(16) + number(1_000)) << 12
        record.peak = Peak(
            bytes: bytes,
            bracket: TimeBracket(
                notBeforeMilliseconds: peakAt - 1_000, notAfterMilliseconds: peakAt),
            source: isLive ? .hwm : .exit)
        record.processorMilliseconds = UInt64(number(60_000))
        if isLive {
            record.current = CurrentUse(
                residentBytes: bytes / 2, swapBytes: 0, atMilliseconds: now)
        } else {
            record.end = RunEnd(
                bracket: TimeBracket(notBeforeMilliseconds: end, notAfterMilliseconds: end),
                reason: .exited, exitCode: 0)
            record.flags = .peakIsFinal
        }
        return record
    }
}
