import Foundation
import TestSupport
import Testing

/// Python programs that agents watch by themselves, and what a collector's reports say of them.
@Suite("Python programs of a fleet", .serialized)
struct PythonFleetTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        chmod(folder.path, 0o755)
    }

    private func collector() async throws -> RunningCollector {
        try await RunningCollector.start(folder: folder.path + "/data")
    }

    private func agent(_ port: Int, _ arguments: String...) async throws -> Program {
        let agent = try Program.agent(
            port: port, hostID: "one",
            arguments: [
                "--state-dir", folder.path + "/state", "--log-level", "debug", "--log-format",
                "json",
            ] + arguments)
        try await agent.waitForText("connected to the collector")
        return agent
    }

    /// Has the job grow until the agent has begun to watch it; returns by how much it grew.
    private func growUntilWatched(_ job: GrowingJob, by agent: Program) async throws -> UInt64 {
        var grown: UInt64 = 0
        try await eventually("the job is watched", seconds: 120) {
            if grown < 100 << 20 { grown += try await job.grow(steps: 12) }
            return try lines(of: agent).contains {
                $0["message"] == "watching a Python program" && $0["pid"] == "\(job.program.pid)"
            }
        }
        return grown
    }

    private func lines(of program: Program) throws -> [[String: String]] {
        try program.errors.split(separator: "\n").filter { $0.hasSuffix("}") }.map {
            try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: String] ?? [:]
        }
    }

    /// The row of the line that grows.
    private func row(of collector: RunningCollector) async throws -> Row? {
        try await Row.all(["report", "--by", "line", "--top", "1000"], of: collector).first {
            $0.text("program") == "python3 growing.py" && $0.text("file") == "growing.py"
                && $0.number("line") == Double(GrowingJob.line)
        }
    }

    @Test(
        "a line that grows is named with about what it grew by; another agent adds what it saw",
        .enabled(if: GrowingJob.isThere, "needs /usr/bin/python3"))
    func named() async throws {
        let collector = try await collector()
        let first = try await agent(collector.port)
        let job = try GrowingJob()
        let before = try await growUntilWatched(job, by: first)
        var grown: UInt64 = 0
        for _ in 0..<2 { grown += try await job.grow(steps: 40) }
        // What grew while a busy host let nobody look belongs to no line.
        try await eventually("the line is told while the program lives", seconds: 120) {
            try await self.row(of: collector)?.bytes("grown_bytes") ?? 0 >= grown / 4
        }
        let row = try #require(try await self.row(of: collector))
        #expect(Double(row.bytes("grown_bytes") ?? .max) < 1.25 * Double(before + grown))
        #expect(row.text("function")?.hasPrefix("load") == true)
        #expect(row.text("host_id") == "one" && row.bytes("runs") == 1)
        try await checkForms(row, of: collector)

        first.signal(SIGKILL)
        try await first.waitForExit()
        let second = try await agent(collector.port)
        let told = try #require(try await self.row(of: collector)?.bytes("sum_of_grown_bytes"))
        var later = try await growUntilWatched(job, by: second)
        later += try await job.grow(steps: 20)
        try await job.end()
        try await eventually("what the other agent saw is added", seconds: 120) {
            try await self.row(of: collector)?.bytes("sum_of_grown_bytes") ?? 0
                >= told + later / 8
        }
        let both = try #require(try await self.row(of: collector))
        #expect(both.bytes("runs") == 1)
        // Had it added what the first one saw, too, it were more than the program grew by.
        let sum = both.bytes("sum_of_grown_bytes") ?? .max
        #expect(
            Double(sum) < 1.25 * Double(before + grown + later) + 32e6,
            "\(told) and \(later) of \(before + grown)")
        second.signal(SIGTERM)
        #expect(try await second.waitForExit() == 0)
        collector.program.signal(SIGTERM)
        #expect(try await collector.program.waitForExit() == 0)
    }

    private func report(of collector: RunningCollector) async throws -> String {
        let words = ["report", "--by", "line", "--url", collector.url]
        return try await Program.run("memcollector", words).output
    }

    /// The table, CSV and the page of the run say the same.
    private func checkForms(_ row: Row, of collector: RunningCollector) async throws {
        let words = ["report", "--by", "line", "--program", "python3 growing.py"]
        let table = try await Program.run("memcollector", words + ["--url", collector.url])
        #expect(table.output.contains("growing.py:\(GrowingJob.line) load"), "\(table.output)")
        let csv = try await Program.run(
            "memcollector", words + ["--format", "csv", "--url", collector.url])
        #expect(csv.output.contains("growing.py,\(GrowingJob.line),"), "\(csv.output)")
        let name = try #require(row.text("run_id"))
        let page = try await Program.run("memcollector", ["show", name, "--url", collector.url])
        #expect(page.output.contains("Memory grew while this ran"), "\(page.output)")
        #expect(page.output.contains("growing.py:\(GrowingJob.line) load"), "\(page.output)")
        let growth = try await collector.ask(["show", name])["python_growth"] as? [String: Any]
        let lines = growth?["lines"] as? [[String: Any]]
        #expect(lines?.first?["file"] as? String == "growing.py", "\(String(describing: growth))")
        let stack = growth?["peak_stack"] as? [[String: Any]]
        #expect(stack?.last?["function"] as? String == "<module>")
    }

    @Test(
        "without rights an agent tells of its own user's programs, by numbers if it is told so",
        .enabled(
            if: GrowingJob.isThere && geteuid() == 0,
            "needs /usr/bin/python3 and root, to be another user"))
    func unprivileged() async throws {
        let collector = try await collector()
        let programs = try await UnprivilegedPrograms()
        let state = folder.path + "/state"
        try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true)
        let user = uid_t(UnprivilegedPrograms.userID)
        #expect(chmod(state, 0o700) == 0 && chown(state, user, user) == 0)
        let agent = try programs.start(
            "memagent",
            [
                "--collector", "127.0.0.1:\(collector.port)", "--host-id", "one", "--interval",
                "200ms", "--state-dir", state, "--sections-socket", "none", "--python-names",
                "hash", "--log-level", "debug", "--log-format", "json",
            ])
        try await agent.waitForText("connected to the collector")
        let foreign = try GrowingJob()
        try await foreign.grow(steps: 12)
        try await eventually("it may not read another user's program") {
            try lines(of: agent).contains {
                $0["pid"] == "\(foreign.program.pid)" && $0["reason"] == "refused"
            }
        }
        let own = try GrowingJob(launcher: Array(programs.command("memagent", []).dropLast()))
        _ = try await growUntilWatched(own, by: agent)
        try await own.grow(steps: 30)
        for job in [own, foreign] { try await job.end() }
        func rows() async throws -> [Row] {
            try await Row.all(["report", "--by", "line", "--top", "1000"], of: collector)
                .filter { $0.text("program") == "python3 growing.py" }
        }
        try await eventually("its lines are told", seconds: 120) { try await !rows().isEmpty }
        // That there were others is said where the lines are.
        try await eventually("what it may not read is told", seconds: 120) {
            try await report(of: collector).contains(
                "1 host where programs grew that the agent may not read without CAP_SYS_PTRACE")
        }
        let rows = try await rows()
        #expect(rows.contains { $0.number("line") == Double(GrowingJob.line) })
        #expect(
            rows.allSatisfy {
                $0.text("file")?.hasPrefix("#") == true
                    && $0.text("function")?.hasPrefix("#") == true
            }, "\(rows)")
        let told = try lines(of: agent).filter {
            $0["message"]?.contains("CAP_SYS_PTRACE") ?? false
        }
        #expect(told.count == 1)
        agent.signal(SIGTERM)
        #expect(try await agent.waitForExit() == 0)
        let end = try #require(
            try lines(of: agent).last { $0["message"] == "Python programs that grew" })
        #expect(Int(end["watched"] ?? "") ?? 0 >= 1 && Int(end["refused"] ?? "") ?? 0 >= 1)
        collector.program.signal(SIGTERM)
        #expect(try await collector.program.waitForExit() == 0)
    }

    @Test(
        "an agent that is not to watch Python programs tells nothing of their lines",
        .enabled(if: GrowingJob.isThere, "needs /usr/bin/python3"))
    func off() async throws {
        let collector = try await collector()
        let agent = try await agent(collector.port, "--python", "off")
        let job = try GrowingJob()
        try await job.grow(steps: 30)
        try await eventually("its run is known, and large") {
            try await Row.all(["report", "--top", "100000"], of: collector).contains {
                $0.number("pid") == Double(job.program.pid)
                    && $0.bytes("peak_rss_bytes") ?? 0 >= 64 << 20
            }
        }
        try await job.end()
        agent.signal(SIGTERM)
        #expect(try await agent.waitForExit() == 0)
        #expect(try await Row.all(["report", "--by", "line"], of: collector).isEmpty)
        #expect(!agent.errors.contains("Python program"), "\(agent.errors)")
        let report = try await report(of: collector)
        #expect(report.contains("1 host does not watch Python programs"), "\(report)")
        collector.program.signal(SIGTERM)
        #expect(try await collector.program.waitForExit() == 0)
    }

    @Test("what --python and --python-names do not know is refused with what they take")
    func usage() async throws {
        for (option, words) in [("--python", "off, auto or all"), ("--python-names", "full, base")]
        {
            let answer = try await Program.run(
                "memagent", ["--collector", "127.0.0.1:9", option, "some"])
            #expect(answer.status == 2 && answer.errors.contains(words), "\(answer.errors)")
        }
    }
}
