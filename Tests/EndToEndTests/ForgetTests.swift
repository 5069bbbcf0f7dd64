import Foundation
import TestSupport
import Testing

/// A machine that was taken out would be missing for ever.
@Suite("Forgetting a host")
struct ForgetTests {
    private let folder: TemporaryFolder
    private let data: String

    init() throws {
        folder = try TemporaryFolder()
        data = folder.path + "/data"
    }

    private func forget(
        _ arguments: [String]
    ) async throws -> (status: Int32, output: String, errors: String) {
        try await Program.run("memcollector", ["forget", "--data-dir", data] + arguments)
    }

    private func tell(_ collector: RunningCollector, _ host: String) async throws -> FakeSession {
        let session = try await FakeSession(port: collector.port, hostID: host)
        try await session.sayFullState(
            peakBytes: 5 << 20, atMilliseconds: FakeSession.upMilliseconds - 60_000)
        try await session.waitUntilAcknowledged()
        return session
    }

    private func hosts(_ collector: RunningCollector) async throws -> [String] {
        try await collector.rows(["hosts"]).compactMap { $0["host_id"] as? String }.sorted()
    }

    @Test("one whose agent is gone goes with all that is known of it, and comes back as a new one")
    func live() async throws {
        let collector = try await RunningCollector.start(folder: data)
        var gone: FakeSession? = try await tell(collector, "gone")
        let stays = try await tell(collector, "stays")
        let asked = try await forget(["--host", "gone"])
        #expect(asked.status == 2 && asked.errors.contains("--yes"), "\(asked)")
        let connected = try await forget(["--host", "gone", "--yes"])
        #expect(connected.status == 1 && connected.errors.contains("is connected"), "\(connected)")
        #expect(try await hosts(collector) == ["gone", "stays"])

        // Its session ends with the last that holds it.
        #expect(gone != nil)
        gone = nil
        try await eventually("the session is over") {
            try await forget(["--host", "gone", "--dry-run"]).status == 0
        }
        let dry = try await forget(["--host", "gone", "--dry-run"])
        #expect(dry.output.contains("gone (gone)") && dry.output.contains("1 run,"), "\(dry)")
        #expect(try await hosts(collector) == ["gone", "stays"])
        let done = try await forget(["--host", "gone", "--yes"])
        #expect(done.status == 0 && done.output.hasPrefix("Forgot host gone (gone)"), "\(done)")
        #expect(try await hosts(collector) == ["stays"])
        #expect(try await collector.rows(["report"]).count == 1)
        let again = try await forget(["--host", "gone", "--yes"])
        #expect(again.status == 1 && again.errors.contains("no host has the id or name"))

        // One that comes back is new, also after a restart.
        let back = try await tell(collector, "gone")
        #expect(try await collector.rows(["report"]).count == 2)
        collector.program.signal(SIGTERM)
        #expect(try await collector.program.waitForExit() == 0)
        let offline = try await forget(["--host", "stays", "--yes"])
        #expect(offline.status == 0, "\(offline)")
        let restarted = try await RunningCollector.start(folder: data)
        #expect(try await hosts(restarted) == ["gone"])
        #expect(try await restarted.rows(["report"]).count == 1)
        _ = (stays, back)
    }
}
