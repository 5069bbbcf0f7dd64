import Foundation
import TestSupport
import Testing

/// What a real Python program tells of its sections reaches the reports of a collector.
@Suite("Sections of programs")
struct SectionTests {
    private static let interpreter = "/usr/bin/python3"
    private static let isThere = FileManager.default.isExecutableFile(atPath: interpreter)

    /// Before its first section it holds 260 MiB for a moment, which a reset of the mark wipes out.
    private static let script = """
        import sys
        import highwater

        @highwater.peak("train")
        def train(mebibytes):
            return len(bytearray(mebibytes << 20))

        def main():
            before = bytearray(260 << 20)
            del before
            for line in iter(sys.stdin.readline, ""):
                with highwater.peak("load"):
                    block = bytearray(int(line) << 20)
                    del block
                train(40)
                print("done", line.strip(), flush=True)

        main()
        """

    private struct Job {
        let program: Program
        let input = Pipe()
        let folder: TemporaryFolder

        init(socket: String) async throws {
            folder = try TemporaryFolder()
            let path = folder.path + "/job.py"
            try Data(SectionTests.script.utf8).write(to: URL(filePath: path))
            program = try Program(
                SectionTests.interpreter, [path],
                environment: [
                    "PYTHONPATH": Program.repository.appending(path: "deploy/python").path,
                    "HIGHWATER_SOCKET": socket, "PYTHONDONTWRITEBYTECODE": "1",
                ], input: input)
        }

        func call(_ mebibytes: Int) async throws {
            try input.fileHandleForWriting.write(contentsOf: Data("\(mebibytes)\n".utf8))
            try await program.waitForText("done \(mebibytes)")
        }

        func end() async throws {
            try input.fileHandleForWriting.close()
            #expect(try await program.waitForExit() == 0)
        }
    }

    private let folder: TemporaryFolder
    private var socket: String { folder.path + "/sections.sock" }

    init() throws {
        folder = try TemporaryFolder()
    }

    private func collector(like other: RunningCollector? = nil) async throws -> RunningCollector {
        try await RunningCollector.start(
            folder: folder.path + "/data", port: other?.port ?? 0, httpPort: other?.httpPort ?? 0)
    }

    private func agent(_ port: Int, _ more: [String] = []) async throws -> Program {
        let agent = try Program.agent(
            port: port, hostID: "one",
            arguments: ["--state-dir", folder.path + "/state", "--sections-socket", socket] + more)
        try await eventually("it listens") { FileManager.default.fileExists(atPath: socket) }
        return agent
    }

    private func section(_ name: String, of collector: RunningCollector) async throws -> Row? {
        try await Row.all(["report", "--by", "section"], of: collector)
            .first { $0.text("section") == name }
    }

    private func eventuallyCalled(
        _ count: UInt64, _ name: String, in collector: RunningCollector
    ) async throws -> Row {
        try await eventually("\(name) was called \(count) times") {
            try await section(name, of: collector)?.bytes("calls") == count
        }
        return try #require(try await section(name, of: collector))
    }

    @Test(
        "sections and the true peak are reported, whichever of agent and collector starts anew",
        .enabled(if: isThere, "needs /usr/bin/python3"))
    func restarts() async throws {
        let first = try await collector()
        let before = try await agent(first.port)
        let job = try await Job(socket: socket)
        try await job.call(120)
        let load = try await eventuallyCalled(1, "load", in: first)
        #expect(load.text("program") == "python3 job.py")
        #expect(load.bytes("peak_rss_bytes") ?? 0 >= 120 << 20)
        #expect(load.bytes("peak_rss_bytes") ?? .max < 220 << 20)
        #expect(load.bytes("grown_bytes") ?? 0 >= 115 << 20)
        #expect(load.boolean("peak_is_lower_bound") == false)
        try await checkRange(of: load, in: first)

        // Another collector with the same data, which goes on where it was.
        first.program.signal(SIGTERM)
        #expect(try await first.program.waitForExit() == 0)
        let second = try await collector(like: first)
        try await job.call(60)
        let again = try await eventuallyCalled(2, "load", in: second)
        #expect(again.bytes("peak_rss_bytes") == load.bytes("peak_rss_bytes"))

        // Another agent, which counts from the beginning: calls add up.
        before.signal(SIGTERM)
        #expect(try await before.waitForExit() == 0)
        let after = try await agent(second.port)
        try await after.waitForText("connected to the collector")
        try await job.call(50)
        _ = try await eventuallyCalled(3, "load", in: second)
        let train = try await eventuallyCalled(3, "train", in: second)
        #expect(train.bytes("hosts") == 1 && train.bytes("runs") == 1)
        try await job.end()
        try await checkRun(job.program.pid, of: second)
        after.signal(SIGTERM)
        #expect(try await after.waitForExit() == 0)
        second.program.signal(SIGTERM)
        #expect(try await second.program.waitForExit() == 0)
    }

    /// In a range after its peak there is no section, although its run lives there.
    private func checkRange(of load: Row, in collector: RunningCollector) async throws {
        let format = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        let end = try format.parse(try #require(load.text("peak_not_after")))
        let after = format.format(end.addingTimeInterval(0.002))
        func names(_ range: [String]) async throws -> [String] {
            try await Row.all(["report", "--by", "section"] + range, of: collector)
                .compactMap { $0.text("section") }
        }
        #expect(try await !names(["--since", after]).contains("load"))
        #expect(try await names(["--until", after]).contains("load"))
        let runs = try await Row.all(["report", "--since", after, "--top", "9999"], of: collector)
        #expect(runs.contains { $0.text("program") == "python3 job.py" })
    }

    /// One run, whose peak is what it held before the mark was first reset.
    private func checkRun(_ pid: Int32, of collector: RunningCollector) async throws {
        func rows() async throws -> [Row] {
            try await Row.all(["report", "--top", "100000"], of: collector).filter {
                $0.number("pid") == Double(pid) && $0.text("program") == "python3 job.py"
            }
        }
        try await eventually("its end is known") {
            try await rows().first?.text("ended_at") != nil
        }
        let runs = try await rows()
        #expect(runs.count == 1, "\(runs)")
        let run = try #require(runs.first)
        #expect(run.bytes("peak_rss_bytes") ?? 0 >= 260 << 20)
        #expect(run.bytes("peak_rss_bytes") ?? .max < 330 << 20)
        let name = try #require(run.text("run_id"))
        let page = try await collector.ask(["show", name])
        let flags = (page["run"] as? [String: Any])?["flags"] as? [String]
        #expect(flags?.contains("mark_reset") == true)
        let sections = page["sections"] as? [[String: Any]]
        #expect(Set(sections?.compactMap { $0["section"] as? String } ?? []) == ["load", "train"])
        let text = try await Program.run("memcollector", ["show", name, "--url", collector.url])
        #expect(text.status == 0)
        #expect(text.output.contains("Its sections, the largest peak first"))
        #expect(text.output.contains("load") && text.output.contains("train"))
        #expect(text.output.contains("it reset its own mark"))
        for format in ["csv", "markdown", "ndjson"] {
            let report = try await Program.run(
                "memcollector",
                ["report", "--by", "section", "--format", format, "--url", collector.url])
            #expect(report.status == 0 && report.output.contains("load"), "\(format)")
        }
    }

    /// Sends datagrams that say what it is told to: lines of fields behind its own name.
    private static let liar = """
        import os, socket, sys, time
        path = os.environ["HIGHWATER_SOCKET"]
        ticks = open("/proc/self/stat").read().rpartition(")")[2].split()[19]
        begin = '{"v":1,"pid":%d,"startTicks":%s,"unsentCount":0,' % (os.getpid(), ticks)
        for line in iter(sys.stdin.readline, ""):
            now = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000
            said = line.strip().replace("NOW", str(now))
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sending:
                sending.sendto((begin + said + "}\\n").encode(), path)
        """

    @Test(
        "a program cannot tell of more than the host has, and what it tells is never the kernel's",
        .enabled(if: isThere, "needs /usr/bin/python3"))
    func lies() async throws {
        let collector = try await collector()
        let agent = try await agent(collector.port)
        let input = Pipe()
        let liar = try Program(
            Self.interpreter, ["-c", Self.liar], environment: ["HIGHWATER_SOCKET": socket],
            input: input)
        func row() async throws -> Row? {
            try await Row.all(["report", "--top", "100000"], of: collector)
                .first { $0.number("pid") == Double(liar.pid) && $0.text("ended_at") == nil }
        }
        try await eventually("it is known") { try await row() != nil }
        let meminfo = try String(contentsOfFile: "/proc/meminfo", encoding: .utf8)
        let total = try #require(meminfo.split(whereSeparator: { !$0.isNumber }).first)
        let memory = try #require(UInt64(total))
        func said(_ name: String, peak: UInt64, lifetime: UInt64, isReset: Bool) -> String {
            """
            "kind":"section","name":"\(name)","startedAt":NOW,"endedAt":NOW,"startKiB":1,\
            "endKiB":1,\
            "peakKiB":\(peak),"method":"mark","exact":true,"shared":false,"markReset":\(isReset),\
            "lifetimeKiB":\(lifetime)

            """
        }
        let lines = [
            said("vast", peak: memory * 50, lifetime: memory * 50, isReset: true),
            "\"kind\":\"reset\",\"at\":NOW,\"lifetimeKiB\":\(memory * 50)\n",
            said("small", peak: 2, lifetime: memory - 2, isReset: false),
            said("half", peak: 3, lifetime: memory / 2, isReset: true),
        ]
        try input.fileHandleForWriting.write(contentsOf: Data(lines.joined().utf8))
        try await eventually("what may be true is reported") {
            try await row()?.bytes("peak_rss_bytes") == (memory / 2) << 10
        }
        let told = try #require(try await row())
        #expect(told.text("peak_source") == "told")
        #expect(told.boolean("peak_is_lower_bound") == true)
        let id = try #require(told.text("run_id"))
        let page = try await Program.run("memcollector", ["show", id, "--url", collector.url])
        #expect(page.output.contains("what its program told of itself"), "\(page)")
        #expect(page.output.contains(">= "), "\(page)")
        let table = try await Program.run("memcollector", ["report", "--url", collector.url])
        #expect(table.output.contains("t told by the program itself"), "\(table)")
        try await eventually("sections are told") {
            try await section("half", of: collector) != nil
        }
        #expect(try await section("vast", of: collector) == nil)
        #expect(try await section("small", of: collector)?.bytes("peak_rss_bytes") == 2 << 10)
        try input.fileHandleForWriting.close()
        #expect(try await liar.waitForExit() == 0)
        agent.signal(SIGTERM)
        #expect(try await agent.waitForExit() == 0)
    }

    @Test(
        "no name of a section leaves a host that lets out numbers alone",
        .enabled(if: isThere, "needs /usr/bin/python3"))
    func hashedNames() async throws {
        let collector = try await collector()
        let agent = try await agent(collector.port, ["--python-names", "hash"])
        let job = try await Job(socket: socket)
        try await job.call(20)
        func names() async throws -> Set<String> {
            Set(
                try await Row.all(["report", "--by", "section"], of: collector)
                    .compactMap { $0.text("section") })
        }
        try await eventually("both are told") { try await names().count == 2 }
        // FNV-1a of "load" and "train".
        #expect(try await names() == ["#ce0eecad70f271e9", "#dee795a6c5087209"])
        try await job.end()
        agent.signal(SIGTERM)
        #expect(try await agent.waitForExit() == 0)
    }

    @Test("an agent that cannot listen says so once, and goes on")
    func noSocket() async throws {
        let first = try await collector()
        let agent = try Program.agent(
            port: first.port, hostID: "one",
            arguments: ["--sections-socket", folder.path + "/not/there/sections.sock"])
        try await agent.waitForText("no program can tell of its sections")
        try await eventually("it reports") {
            try await !Row.all(["report"], of: first).isEmpty
        }
        let lines = agent.errors.split(separator: "\n").filter { $0.contains("can tell of its") }
        #expect(lines.count == 1)
    }
}
