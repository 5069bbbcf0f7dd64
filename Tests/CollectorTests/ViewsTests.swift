import MemoryModel
import NIOPosix
import PeakStore
import Report
import SQLiteStore
import Synchronization
import TestSupport
import Testing
import Wire

@testable import Collector

@Suite("What views are made of")
struct ViewsTests {
    @Test("a reading is shared while it is fresh, and made anew where it is stale")
    func sharedReading() async throws {
        let counter = Atomic<Int>(0)
        let reading = SharedReading(maximumAgeMilliseconds: 3_600_000) {
            counter.wrappingAdd(1, ordering: .relaxed).newValue
        }
        #expect(try await reading.value() == 1)
        #expect(try await reading.value { _ in false } == 1)
        #expect(try await reading.value { $0 == 1 } == 2)
        #expect(try await reading.value { $0 == 1 } == 2)
    }

    @Test("the parts of a store are measured anew once it has doubled")
    func sizesOfGrowth() async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: folder.path + "/data")
        let fleet = Fleet(fleet: FleetState(), limits: FleetLimits(credit: 64))
        let threads = NIOThreadPool(numberOfThreads: 1)
        threads.start()
        let views = Views(fleet: fleet, store: store, threads: threads)
        let first = try await views.summary(nowMilliseconds: testNow).store
        #expect(first.logBytes == store.logBytes())
        var batch = CommitBatch()
        batch.runs = (Int32(1)...5_000).map { pid in
            var record = RunRecord(
                key: run(pid),
                description: RunDescription(program: RawText("program \(pid)"), comm: "p"))
            record.setEnd(RunEnd(bracket: nil, reason: .exited, exitCode: 0))
            return StoredRun(
                host: hostID("web-1"), boot: BootID(high: 0, low: 1), record: record)
        }
        try store.commit(batch)
        let second = try await views.summary(nowMilliseconds: testNow).store
        #expect(second.parts?.runsBytes ?? 0 > 2 * (first.parts?.runsBytes ?? .max / 2))
        try await threads.shutdownGracefully()
    }

    @Test("a run that was forgotten and then defined again keeps the peak that the store has")
    func definedAgain() async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: folder.path + "/data")
        let fleet = Fleet(fleet: FleetState(), limits: FleetLimits(credit: 64))
        let host = hostID("web-1")
        var sequence: UInt64 = 0
        let session = fleet.open(.sample("web-1"))
        func say(_ events: SessionEvent...) {
            for event in events {
                sequence += 1
                let outcome = fleet.apply(
                    event, to: host, by: session, sequence: sequence, at: .test())
                #expect(outcome == .taken)
            }
        }
        say(.host(.sample), .define([1]), .peak(1, bytes: 300 << 20), .exit(1))
        let commit = fleet.takeCommit(at: .test())
        try store.commit(commit.batch)
        fleet.committed(commit, at: .test())
        // The EXIT was not acknowledged when the connection broke, so the agent says it again.
        say(.define([1]))
        #expect(fleet.read { $0.hosts[host]?.ledger[run(1)]?.peak } == nil)

        let threads = NIOThreadPool(numberOfThreads: 1)
        threads.start()
        let view = try await Views(fleet: fleet, store: store, threads: threads).report(
            matching: ReportQuery(), nowMilliseconds: testNow)
        let text = view.written(as: .csv, style: TextStyle())
        #expect(text.contains(",\(300 << 20),hwm,"))
        try await threads.shutdownGracefully()
        try store.close()
    }
}
