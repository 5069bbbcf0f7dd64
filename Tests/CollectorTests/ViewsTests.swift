import MemoryModel
import NIOPosix
import PeakStore
import Report
import SQLiteStore
import TestSupport
import Testing
import Wire

@testable import Collector

@Suite("What views are made of")
struct ViewsTests {
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
