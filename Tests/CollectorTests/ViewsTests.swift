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
        let fleet = Fleet(fleet: FleetState(), credit: 64)
        let host = hostID("web-1")
        var sequence: UInt64 = 0
        let session = fleet.accept(
            host: host, boot: BootID(high: 0, low: 1), epoch: 1, agentVersion: "1",
            nowMilliseconds: testNow
        ) { _ in }
        func say(_ events: SessionEvent...) {
            for event in events {
                sequence += 1
                let isCurrent = fleet.apply(
                    host, by: session, sequence: sequence, nowMilliseconds: testNow
                ) { $0.apply(event, nowMilliseconds: testNow) }
                #expect(isCurrent)
            }
        }
        say(.host(.sample), .define([1]), .peak(1, bytes: 300 << 20), .exit(1))
        let commit = fleet.takeCommit()
        try store.commit(commit.batch)
        fleet.committed(commit, atMilliseconds: testNow)
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
