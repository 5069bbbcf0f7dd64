import Foundation
import MemoryModel
import TestSupport
import Testing
import Wire

/// A disk that does not answer holds up only what has to be on it.
@Suite("Disks that do not answer")
struct HungDiskTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func peakBytes(_ collector: RunningCollector) async throws -> UInt64? {
        try await Row.all(["report", "--top", "1000"], of: collector)
            .first { $0.number("pid") == 4_321 }?.bytes("peak_rss_bytes")
    }

    /// Lets the process rise, and waits until the collector knows.
    private func rise(
        _ process: inout ProcTree.Process, in tree: ProcTree, _ collector: RunningCollector
    ) async throws {
        process.residentPages += 1_000
        process.markKibibytes = process.residentPages * 4
        try tree.rewriteMemory(process)
        let bytes = process.markKibibytes << 10
        try await eventually("\(bytes) bytes are known") {
            try await peakBytes(collector) == bytes
        }
    }

    @Test("an agent whose state directory does not answer looks on, tells on, and can be stopped")
    func agent() async throws {
        let fault = try await InjectedFault(of: "/state/")
        let collector = try await RunningCollector.start(folder: folder.path + "/data")
        let tree = try ProcTree()
        var process = ProcTree.Process(pid: 4_321)
        try tree.write(process)
        let state = folder.path + "/state"
        let agent = try Program(
            "memagent",
            [
                "--collector", "127.0.0.1:\(collector.port)", "--host-id", "patient",
                "--procfs", tree.path, "--interval", "100ms", "--report-interval", "100ms",
                "--state-dir", state,
            ], environment: fault.environment)
        try await rise(&process, in: tree, collector)
        try fault.hang()
        // The marker that says that an agent runs is written every ten seconds.
        try await eventually("a write waits", seconds: 60) { fault.isHanging }
        for _ in 0..<3 { try await rise(&process, in: tree, collector) }
        // Without a collector everything is kept, and what is to be saved waits.
        collector.program.signal(SIGTERM)
        try await collector.program.waitForExit()
        process.residentPages += 1_000
        process.markKibibytes = process.residentPages * 4
        try tree.rewriteMemory(process)
        let later = try await RunningCollector.start(
            folder: folder.path + "/data", port: collector.port)
        try await eventually("what rose meanwhile is known", seconds: 60) {
            try await peakBytes(later) == process.markKibibytes << 10
        }
        // The collector has everything, so that nothing has to be saved.
        agent.signal(SIGTERM)
        #expect(try await agent.waitForExit(seconds: 60) == 0, "\(agent.errors)")
    }

    @Test("a collector whose disk does not answer says so, answers, and keeps all once it does")
    func collector() async throws {
        let fault = try await InjectedFault()
        let collector = try await RunningCollector.start(
            folder: folder.path + "/data", environment: fault.environment)
        let session = try await FakeSession(port: collector.port, hostID: "patient")
        try await session.sayFullState(peakBytes: 1 << 20, atMilliseconds: 1_000)
        try await session.waitUntilAcknowledged()
        try fault.hang()
        try await session.say(FakeSession.peak(2 << 20, atMilliseconds: 2_000))
        try await eventually("a write waits") { fault.isHanging }
        try await session.read { frames in
            frames.contains { frame in
                guard case .acknowledgement(let acknowledgement) = frame else { return false }
                return acknowledgement.credit == 0
            }
        }
        try await eventually("it is said") {
            let summary = try await Program.run(
                "memcollector", ["summary", "--url", collector.url])
            return summary.output.contains("disk is slow")
        }
        let rows = try await collector.rows(["report"])
        #expect((rows.first?["peak_rss_bytes"] as? NSNumber)?.uint64Value == 2 << 20)
        try fault.release()
        try await session.waitUntilAcknowledged()
        collector.program.signal(SIGTERM)
        #expect(try await collector.program.waitForExit() == 0, "\(collector.program.errors)")
    }
}
