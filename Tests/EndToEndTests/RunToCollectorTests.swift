import Foundation
import TestSupport
import Testing

/// `memagent run --collector`: what was run is in the fleet's reports.
@Suite("Running a command for a collector")
struct RunToCollectorTests {
    private let runner: CommandRunner
    private let folder: TemporaryFolder

    init() throws {
        runner = try CommandRunner()
        folder = try TemporaryFolder()
    }

    private func options(_ collector: RunningCollector) -> [String] {
        ["--collector", "127.0.0.1:\(collector.port)", "--host-id", "builder"]
    }

    private func hold(_ steps: String...) async throws -> [String] {
        [try await CommandRunner.holder.value.path] + steps
    }

    private func rows(_ collector: RunningCollector) async throws -> [Row] {
        try await Row.all(["report", "--host", "builder", "--top", "1000"], of: collector)
    }

    @Test("with no agent on the host the peaks and the ends are there, and the host is not missed")
    func alone() async throws {
        let collector = try await RunningCollector.start(folder: folder.path + "/data")
        let result = try await runner.run(
            try await hold("f+70,c0", "w", "+30", "c3"), options: options(collector))
        #expect(result.status == 3, "\(result.errors)")
        #expect(result.text("collector", "told_by") == "command", "\(result.errors)")
        let rows = try await rows(collector)
        let main = try #require(rows.first { $0.number("exit_code") == 3 }, "\(rows)")
        #expect(main.bytes("peak_rss_bytes") ?? 0 >= 30 << 20)
        #expect(rows.contains { ($0.bytes("peak_rss_bytes") ?? 0) >= 70 << 20 })
        #expect(UInt64(rows.count) == result.number("collector", "runs"))
        let check = try await Program.run(
            "memcollector", ["check", "--url", collector.url, "--missing", "1s"])
        #expect(check.status == 0, "\(check.output)")
        let page = try await Program.run(
            "memcollector", ["show", "builder", "--url", collector.url])
        #expect(page.output.contains("memagent run"), "\(page.output)")
    }

    @Test("while it runs its peak is known already")
    func streams() async throws {
        let collector = try await RunningCollector.start(folder: folder.path + "/data")
        let (words, _) = try await runner.words(
            try await hold("+80", "a600"), options: options(collector))
        let running = try Program(words[0], Array(words.dropFirst()))
        try await eventually("its peak is known") {
            try await rows(collector).contains { row in
                (row.bytes("peak_rss_bytes") ?? 0) >= 80 << 20 && row.number("exit_code") == nil
            }
        }
        running.signal(SIGTERM)
        #expect(try await running.waitForExit() == SIGTERM)
        try await eventually("its end is known") {
            try await rows(collector).contains { $0.number("exit_signal") == 15 }
        }
    }

    @Test("where the host's agent has a session, it tells of the command, once")
    func besideAgent() async throws {
        let collector = try await RunningCollector.start(folder: folder.path + "/data")
        let agent = try Program.agent(port: collector.port, hostID: "builder")
        try await agent.waitForText("connected")
        let result = try await runner.run(
            try await hold("+60", "a10"), options: options(collector))
        #expect(result.text("collector", "told_by") == "agent", "\(result.errors)")
        #expect(result.errors.contains("by the agent of this host"), "\(result.errors)")
        try await eventually("the agent tells of it") {
            try await rows(collector).contains { ($0.bytes("peak_rss_bytes") ?? 0) >= 60 << 20 }
        }
        agent.signal(SIGTERM)
        #expect(try await agent.waitForExit() == 0)
    }

    @Test("where the host's agent goes away while the command runs, the command tells by itself")
    func agentLeaves() async throws {
        let collector = try await RunningCollector.start(folder: folder.path + "/data")
        let agent = try Program.agent(port: collector.port, hostID: "builder")
        try await agent.waitForText("connected")
        let mark = folder.path + "/go-on"
        let held = try await hold("+55").joined(separator: " ")
        let (words, json) = try await runner.words(
            ["sh", "-c", "while ! test -e '\(mark)'; do sleep 0.1; done; \(held)"],
            options: options(collector))
        let running = try Program(words[0], Array(words.dropFirst()))
        try await eventually("the agent tells of it") {
            let children = try String(
                contentsOfFile: "/proc/\(running.pid)/task/\(running.pid)/children", encoding: .utf8
            )
            let shell = Double(children.trimmingCharacters(in: .whitespaces))
            return try await rows(collector).contains { row in
                shell != nil && row.number("pid") == shell
            }
        }
        agent.signal(SIGKILL)
        try await agent.waitForExit()
        try Data().write(to: URL(fileURLWithPath: mark))
        #expect(try await running.waitForExit(seconds: 60) == 0, "\(running.errors)")
        let outcome = try runner.document(json)["collector"] as? [String: Any]
        #expect(outcome?["told_by"] as? String == "command")
        #expect(
            try await rows(collector).contains { ($0.bytes("peak_rss_bytes") ?? 0) >= 55 << 20 })
    }

    @Test("the command has no descriptor that memagent opened, and all that it was given")
    func descriptors() async throws {
        let collector = try await RunningCollector.start(folder: folder.path + "/data")
        let list = "ls -l /proc/self/fd >&9"
        let file = folder.path + "/descriptors"
        var (words, _) = try await runner.words(
            ["sh", "-c", list], options: options(collector))
        let before = folder.path + "/before"
        let script = "ls -l /proc/self/fd > '\(before)'; exec \"$@\" 9> '\(file)' 7< /dev/null"
        words = ["/bin/sh", "-c", script, "sh"] + words
        let answer = try await Program.run(words[0], Array(words.dropFirst()))
        #expect(answer.status == 0, "\(answer.errors)")
        let text = try String(contentsOfFile: file, encoding: .utf8)
        #expect(text.contains(" 7 -> /dev/null") && text.contains(" 9 -> "), "\(text)")
        // The tests' own process has sockets, too, and keeps not all of them to itself.
        let own = links(text).subtracting(
            links(try String(contentsOfFile: before, encoding: .utf8)))
        #expect(own.isEmpty, "\(own)")
    }

    /// The numbers of descriptors that lead to sockets and the like, with what they lead to.
    private func links(_ list: String) -> Set<String> {
        Set(
            list.split(separator: "\n")
                .filter { $0.contains("socket:") || $0.contains("anon_inode") }
                .map { $0.split(separator: " ").suffix(3).joined(separator: " ") })
    }

    @Test("a signal ends the wait for a collector that does not answer")
    func interrupted() async throws {
        let collector = try await RunningCollector.start(folder: folder.path + "/data")
        let mark = folder.path + "/go-on"
        let (words, json) = try await runner.words(
            ["sh", "-c", "while ! test -e '\(mark)'; do sleep 0.1; done; exit 5"],
            options: options(collector))
        let running = try Program(words[0], Array(words.dropFirst()))
        try await eventually("it is told") { try await !rows(collector).isEmpty }
        collector.program.signal(SIGSTOP)
        try Data().write(to: URL(fileURLWithPath: mark))
        // Until the command has ended the signal is its own.
        try await eventually("it waits for the collector") {
            let path = "/proc/\(running.pid)/task/\(running.pid)/children"
            return try String(contentsOfFile: path, encoding: .utf8).isEmpty
        }
        try await eventually("a signal ends it") {
            if running.status == nil { running.signal(SIGINT) }
            return running.status != nil
        }
        collector.program.signal(SIGCONT)
        #expect(try await running.waitForExit() == 5, "\(running.errors)")
        let outcome = try runner.document(json)["collector"] as? [String: Any]
        #expect((outcome?["problem"] as? String)?.contains("in time") == true, "\(running.errors)")
    }

    @Test("a collector that is away changes nothing of the command, and is said")
    func away() async throws {
        let result = try await runner.run(
            ["sh", "-c", "exit 7"], options: ["--collector", "127.0.0.1:1", "--host-id", "x"])
        #expect(result.status == 7)
        #expect(result.text("collector", "told_by") == nil)
        #expect(result.text("collector", "problem")?.contains("127.0.0.1:1") == true)
        #expect(result.errors.contains("Told"), "\(result.errors)")
    }

    @Test("one that comes while the command runs is told everything")
    func late() async throws {
        let first = try await RunningCollector.start(folder: folder.path + "/data")
        first.program.signal(SIGTERM)
        try await first.program.waitForExit()
        let mark = folder.path + "/go-on"
        let script =
            "\(try await hold("+40").joined(separator: " ")); "
            + "while ! test -e '\(mark)'; do sleep 0.1; done"
        let (words, json) = try await runner.words(
            ["sh", "-c", script],
            options: ["--collector", "127.0.0.1:\(first.port)", "--host-id", "builder"])
        let running = try Program(words[0], Array(words.dropFirst()))
        let collector = try await RunningCollector.start(
            folder: folder.path + "/data", port: first.port)
        try await eventually("it is told", seconds: 90) {
            try await rows(collector).contains { ($0.bytes("peak_rss_bytes") ?? 0) >= 40 << 20 }
        }
        try Data().write(to: URL(fileURLWithPath: mark))
        #expect(try await running.waitForExit(seconds: 60) == 0, "\(running.errors)")
        let outcome = try runner.document(json)["collector"] as? [String: Any]
        #expect(outcome?["told_by"] as? String == "command")
    }

    @Test(
        "wrong usage is 2 and runs nothing",
        arguments: [
            ["--collector", "", "--", "true"], ["--collector", "host:0", "--", "true"],
            ["--host-id", "x", "--", "true"],
            ["--collector", "localhost", "--host-id", "/", "--", "true"],
            ["--command-line", "some", "--", "true"],
        ])
    func usage(_ arguments: [String]) async throws {
        let answer = try await Program.run("memagent", ["run"] + arguments)
        #expect(answer.status == 2, "\(answer.errors)")
    }
}
