import Foundation
import MemoryModel
import TestSupport
import Testing
import Wire

/// What happens while no collector or no agent is there is told afterwards.
@Suite("Outages")
struct OutageTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private var state: String { folder.path + "/state" }

    private func collector(like other: RunningCollector? = nil) async throws -> RunningCollector {
        try await RunningCollector.start(
            folder: folder.path + "/data", port: other?.port ?? 0, httpPort: other?.httpPort ?? 0)
    }

    private func agent(_ port: Int, _ further: [String] = []) throws -> Program {
        try Program.agent(
            port: port, hostID: "one",
            arguments: ["--state-dir", state, "--log-level", "debug"] + further)
    }

    private func stop(_ program: Program, by signal: Int32 = SIGTERM) async throws {
        program.signal(signal)
        #expect(try await program.waitForExit() == (signal == SIGKILL ? SIGKILL : 0))
    }

    /// What is reported of a process; what it was between fork and exec is its parent, and is not.
    private func rows(_ pid: Int32, of collector: RunningCollector) async throws -> [Row] {
        try await Row.all(["report", "--top", "100000"], of: collector)
            .filter { $0.number("pid") == Double(pid) }
    }

    private func stateFiles() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: state)
            // One that was being written when its agent was killed is no state file.
            .filter { $0.hasPrefix("state-") && !$0.hasSuffix(".new") }
    }

    private func gaps(
        of collector: RunningCollector, _ view: String = "summary"
    ) async throws -> [String: Any] {
        let coverage = try await collector.ask([view])["coverage"]
        return (coverage as? [String: Any])?["gaps"] as? [String: Any] ?? [:]
    }

    private func seconds(_ gaps: [String: Any]) -> Double? {
        (gaps["seconds_without_agent"] as? NSNumber)?.doubleValue
    }

    // MARK: The outage

    @Test(
        "a peak of an outage is there afterwards, once and with its time, however the agent ended",
        arguments: [SIGTERM, SIGKILL])
    func outage(_ signal: Int32) async throws {
        let first = try await collector()
        let before = try agent(first.port)
        try await eventually("the agent is known") {
            try await !rows(before.pid, of: first).isEmpty
        }
        try await stop(first.program)
        let begun = Date()
        let lives = try await Probe.start("hold", mebibytes: 30)
        let ends = try await Probe.start("hold", mebibytes: 50)
        try await before.waitForText("saved the state")
        let saved = Date()
        if signal == SIGTERM { try await ends.killAndWait() }
        try await stop(before, by: signal)
        if signal == SIGKILL { try await ends.killAndWait() }
        #expect(try stateFiles().count == 1)

        let after = try agent(first.port)
        if signal == SIGKILL { try await after.waitForText("did not stop in order") }
        let second = try await collector(like: first)
        try await after.waitForText("told what an earlier agent had kept")
        try await eventually("what ended is shown as ended") {
            try await rows(ends.pid, of: second).first?.text("ended_at") != nil
        }
        for (probe, mebibytes) in [(lives, 30), (ends, 50)] as [(Probe, UInt64)] {
            let found = try await rows(probe.pid, of: second)
            #expect(found.count == 1, "\(found)")
            let row = try #require(found.first)
            #expect(row.bytes("peak_rss_bytes") ?? 0 >= mebibytes << 20)
            #expect(row.bytes("peak_rss_bytes") ?? 0 < (mebibytes + 20) << 20)
            let format = ISO8601DateFormatter()
            format.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
            let from = row.text("peak_not_before").flatMap { format.date(from: $0) }
            let until = row.text("peak_not_after").flatMap { format.date(from: $0) }
            #expect(try #require(from) > begun.addingTimeInterval(-2))
            #expect(try #require(until) < saved.addingTimeInterval(2))
        }
        try await eventually("the files are gone") { try stateFiles().isEmpty }
        for view in ["summary", "report"] {
            let gaps = try await gaps(of: second, view)
            #expect(seconds(gaps) ?? 0 > 0, "\(view): \(gaps)")
        }
        let text = try await Program.run(
            "memcollector", ["summary", "--url", second.url])
        #expect(text.output.contains("without an agent"))
        try await stop(after)
        #expect(try stateFiles().isEmpty)
        try await stop(second.program)
    }

    @Test("an agent that was told everything leaves no file, and a first start no gap")
    func nothingToKeep() async throws {
        let collector = try await collector()
        let agent = try agent(collector.port)
        try await eventually("the agent is known") {
            try await !rows(agent.pid, of: collector).isEmpty
        }
        try await stop(agent)
        #expect(try stateFiles().isEmpty)
        #expect(seconds(try await gaps(of: collector)) == 0)
        try await stop(collector.program)
    }

    // MARK: Reboots

    @Test(
        "after a reboot the runs of the old boot have ended, and the time until the agent is a gap")
    func reboot() async throws {
        let tree = try ProcTree()
        try tree.write("cpu 1 2 3\nprocesses 1000\n", to: "stat")
        var process = ProcTree.Process(pid: 4_321)
        process.markKibibytes = 123_456
        try tree.write(process)
        let closed = try ClosedPort()
        let before = try agent(closed.port, ["--procfs", tree.path])
        try await before.waitForText("saved the state")
        try await stop(before, by: SIGKILL)

        try tree.remove(pid: 4_321)
        try tree.write(
            "11111111-2222-4333-8444-555555555555\n", to: "sys/kernel/random/boot_id")
        try tree.write("cpu 1 2 3\nprocesses 77\n", to: "stat")
        process.pid = 99
        try tree.write(process)
        let collector = try await collector()
        let after = try agent(collector.port, ["--procfs", tree.path])
        try await eventually("the run of the old boot has ended") {
            try await rows(4_321, of: collector).first?.text("ended_at") != nil
        }
        #expect(
            try await rows(4_321, of: collector).first?.bytes("peak_rss_bytes") == 123_456 << 10)
        #expect(try await rows(99, of: collector).first?.isNull("ended_at") == true)
        try await eventually("the gap is told") {
            let gaps = try await gaps(of: collector)
            return (seconds(gaps) ?? 0) > 0
        }
        try await eventually("the files are gone") { try stateFiles().isEmpty }
        try await stop(after)
        try await stop(collector.program)
    }

    // MARK: Files that are wrong

    @Test("a file that a collector refuses again and again is put aside, and the agent goes on")
    func refusedFile() async throws {
        let closed = try ClosedPort()
        let before = try agent(closed.port)
        try await before.waitForText("saved the state")
        try await stop(before)
        let collector = try FakeCollector { hello, _ in
            hello.isPast ? .end(FakeCollector.error(.badPayload, "not this")) : .take
        }
        let after = try agent(collector.port)
        try await after.waitForText("a state file cannot be told and is kept for you to look at")
        // What follows is the gap in its place.
        #expect(collector.sessions.filter(\.hello.isPast).count >= 3)
        #expect(try stateFiles().contains { $0.hasSuffix(".refused") && !$0.contains("gaps") })
        let live = collector.sessions.filter { !$0.hello.isPast }
        #expect(live.count == 1)
        #expect(after.status == nil)
        try await stop(after)
    }

    @Test("a file that is no state file is put aside, and one that is torn is told up to there")
    func damagedFiles() async throws {
        let closed = try ClosedPort()
        let before = try agent(closed.port)
        let probe = try await Probe.start("hold", mebibytes: 10)
        try await before.waitForText("saved the state")
        try await stop(before)
        let name = try #require(try stateFiles().first)
        let url = URL(fileURLWithPath: state + "/" + name)
        let whole = try Data(contentsOf: url)
        try whole.prefix(whole.count - 30).write(to: url)
        try Data("hello".utf8).write(to: URL(fileURLWithPath: state + "/state-0000000000000001"))
        let collector = try await collector()
        let after = try agent(collector.port)
        try await after.waitForText("a state file is damaged")
        try await after.waitForText("told what an earlier agent had kept")
        try await eventually("only what cannot be told is left") {
            try stateFiles() == ["state-0000000000000001.damaged"]
        }
        #expect(try await rows(probe.pid, of: collector).count == 1)
        try await eventually("the damage is counted") {
            let coverage = try await collector.ask(["hosts"])["coverage"] as? [String: Any]
            let counters = coverage?["counters"] as? [String: Any]
            return (counters?["state_damaged"] as? NSNumber)?.intValue == 2
        }
        try await stop(after)
        try await stop(collector.program)
    }
}
