import Logging
import MemoryModel
import NIOPosix
import PeakStore
import SQLiteStore
import TestSupport
import Testing
import Wire

@testable import Collector

@Suite("Hosts that are gone")
struct GoneHostTests {
    private func host(_ id: String) -> StoredHost {
        let heard = WallClock.nowMilliseconds() - 91 * 86_400_000
        return StoredHost(
            id: hostID(id), boot: BootID(high: 0, low: 1), epoch: 1, description: .sample,
            agentVersion: "1", firstHeardAtMilliseconds: heard, lastHeardAtMilliseconds: heard)
    }

    @Test("one of which nothing is left goes from the fleet, one that is back is written anew")
    func removed() async throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.path + "/data")
        var batch = CommitBatch()
        batch.hosts = [host("gone"), host("back")]
        try store.commit(batch)
        let fleet = Fleet(fleet: try FleetState(store: store))
        // It is back before the store has heard of it.
        let back = hostID("back")
        let session = fleet.open(.sample("back"))
        let outcome = fleet.apply(
            .host(.sample), to: back, by: session, sequence: 1, at: .test())
        #expect(outcome == .taken)
        let thread = NIOThreadPool(numberOfThreads: 1)
        thread.start()
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let maintainer = Maintainer(
            store: store, thread: thread, retention: .usual, logger: logger,
            onHosts: { fleet.forget($0) })
        while try await maintainer.work(unless: { false }) {}
        #expect(try store.hosts().isEmpty)
        #expect(fleet.read { Set($0.hosts.keys) } == [back])
        let committer = Committer(fleet: fleet, store: store, thread: thread, logger: logger)
        try await committer.commit()
        #expect(try store.hosts().map(\.id) == [back])
        try await thread.shutdownGracefully()
    }
}
