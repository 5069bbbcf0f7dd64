import Foundation
import MemoryModel
import TestSupport
import Testing
import Wire

/// What an agent saw outlives it though a collector is connected, as long as none has it.
@Suite("A collector that acknowledges nothing")
struct SilentCollectorTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private var state: String { folder.path + "/state" }

    private func agent(_ port: Int, _ further: [String] = []) throws -> Program {
        try Program.agent(
            port: port, hostID: "one",
            arguments: ["--state-dir", state, "--log-level", "debug"] + further)
    }

    private func stop(_ program: Program, by signal: Int32 = SIGTERM) async throws {
        program.signal(signal)
        #expect(try await program.waitForExit() == (signal == SIGKILL ? SIGKILL : 0))
    }

    private func stateFiles() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: state)
            .filter { $0.hasPrefix("state-") && !$0.hasSuffix(".new") }
    }

    private func hasState(_ session: FakeCollector.Session?) -> Bool {
        session?.frames.contains { $0.type == .stateEnd } == true
    }

    private func gaps(_ session: FakeCollector.Session?) -> [Gap] {
        session?.frames.flatMap { frame -> [Gap] in
            guard case .gap(let frame) = frame else { return [] }
            return frame.gaps
        } ?? []
    }

    @Test("a run that ended meanwhile is told by the next agent, though this one is killed")
    func endedRun() async throws {
        let silent = try FakeCollector { _, _ in .keepSilent }
        let probe = try await Probe.start("hold", mebibytes: 40)
        let before = try agent(silent.port)
        try await eventually("the collector was told the state") {
            hasState(silent.sessions.first)
        }
        try await probe.killAndWait()
        try await before.waitForText("saved the state")
        #expect(silent.sessions.count == 1)
        try await stop(before, by: SIGKILL)

        let collector = try await RunningCollector.start(folder: folder.path + "/data")
        let after = try agent(collector.port)
        try await after.waitForText("told what an earlier agent had kept")
        var found: [Row] = []
        try await eventually("what ended is shown as ended") {
            found = try await Row.all(["report", "--top", "100000"], of: collector)
                .filter { $0.number("pid") == Double(probe.pid) }
            return found.first?.text("ended_at") != nil
        }
        #expect(found.count == 1)
        #expect(found.first?.bytes("peak_rss_bytes") ?? 0 >= 40 << 20)
        try await stop(after)
        try await stop(collector.program)
    }

    @Test("what an earlier agent left stays until it is acknowledged, whoever is killed meanwhile")
    func pastFile() async throws {
        let closed = try ClosedPort()
        let before = try agent(closed.port)
        try await before.waitForText("saved the state")
        try await stop(before)
        let file = try #require(try stateFiles().first)

        let silent = try FakeCollector { _, _ in .keepSilent }
        let between = try agent(silent.port)
        try await eventually("the file is told") {
            silent.sessions.contains { $0.hello.isPast && hasState($0) }
        }
        try await stop(between, by: SIGKILL)
        #expect(try stateFiles().contains(file))

        let taking = try FakeCollector { _, _ in .take }
        let after = try agent(taking.port)
        try await eventually("the file is gone") { try !stateFiles().contains(file) }
        let told = try #require(silent.sessions.first { $0.hello.isPast })
        let again = try #require(taking.sessions.first { $0.hello.epoch == told.hello.epoch })
        #expect(again.frames.first == told.frames.first)
        #expect(hasState(again))
        try await stop(after)
    }

    @Test("after a crash of the host while a collector had everything, the gap is told as well")
    func crashWhileOnline() async throws {
        let tree = try ProcTree()
        try tree.write("cpu 1 2 3\nprocesses 1000\n", to: "stat")
        try tree.write(ProcTree.Process(pid: 4_321))
        let collector = try FakeCollector { _, _ in .take }
        let before = try agent(collector.port, ["--procfs", tree.path])
        try await eventually("the collector was told the state") {
            hasState(collector.sessions.first)
        }
        try await eventually("the marker is there") {
            FileManager.default.fileExists(atPath: state + "/running")
        }
        // On a busy host it may have kept something until it was welcomed.
        try await eventually("nothing is kept") { try stateFiles().isEmpty }
        try await stop(before, by: SIGKILL)
        let epoch = try #require(collector.sessions.first).hello.epoch

        try tree.write(
            "11111111-2222-4333-8444-555555555555\n", to: "sys/kernel/random/boot_id")
        let after = try agent(collector.port, ["--procfs", tree.path])
        try await after.waitForText("told what an earlier agent had kept")
        let past = try #require(collector.sessions.first { $0.hello.isPast })
        #expect(past.hello.epoch == epoch)
        #expect(past.hello.boot == collector.sessions.first?.hello.boot)
        #expect(past.frames.first?.type == .host)
        #expect(gaps(past).map(\.reason) == [.agentDown])
        try await eventually("the files are gone") { try stateFiles().isEmpty }
        try await stop(after)
    }

    @Test("a marker that cannot be read is no first start: a gap of unknown size is told")
    func damagedMarker() async throws {
        try FileManager.default.createDirectory(
            atPath: state, withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o700])
        try Data().write(to: URL(fileURLWithPath: state + "/running"))
        let collector = try FakeCollector { _, _ in .take }
        let agent = try agent(collector.port)
        try await agent.waitForText("the marker of the agent before is damaged")
        try await eventually("the gap is told") {
            gaps(collector.sessions.first).contains { $0.reason == .agentDown }
        }
        let gap = try #require(gaps(collector.sessions.first).first { $0.reason == .agentDown })
        #expect(gap.missedCount == nil)
        #expect(gap.bracket?.notBeforeMilliseconds == 0)
        try await stop(agent)
    }
}
