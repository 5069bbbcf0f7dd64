import MemoryModel
import PeakStore
import Report
import TestSupport

@testable import SQLiteStore

extension TemporaryFolder {
    /// A data directory that is not there yet.
    var data: String { path + "/data" }
    /// The database in `data`.
    var database: String { data + "/highwater.db" }
}

extension SeededGenerator {
    /// True once in `count` times.
    mutating func one(in count: Int) -> Bool { Int.random(in: 0..<count, using: &self) == 0 }
}

/// A test's own failure to set itself up.
struct FixtureError: Error {
    var reason: String
}

/// Runs without anything measured, named by pid.
func plainRun(
    host: HostID = hostID("alpha"), boot: BootID = BootID(high: 1, low: 2), pid: Int32 = 1
) -> StoredRun {
    StoredRun(
        host: host, boot: boot,
        record: RunRecord(
            key: ProcessKey(pid: pid, startTicks: 7),
            description: RunDescription(program: "plain", comm: "plain")))
}

/// The id `text`, which follows the rules of host ids.
func hostID(_ text: String) -> HostID {
    guard let id = HostID(text) else { preconditionFailure("\(text) is no host id") }
    return id
}

/// A batch of runs only.
func batch(_ runs: [StoredRun]) -> CommitBatch {
    var batch = CommitBatch()
    batch.runs = runs
    return batch
}

/// Every run of a store, also inherited ones, in the order of keys.
func everyRun(of store: SQLiteStore) throws -> [StoredRun] {
    var query = ReportQuery()
    query.includesInherited = true
    let selection = try store.runs(matching: query, limit: .max)
    return selection.runs.sorted { left, right in
        (left.host, left.boot.high, left.boot.low, left.record.key)
            < (right.host, right.boot.high, right.boot.low, right.record.key)
    }
}

/// The store that has the whole of a run of every kind: every field set, and none.
let fullRun: StoredRun = {
    let description = {
        var description = RunDescription(
            program: RawText([0xFF, 0x00, 0x80, 0x0A]), comm: RawText([]))
        description.executable = RawText([0xC3, 0x28])
        description.command = RawText("a 'b' \"c\"; DROP TABLE run; --")
        description.userID = .max
        description.user = "nobody"
        description.cgroup = "/user.slice"
        description.unit = "x.service"
        description.container = "c0ffee"
        description.parentPid = .max
        description.startedAtMilliseconds = -5
        description.inheritedBytes = 4_096
        return description
    }()
    var record = RunRecord(
        key: ProcessKey(pid: .max, startTicks: .max, image: .max), description: description)
    record.peak = Peak(
        bytes: 1 << 50, bracket: TimeBracket(notBeforeMilliseconds: 3, notAfterMilliseconds: 9),
        source: .exit)
    record.swapPeakBytes = 12
    record.current = CurrentUse(residentBytes: 0, swapBytes: nil, atMilliseconds: 10)
    record.processorMilliseconds = 1_234
    record.end = RunEnd(
        bracket: TimeBracket(notBeforeMilliseconds: 11, notAfterMilliseconds: 12),
        reason: .executed, exitCode: nil, exitSignal: 9)
    return StoredRun(
        host: hostID("Full.host_1-2"), boot: BootID(high: .max, low: 0x8000_0000_0000_0001),
        record: record)
}()

/// A host with every field set.
let fullHost = StoredHost(
    id: hostID("Full.host_1-2"), boot: BootID(high: 0x0123_4567_89AB_CDEF, low: .max),
    epoch: .max,
    description: HostDescription(
        name: RawText([0xFF, 0x41]), kernelRelease: "6.18.0", memoryTotalBytes: 1 << 40,
        swapTotalBytes: 0, processorCount: 256, ticksPerSecond: 100,
        wallMinusBootMilliseconds: -3, intervalMilliseconds: 1_000,
        restrictions: [.hiddenProcesses, .foreignTree],
        labels: [
            HostLabel(key: "rack", value: "b7"), HostLabel(key: "x", value: RawText([0x80])),
        ]),
    agentVersion: "1.0", firstHeardAtMilliseconds: 100, lastHeardAtMilliseconds: 200)
