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
    @Test("a walk of a day meets each of the million runs once, and a selection counts them")
    func everyRun() throws {
        let directory = try #require(MillionRuns.directory)
        let isThere = FileManager.default.fileExists(atPath: directory + "/highwater.db")
        let store = try SQLiteStore(dataDirectory: directory)
        if !isThere { try MillionRuns.fill(store) }
        var query = ReportQuery()
        query.includesInherited = true
        let selection = try store.runs(matching: query, limit: 20)
        #expect(selection.matchedCount == MillionRuns.runCount)
        let walked = try store.walk(matching: query) { walk in
            var count = 0
            while try walk.next() != nil { count += 1 }
            return count
        }
        #expect(walked == MillionRuns.runCount)
        try store.close()
    }
}

private enum MillionRuns {
    static let hostCount = 1_000
    static let runsOfHost = 1_000
    static let runCount = hostCount * runsOfHost
    /// Of a thousand runs so many live.
    private static let liveRuns: Int32 = 100

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
