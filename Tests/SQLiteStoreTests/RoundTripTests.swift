import MemoryModel
import PeakStore
import SQLiteStore
import TestSupport
import Testing

@Suite struct RoundTripTests {
    @Test("Every field of a run comes back after reopening, names as the same bytes")
    func run() throws {
        let directory = try TemporaryFolder()
        let runs = [plainRun(), fullRun]
        let store = try SQLiteStore(dataDirectory: directory.data)
        try store.commit(batch(runs))
        #expect(try everyRun(of: store) == [fullRun, plainRun()])
        try store.close()
        let again = try SQLiteStore(dataDirectory: directory.data)
        #expect(again.storeID == store.storeID)
        #expect(try everyRun(of: again) == [fullRun, plainRun()])
    }

    @Test("Every field of a host comes back after reopening, labels in their order")
    func host() throws {
        let directory = try TemporaryFolder()
        var other = fullHost
        other.id = hostID("another")
        other.description.labels = []
        var all = CommitBatch()
        all.hosts = [fullHost, other]
        let store = try SQLiteStore(dataDirectory: directory.data)
        try store.commit(all)
        #expect(try store.hosts() == [fullHost, other])
        try store.close()
        #expect(try SQLiteStore(dataDirectory: directory.data).hosts() == [fullHost, other])
    }

    @Test("Peaks and ends without a time come back without one")
    func unknownTimes() throws {
        let directory = try TemporaryFolder()
        var run = plainRun()
        run.record.peak = Peak(bytes: 5, bracket: nil, source: .cgroup)
        run.record.end = RunEnd(bracket: nil, reason: .rebooted)
        let store = try SQLiteStore(dataDirectory: directory.data)
        try store.commit(batch([run]))
        #expect(try everyRun(of: store) == [run])
    }

    @Test("Every reason, source and counter that the model knows can be kept")
    func everyNumber() throws {
        let directory = try TemporaryFolder()
        var all = CommitBatch()
        for (index, reason) in RunEndReason.allCases.enumerated() {
            var run = plainRun(pid: Int32(index) + 1)
            run.record.end = RunEnd(bracket: nil, reason: reason)
            all.runs.append(run)
        }
        for (index, source) in PeakSource.allCases.enumerated() {
            var run = plainRun(pid: Int32(index) + 100)
            run.record.peak = Peak(bytes: 1, bracket: nil, source: source)
            all.runs.append(run)
        }
        let counts = Dictionary(
            uniqueKeysWithValues: CounterReason.allCases.map { ($0, UInt64($0.rawValue)) })
        all.counters = [StoredCounters(host: hostID("alpha"), epoch: .max, values: counts)]
        let store = try SQLiteStore(dataDirectory: directory.data)
        try store.commit(all)
        #expect(try everyRun(of: store) == all.runs)
        #expect(try store.counters() == [hostID("alpha"): counts])
    }

    @Test("Only the open runs of the host that was asked for are its open runs, of every boot")
    func openRuns() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        var ended = plainRun(pid: 2)
        ended.record.end = RunEnd(bracket: nil, reason: .exited)
        let older = plainRun(boot: BootID(high: 9, low: 9), pid: 3)
        let stranger = plainRun(host: hostID("beta"), pid: 4)
        try store.commit(batch([plainRun(), ended, older, stranger]))
        #expect(Set(try store.openRuns(of: hostID("alpha"))) == [plainRun(), older])
        #expect(try store.openRuns(of: hostID("nobody")).isEmpty)
    }

    @Test("A batch of nothing is committed without a change")
    func emptyBatch() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        try store.commit(CommitBatch())
        #expect(try store.hosts().isEmpty)
        #expect(try store.counters().isEmpty)
        #expect(try everyRun(of: store).isEmpty)
    }
}
