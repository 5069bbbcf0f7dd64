import Foundation
import TestSupport
import Testing

/// Python programs that an agent watches by itself.
@Suite("Python programs of a host")
struct PythonFleetTests {
    private static let interpreter = "/usr/bin/python3"
    private static let isThere = FileManager.default.isExecutableFile(atPath: interpreter)
    /// Grows by about 100 MiB, and waits.
    private static let script = """
        import sys, time
        kept = []
        def load():
            for _ in range(40):
                kept.append([(number, [number]) for number in range(20000)])
        print("ready", flush=True)
        load()
        print("done", flush=True)
        time.sleep(float(sys.argv[1]))
        """

    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        chmod(folder.path, 0o755)
        try Data(Self.script.utf8).write(to: URL(fileURLWithPath: folder.path + "/job.py"))
        chmod(folder.path + "/job.py", 0o644)
    }

    @Test(
        "without rights, an agent watches its own user's programs and says why not another's",
        .enabled(
            if: isThere && geteuid() == 0, "needs /usr/bin/python3 and root, to be another user"))
    func unprivileged() async throws {
        let programs = try await UnprivilegedPrograms()
        let state = folder.path + "/state"
        try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true)
        let user = uid_t(UnprivilegedPrograms.userID)
        #expect(chmod(state, 0o700) == 0 && chown(state, user, user) == 0)
        let agent = try programs.start(
            "memagent",
            [
                "--collector", "127.0.0.1:9", "--host-id", "python", "--interval", "100ms",
                "--state-dir", state, "--log-level", "debug", "--log-format", "json",
            ])
        try await agent.waitForText("sampling")
        let job = [Self.interpreter, folder.path + "/job.py", "600"]
        let foreign = try Program(job[0], Array(job.dropFirst()))
        var words = try programs.command("memagent", [])
        words.removeLast()
        let own = try Program(words[0], Array(words.dropFirst()) + job)
        defer { for program in [foreign, own] { program.signal(SIGKILL) } }
        try await eventually("both are decided on") {
            let lines = try lines(of: agent)
            return lines.contains {
                $0["message"] == "watching a Python program" && $0["pid"] == "\(own.pid)"
            }
                && lines.contains {
                    $0["pid"] == "\(foreign.pid)" && $0["reason"] == "refused"
                }
        }
        let told = try lines(of: agent).filter {
            $0["message"]?.contains("CAP_SYS_PTRACE") ?? false
        }
        #expect(told.count == 1)
        agent.signal(SIGTERM)
        #expect(try await agent.waitForExit() == 0)
        let end = try #require(
            try lines(of: agent).last { $0["message"] == "Python programs that grew" })
        #expect(Int(end["watched"] ?? "") ?? 0 >= 1 && Int(end["refused"] ?? "") ?? 0 >= 1)
    }

    private func lines(of program: Program) throws -> [[String: String]] {
        try program.errors.split(separator: "\n").filter { $0.hasSuffix("}") }.map {
            try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: String] ?? [:]
        }
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
