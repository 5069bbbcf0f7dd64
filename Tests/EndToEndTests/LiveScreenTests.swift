import Foundation
import TestSupport
import Testing

/// `top` as people use it: in a terminal, with keys, signals and a collector that comes and goes.
@Suite(
    "Live screens", .serialized,
    .enabled(if: TmuxTerminal.path != nil, "needs tmux, which make test installs"))
struct LiveScreenTests {
    private let folder: TemporaryFolder
    private let bin = Program.folder

    init() throws {
        folder = try TemporaryFolder()
    }

    /// Starts a program; the shell says how it ended, and whether the terminal is set as before.
    private func start(_ program: String, in terminal: TmuxTerminal) async throws {
        let script = """
            stty -g > before; sh -c 'echo $$ > pid; exec \(bin)/\(program)'; \
            echo "status $?"; stty -g > after; cmp before after && echo sane
            """
        try script.write(toFile: folder.path + "/start", atomically: true, encoding: .utf8)
        try await terminal.run("cd '\(folder.path)'; clear; rm -f pid; . ./start")
    }

    private func pid() async throws -> Int32 {
        var pid: Int32?
        try await eventually("the pid is known") {
            let text = FileManager.default.contents(atPath: folder.path + "/pid")
                .map { String(decoding: $0, as: UTF8.self) }
            pid = text.flatMap { Int32($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
            return pid != nil
        }
        return try #require(pid)
    }

    @Test(
        "keys, sizes and a collector that is killed and comes back, and a sane terminal at the end")
    func fleet() async throws {
        var collector = try await RunningCollector.start(folder: folder.path + "/data")
        let agent = try Program.agent(
            port: collector.port, hostID: "one", arguments: ["--hostname", "the-only-host"])
        try await eventually("processes are known") {
            try await collector.rows(["ps"]).count > 3
        }
        let terminal = try await TmuxTerminal(columns: 80, rows: 24)
        try await start("memcollector top --interval 500ms --url \(collector.url)", in: terminal)
        try await terminal.waitFor("the-only-host")
        try await terminal.send("2")
        try await terminal.waitFor("COMMAND", seconds: 5)
        for (columns, rows) in [(120, 40), (200, 60), (300, 100), (80, 24)] {
            try await terminal.resize(columns: columns, rows: rows)
            try await eventually("the screen has \(columns) columns and \(rows) rows") {
                let lines = try await terminal.lines()
                return lines.count == rows && lines[0].count >= columns - 1
                    && lines[0].hasSuffix("every 500ms") && lines[rows - 1].hasPrefix("q quit")
                    && lines.allSatisfy { $0.count <= columns }
            }
        }
        try await terminal.resize(columns: 40, rows: 10)
        try await terminal.waitFor("This terminal has 40 columns")
        try await terminal.resize(columns: 120, rows: 40)
        try await terminal.send("/")
        // Other tests have agents, too; this one's pid is like no other.
        try await terminal.type("\(agent.pid)")
        try await terminal.send("Enter")
        try await eventually("only the agent is left") {
            let lines = try await terminal.lines()
            return lines[6].contains("memagent") && lines[8].isEmpty
                && lines[6].contains("\(agent.pid)")
        }
        try await terminal.send("Enter")
        try await terminal.waitFor("process \(agent.pid) on the-only-host")
        try await terminal.send("Escape")
        try await terminal.waitFor("/\(agent.pid)")

        collector.program.signal(SIGKILL)
        try await collector.program.waitForExit()
        try await terminal.waitFor("no answer from \(collector.url)")
        try await terminal.send("?")
        try await terminal.waitFor("filter as you type", seconds: 5)
        try await terminal.send("Escape")
        collector = try await RunningCollector.start(
            folder: folder.path + "/data", port: collector.port, httpPort: collector.httpPort)
        try await eventually("the collector is found again") {
            try await !terminal.lines().contains { $0.contains("no answer") }
        }
        try await terminal.send("q")
        try await terminal.waitFor("sane")
        for program in [agent, collector.program] {
            program.signal(SIGTERM)
            #expect(try await program.waitForExit() == 0)
        }
    }

    @Test(
        "whatever ends it but SIGKILL, the terminal is as it was before",
        arguments: [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGSEGV, SIGABRT])
    func ended(_ signal: Int32) async throws {
        let terminal = try await TmuxTerminal(columns: 80, rows: 24)
        try await start("memagent top", in: terminal)
        try await terminal.waitFor("this host")
        kill(try await pid(), signal)
        let lines = try await terminal.waitFor("sane")
        // The screen of before is back, and a program that was told to end has not failed.
        #expect(!lines.contains { $0.contains("this host") })
        if signal != SIGSEGV, signal != SIGABRT {
            #expect(lines.contains { $0.contains("status 0") })
        }
        try await terminal.run("echo typed")
        try await eventually("what is typed is seen") {
            try await terminal.lines().contains { $0.hasSuffix("echo typed") }
        }
    }

    @Test("Ctrl-Z gives the terminal back, fg takes it again, and so does SIGCONT after SIGSTOP")
    func stopped() async throws {
        let terminal = try await TmuxTerminal(columns: 100, rows: 30)
        try await start("memagent top", in: terminal)
        try await terminal.waitFor("this host")
        try await terminal.send("C-z")
        try await terminal.waitFor("Stopped")
        try await terminal.run("clear; stty -g > stopped; cmp before stopped && echo as before")
        try await terminal.waitFor("as before")
        try await terminal.run("fg")
        try await terminal.waitFor("this host")
        try await terminal.send("3")
        try await terminal.waitFor("PROGRAM", seconds: 5)
        kill(try await pid(), SIGSTOP)
        try await terminal.waitFor("Stopped")
        try await terminal.run("fg")
        try await terminal.waitFor("PROGRAM")
        try await terminal.send("C-c")
        try await terminal.waitFor("ready>")
    }

    @Test("a name that would steer the terminal is written out, in UTF-8 and in ASCII")
    func hostile() async throws {
        let hostile = try Program(
            "/bin/bash", ["-c", "exec -a $'\\e]0;owned\\a\\u65e5' sleep 600"])
        for locale in ["C.UTF-8", "C"] {
            let terminal = try await TmuxTerminal(
                columns: 120, rows: 40, environment: ["LC_ALL": locale])
            try await start("memagent top", in: terminal)
            try await terminal.waitFor("this host")
            try await terminal.send("/")
            try await terminal.type("owned")
            let lines = try await terminal.waitFor("\\x1B]0;owned\\x07")
            #expect(locale != "C" || lines.allSatisfy { $0.allSatisfy(\.isASCII) })
            try await terminal.send("Escape", "q")
            try await terminal.waitFor("sane")
        }
        hostile.signal(SIGKILL)
    }

    @Test("colours are used where there are some, and none with NO_COLOR")
    func colours() async throws {
        for (term, noColour) in [("screen-256color", ""), ("screen", ""), ("screen", "1")] {
            let terminal = try await TmuxTerminal(
                columns: 80, rows: 24, environment: ["TERM": term, "NO_COLOR": noColour])
            try await start("memagent top", in: terminal)
            try await terminal.waitFor("COMMAND")
            let text = try await terminal.colouredText()
            let isColoured = text.contains(/\u{1B}\[[0-9;]*3[0-7]/)
            #expect(isColoured == noColour.isEmpty, "\(term) \(noColour)")
            try await terminal.send("q")
            try await terminal.waitFor("sane")
        }
    }

    @Test("without a terminal that can do it, it says so and exits 2")
    func noTerminal() async throws {
        let piped = try await Program.run("memagent", ["top"])
        #expect(piped.status == 2 && piped.errors.contains("needs a terminal"))
        for (term, says) in [("dumb", "TERM=dumb"), ("", "TERM is not set"), ("odd-42", "odd-42")] {
            let terminal = try await TmuxTerminal(
                columns: 80, rows: 24, environment: ["TERM": term])
            try await start("memagent top", in: terminal)
            let lines = try await terminal.waitFor("sane")
            #expect(lines.joined().contains(says))
            #expect(lines.contains { $0.contains("status 2") })
        }
    }

    @Test("memagent ps finds the peak of a process without a collector, as root and as nobody")
    func once() async throws {
        let probe = try await Probe.start("release", mebibytes: 60)
        var answers = [try await Program.run("memagent", ["ps", "--format", "json"])]
        if geteuid() == 0 {
            let program = try await UnprivilegedPrograms().start(
                "memagent", ["ps", "--format", "json"])
            let status = try await program.waitForExit()
            answers.append((status, program.output, program.errors))
        }
        for answer in answers {
            #expect(answer.status == 0)
            let view = try #require(
                try JSONSerialization.jsonObject(with: Data(answer.output.utf8))
                    as? [String: Any])
            let rows = try #require(view["rows"] as? [[String: Any]])
            let row = try #require(
                rows.first { ($0["pid"] as? NSNumber)?.int32Value == probe.pid })
            #expect((row["peak_rss_bytes"] as? NSNumber)?.intValue ?? 0 >= 60 << 20)
            #expect((row["rss_bytes"] as? NSNumber)?.intValue ?? .max < 60 << 20)
            #expect(row["peak_source"] as? String == "hwm")
        }
        let table = try await Program.run("memagent", ["ps", "--min-peak", "60M"])
        #expect(table.output.contains("\(probe.pid)") && table.output.contains("Coverage"))
        let csv = try await Program.run("memagent", ["ps", "--format", "csv", "--top", "1"])
        #expect(csv.output.hasPrefix("run_id,host,host_id,pid,user,"))
        #expect(csv.errors.hasPrefix("memagent: shown 1 of "))
        try await probe.killAndWait()
    }
}
