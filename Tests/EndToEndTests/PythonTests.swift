import Foundation
import TestSupport
import Testing

/// `memagent python` on a real script, as text, as JSON and in a terminal.
@Suite("Python from outside")
struct PythonTests {
    private static let interpreter = "/usr/bin/python3"
    private static let isThere = FileManager.default.isExecutableFile(atPath: interpreter)
    private static let script = """
        import sys, time
        kept = []
        def load_frames():
            for index in range(50):
                kept.append(bytearray(2 << 20)); time.sleep(0.3 if index == 49 else 0.008)
        def main():
            print("ready", flush=True)
            for line in iter(sys.stdin.readline, ""):
                load_frames()
                print("done", flush=True)
        main()
        """

    private struct Target {
        let program: Program
        let input = Pipe()
        let folder: TemporaryFolder

        /// Starts the script, whose name steers a terminal.
        init() async throws {
            folder = try TemporaryFolder()
            let path = folder.path + "/analyse\u{1B}[2J.py"
            try Data(PythonTests.script.utf8).write(to: URL(fileURLWithPath: path))
            program = try Program(PythonTests.interpreter, [path], input: input)
            try await program.waitForText("ready")
        }

        func go() throws { try input.fileHandleForWriting.write(contentsOf: Data("go\n".utf8)) }
        func end() throws { try input.fileHandleForWriting.close() }
    }

    @Test(
        "it names the line that ran while memory grew, and ends with the process",
        .enabled(if: isThere, "needs /usr/bin/python3"))
    func table() async throws {
        let target = try await Target()
        let watching = try Program("memagent", ["python", "\(target.program.pid)"])
        // It holds the process's memory open from its first look on.
        try await eventually("the process is watched") { try holds(watching, "mem") }
        try target.go()
        try await target.program.waitForText("done")
        try target.end()
        #expect(try await watching.waitForExit() == 0)
        let lines = watching.output.split(separator: "\n")
        #expect(lines.contains { $0.hasSuffix("analyse\\x1B[2J.py:5 load_frames") })
        #expect(lines.contains("Memory grew while this ran"))
        #expect(watching.output.contains("has ended"))
        #expect(watching.output.contains("is not 'allocated by'"))
        #expect(!watching.output.contains("\u{1B}") && watching.errors.isEmpty)
    }

    @Test(
        "as JSON it has the same with whole paths, stacks and what the figures rest on",
        .enabled(if: isThere, "needs /usr/bin/python3"))
    func json() async throws {
        let expected = ["load_frames", "main", "<module>"]
        let (object, path) = try await measured(until: { found in
            let (named, grown) = try amounts(found.object)
            let names = try peakFrames(found.object).map { $0["function"] as? String }
            return named * 10 >= grown * 9 && grown > 90 << 20 && names == expected
        }) { try await watched() }
        #expect(object["label"] as? String == "memory grew while this ran")
        #expect(object["has_ended"] as? Bool == false)
        let lines = try #require(object["lines"] as? [[String: Any]])
        let first = try #require(lines.first)
        #expect(first["file"] as? String == path)
        #expect(first["line"] as? Int == 5 && first["function"] as? String == "load_frames")
        let (named, grown) = try amounts(object)
        #expect(named * 10 >= grown * 9 && grown > 90 << 20)
        #expect(try peakFrames(object).map { $0["function"] as? String } == expected)
        #expect((object["coverage"] as? [String: Any])?["stacks_read"] as? Int ?? 0 > 5)
    }

    /// What is printed of a program that was watched while it grew, and the path of its file.
    private func watched() async throws -> (object: [String: Any], path: String) {
        let target = try await Target()
        let watching = try Program("memagent", ["python", "\(target.program.pid)", "--json"])
        try await eventually("the process is watched") { try holds(watching, "mem") }
        try target.go()
        try await target.program.waitForText("done")
        watching.signal(SIGINT)
        #expect(try await watching.waitForExit() == 0)
        try target.end()
        #expect(!watching.output.contains("\u{1B}"))
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(watching.output.utf8)) as? [String: Any])
        return (object, target.folder.path + "/analyse\u{1B}[2J.py")
    }

    /// What the line that grew has, and what grew in all.
    private func amounts(_ object: [String: Any]) throws -> (named: Int, grown: Int) {
        let lines = try #require(object["lines"] as? [[String: Any]])
        // The pause after each block is in the same line, and most looks find it.
        let asleep = try #require(object["asleep_lines"] as? [[String: Any]])
        let named = (lines + asleep).filter { $0["line"] as? Int == 5 }
            .compactMap { $0["grown_bytes"] as? Int }.reduce(0, +)
        return (named, try #require(object["grown_bytes"] as? Int))
    }

    private func peakFrames(_ object: [String: Any]) throws -> [[String: Any]] {
        let peak = try #require(object["peak_stack"] as? [String: Any])
        return try #require(peak["frames"] as? [[String: Any]])
    }

    @Test(
        "in a terminal it is drawn again and again, and --seconds ends it",
        .enabled(if: isThere, "needs /usr/bin/python3"))
    func terminal() async throws {
        let target = try await Target()
        let shown = try await TerminalProgram.run(
            "memagent", ["python", "\(target.program.pid)", "--seconds", "2"], columns: 70,
            environment: ["TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "NO_COLOR": "1"])
        try target.end()
        #expect(shown.status == 0)
        let pages = shown.output.components(separatedBy: "\u{1B}[H")
        #expect(pages.count >= 3)
        #expect(shown.output.contains(/watched for [2-9]s/))
        for line in pages.last?.components(separatedBy: "\r\n") ?? [] {
            #expect(line.replacing("\u{1B}[J", with: "").count <= 70)
        }
        #expect(pages.last?.contains("It has not grown since.") ?? false)
    }

    @Test("what cannot be watched is said in one sentence, with status 1; wrong usage has 2")
    func refusals() async throws {
        let sleeper = try Program("/bin/sleep", ["60"])
        defer { sleeper.signal(SIGKILL) }
        try await eventually("sleep says what it is") {
            try await Program.run("memagent", ["python", "\(sleeper.pid)"]).errors
                .contains("(sleep) is no Python program")
        }
        let ended = try Program("/bin/true", [])
        try await ended.waitForExit()
        let gone = try await Program.run("memagent", ["python", "\(ended.pid)"])
        #expect(gone.status == 1)
        #expect(gone.errors == "memagent: there is no process \(ended.pid)\n")
        for arguments in [["0"], ["x"], [], ["1", "--seconds", "0"], ["1", "--top", "0"]] {
            let answer = try await Program.run("memagent", ["python"] + arguments)
            #expect(answer.status == 2 && answer.output.isEmpty, "\(arguments)")
        }
    }

    @Test(
        "another user's process is refused with what is missing",
        .enabled(if: geteuid() == 0, "needs root, to start it as another user"))
    func unprivileged() async throws {
        let sleeper = try Program("/bin/sleep", ["60"])
        defer { sleeper.signal(SIGKILL) }
        let program = try await UnprivilegedPrograms().start(
            "memagent", ["python", "\(sleeper.pid)"])
        #expect(try await program.waitForExit() == 1)
        #expect(program.errors.contains("run memagent as that process's user or as root"))
        #expect(program.errors.filter { $0 == "\n" }.count == 1)
    }

    /// Whether a program has a file of this name open.
    private func holds(_ program: Program, _ name: String) throws -> Bool {
        guard program.status == nil else {
            throw Program.Failure(description: "it ended: \(program.errors)")
        }
        let folder = "/proc/\(program.pid)/fd"
        return try FileManager.default.contentsOfDirectory(atPath: folder).contains { file in
            let link = readlink(folder + "/" + file)
            return link?.hasSuffix("/" + name) ?? false
        }
    }

    private func readlink(_ path: String) -> String? {
        try? FileManager.default.destinationOfSymbolicLink(atPath: path)
    }
}
