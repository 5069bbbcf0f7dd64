import Foundation
import TestSupport
import Testing
import Wire

/// How the programs begin, end, and find each other again.
@Suite("Life cycle")
struct LifeCycleTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func start(_ arguments: [String] = []) async throws -> RunningCollector {
        try await RunningCollector.start(folder: folder.path + "/data", arguments: arguments)
    }

    private func host(_ id: String, of collector: RunningCollector) async throws -> [String: Any]? {
        try await collector.rows(["hosts"]).first { $0["host_id"] as? String == id }
    }

    private func expectUp(_ id: String, of collector: RunningCollector) async throws {
        try await eventually("\(id) is up") {
            try await host(id, of: collector)?["state"] as? String == "up"
        }
    }

    /// The row of a process; nil if it is not in the report.
    private func row(_ pid: Int32, of collector: RunningCollector) async throws -> [String: Any]? {
        try await collector.rows(["report", "--top", "100000", "--inherited"])
            .first { ($0["pid"] as? NSNumber)?.int32Value == pid }
    }

    private func stop(_ agents: Program...) async throws {
        for agent in agents {
            agent.signal(SIGTERM)
            #expect(try await agent.waitForExit() == 0)
        }
    }

    // MARK: Signals

    @Test(
        "a collector that is told to stop says good-bye, and its agent finds the next one",
        arguments: [SIGTERM, SIGINT])
    func collectorStops(_ signal: Int32) async throws {
        let first = try await start()
        let proxy = try RecordingProxy(to: first.port)
        let agent = try Program.agent(port: proxy.port, hostID: "one")
        try await expectUp("one", of: first)
        // Those who are connected and say nothing must not hold it up.
        let silent = try RawConnection(port: first.port)
        let idle = try RawConnection(port: first.httpPort)
        await idle.send(Array("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
        _ = try await idle.read { String(decoding: $0, as: UTF8.self).hasSuffix("ok\n") }
        first.program.signal(signal)
        first.program.signal(signal)
        #expect(try await first.program.waitForExit() == 0)
        #expect(first.program.errors.contains("stopped; everything that was acknowledged"))
        #expect(try await silent.readToEnd() == [])
        #expect(try await idle.readToEnd() == [])
        try await agent.waitForText("the collector stops or restarts")
        guard case .goodbye(let goodbye) = try Received.frames(proxy.answered[0]).last else {
            Issue.record("no GOODBYE at the end")
            return
        }
        #expect(goodbye.reason == .collectorStops)
        #expect(agent.status == nil)
        let second = try await RunningCollector.start(
            folder: folder.path + "/data", port: first.port, httpPort: first.httpPort)
        try await expectUp("one", of: second)
        try await stop(agent, second.program)
    }

    @Test("SIGHUP ends no collector and no session")
    func hangUp() async throws {
        let collector = try await start()
        let proxy = try RecordingProxy(to: collector.port)
        let agent = try Program.agent(port: proxy.port, hostID: "one")
        try await expectUp("one", of: collector)
        for count in 1...3 {
            collector.program.signal(SIGHUP)
            try await eventually("it says so") {
                collector.program.errors.components(separatedBy: "SIGHUP").count > count
            }
        }
        let sleeper = try Program("/bin/sleep", ["600"])
        try await eventually("what began after it is known") {
            try await row(sleeper.pid, of: collector) != nil
        }
        #expect(proxy.sent.count == 1)
        try await stop(agent, collector.program)
    }

    @Test("an agent that is told to stop says good-bye, and what it saw stays", arguments: [1, 2])
    func agentStops(_ signals: Int) async throws {
        let collector = try await start()
        let proxy = try RecordingProxy(to: collector.port)
        let agent = try Program.agent(port: proxy.port, hostID: "one")
        let sleeper = try Program("/bin/sleep", ["600"])
        try await eventually("the sleeper is known") {
            try await row(sleeper.pid, of: collector) != nil
        }
        for _ in 0..<signals { agent.signal(SIGTERM) }
        #expect(try await agent.waitForExit() == 0)
        try await eventually("the host is not up") {
            try await host("one", of: collector)?["state"] as? String != "up"
        }
        let sent = Array(proxy.sent[0].dropFirst(FrameEncoder.preface.count))
        guard case .goodbye(let goodbye) = try Received.frames(sent).last else {
            Issue.record("no GOODBYE at the end")
            return
        }
        #expect(goodbye.reason == .agentStops)
        let seen = try #require(try await row(sleeper.pid, of: collector))
        #expect(seen["program"] as? String == "sleep")
        #expect((seen["peak_rss_bytes"] as? NSNumber)?.intValue ?? 0 > 100_000)
        // Nobody saw it end.
        #expect(seen["ended_at"] is NSNull)
        try await stop(collector.program)
    }

    // MARK: Who is who

    @Test("labels and names are shown, and two agents are two hosts")
    func twoHosts() async throws {
        let collector = try await start()
        let one = try Program.agent(
            port: collector.port, hostID: "one",
            arguments: ["--hostname", "web-1.example", "--label", "rack=b7", "--label", "a=x=y"])
        let two = try Program.agent(
            port: collector.port, hostID: "two", arguments: ["--hostname", "web-2.example"])
        try await expectUp("one", of: collector)
        try await expectUp("two", of: collector)
        let first = try #require(try await host("one", of: collector))
        #expect(first["host"] as? String == "web-1.example")
        #expect(first["labels"] as? [String: String] == ["rack": "b7", "a": "x=y"])
        #expect(try await collector.rows(["hosts"]).count == 2)
        try await eventually("each host has its own rows") {
            let hosts = try await collector.rows(["report", "--by", "host"])
                .compactMap { $0["host"] as? String }
            return Set(hosts) == ["web-1.example", "web-2.example"]
        }
        let rows = try await collector.rows(["report", "--host", "web-2*", "--top", "100000"])
        #expect(!rows.isEmpty)
        #expect(rows.allSatisfy { $0["host_id"] as? String == "two" })
        try await stop(one, two, collector.program)
    }

    @Test("a collector that is away, or is none, is passed over for the next")
    func secondCollector() async throws {
        let collector = try await start()
        let closed = try ClosedPort()
        for (id, port) in [("closed", closed.port), ("web", collector.httpPort)] {
            let agent = try Program(
                "memagent",
                [
                    "--collector", "127.0.0.1:\(port)", "--collector",
                    "127.0.0.1:\(collector.port)", "--host-id", id, "--interval", "200ms",
                    "--state-dir", folder.path + "/state-" + id,
                ])
            try await expectUp(id, of: collector)
            #expect(agent.errors.contains("cannot reach the collector"))
            #expect(agent.errors.contains("127.0.0.1:\(port)"))
            try await stop(agent)
        }
        // The same by the environment.
        let agent = try Program(
            "memagent",
            ["--host-id", "environment", "--state-dir", folder.path + "/state-environment"],
            environment: [
                "MEMAGENT_COLLECTOR": "127.0.0.1:\(closed.port),127.0.0.1:\(collector.port)"
            ])
        try await expectUp("environment", of: collector)
        try await stop(agent, collector.program)
    }

    // MARK: What an agent may see

    @Test(
        "an agent without rights sees every process's peak, and no executable of others",
        .enabled(if: geteuid() == 0))
    func unprivileged() async throws {
        let collector = try await start()
        let programs = try await UnprivilegedPrograms()
        let agent = try programs.start(
            "memagent",
            [
                "--collector", "127.0.0.1:\(collector.port)", "--host-id", "nobody",
                "--interval", "200ms", "--report-interval", "200ms",
            ])
        let sleeper = try Program("/bin/sleep", ["600"])
        try await eventually("root's process is known") {
            try await row(sleeper.pid, of: collector) != nil
        }
        let seen = try #require(try await row(sleeper.pid, of: collector))
        #expect(seen["program"] as? String == "sleep")
        #expect(seen["executable"] is NSNull)
        #expect(seen["user"] as? String == "root")
        #expect(seen["peak_source"] as? String == "hwm")
        #expect((seen["peak_rss_bytes"] as? NSNumber)?.intValue ?? 0 > 100_000)
        try await eventually("its own executable is known") {
            try await row(agent.pid, of: collector)?["executable"] is String
        }
        try await stop(agent, collector.program)
    }

    @Test("another tree of processes is read by --procfs, and reports say that the view is one")
    func otherTree() async throws {
        let tree = try ProcTree()
        var process = ProcTree.Process(pid: 4_321)
        process.comm = Array("fixture".utf8)
        process.executable = "/opt/fixture"
        process.markKibibytes = 123_456
        try tree.write(process)
        let collector = try await start()
        let agent = try Program.agent(
            port: collector.port, hostID: "tree", arguments: ["--procfs", tree.path])
        try await eventually("the process is reported") {
            try await row(4_321, of: collector) != nil
        }
        let seen = try #require(try await row(4_321, of: collector))
        #expect(seen["program"] as? String == "fixture")
        #expect(seen["peak_source"] as? String == "hwm")
        #expect((seen["peak_rss_bytes"] as? NSNumber)?.intValue == 123_456 << 10)
        #expect(try await collector.rows(["ps"]).count == 1)
        for view in ["report", "ps", "hosts", "summary"] {
            let coverage = try await collector.ask([view])["coverage"] as? [String: Any]
            #expect((coverage?["restricted_views"] as? NSNumber)?.intValue == 1, "\(view)")
            let text = try await Program.run("memcollector", [view, "--url", collector.url])
            #expect(text.output.contains("restricted view"), "\(view)")
        }
        process.markKibibytes = 234_567
        try tree.write(process)
        try await eventually("the mark rises") {
            (try await row(4_321, of: collector)?["peak_rss_bytes"] as? NSNumber)?.intValue
                == 234_567 << 10
        }
        try tree.remove(pid: 4_321)
        try await eventually("it is shown as ended") {
            try await row(4_321, of: collector)?["ended_at"] is String
        }
        try await stop(agent, collector.program)
    }
}
