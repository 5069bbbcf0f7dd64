import Foundation
import TestSupport
import Testing

/// Python programs that a command starts.
@Suite("Python programs of a command")
struct RunPythonTests {
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
        "a command's Python programs are told of by line, children too, with and without rights",
        .enabled(if: isThere, "needs /usr/bin/python3"),
        arguments: geteuid() == 0 ? [true, false] : [true])
    func command(_ isPrivileged: Bool) async throws {
        let runner = try CommandRunner(
            unprivileged: isPrivileged ? nil : try await UnprivilegedPrograms())
        let job = "\(Self.interpreter) \(folder.path)/job.py 0.3"
        let result = try await measured(until: { result in
            let shares = try named(result)
            return shares.count == 2 && shares.allSatisfy { $0 >= 0.4 }
        }) {
            try await runner.run(["/bin/sh", "-c", "\(job) & \(job); wait"], options: ["--python"])
        }
        #expect(result.status == 0)
        let python = try #require(result.document["python"] as? [String: Any])
        #expect(python["label"] as? String == "memory grew while this ran")
        #expect(try named(result).count == 2)
        for share in try named(result) {
            // What grew while a busy host let nobody look belongs to no line.
            #expect(share >= 0.4, "\(python)")
        }
        #expect(result.errors.contains("Memory grew while this ran"))
        #expect(result.errors.components(separatedBy: "is not 'allocated by'").count == 2)
        let without = try await runner.run(["/bin/true"])
        #expect(without.document["python"] is NSNull)
        let none = try await runner.run(["/bin/true"], options: ["--python"])
        #expect(none.errors.contains("No Python program was seen to grow."))
    }

    @Test(
        "a collector is told of the lines, by the names that may leave the host",
        .enabled(if: isThere, "needs /usr/bin/python3"), arguments: [nil, "hash"])
    func collector(_ names: String?) async throws {
        let collector = try await RunningCollector.start(folder: folder.path + "/data")
        let to = ["--collector", "127.0.0.1:\(collector.port)", "--host-id", "builder"]
        func rows() async throws -> [Row] {
            try await Row.all(["report", "--by", "line", "--top", "1000"], of: collector)
                .filter { $0.text("program") == "python3 job.py" }
        }
        let runner = try CommandRunner()
        let result = try await measured(until: { _ in
            try await rows().contains {
                $0.number("line") == 5 && $0.bytes("grown_bytes") ?? 0 >= 20 << 20
            }
        }) {
            try await runner.run(
                [Self.interpreter, folder.path + "/job.py", "0.3"],
                options: ["--python"] + to + (names.map { ["--python-names", $0] } ?? []))
        }
        #expect(result.text("collector", "told_by") == "command", "\(result.errors)")
        let row = try #require(try await rows().first { $0.number("line") == 5 })
        let (file, function) = (row.text("file"), row.text("function"))
        if names == nil {
            #expect(file == "job.py" && function?.hasPrefix("load") == true)
        } else {
            #expect(file?.hasPrefix("#") == true && function?.hasPrefix("#") == true)
        }
        collector.program.signal(SIGTERM)
        #expect(try await collector.program.waitForExit() == 0)
    }

    /// For each Python program, what part of at least 20 MiB is credited to the line that grew.
    private func named(_ result: CommandResult) throws -> [Double] {
        let python = try #require(result.document["python"] as? [String: Any])
        return try #require(python["processes"] as? [[String: Any]]).map { process in
            let grown = try #require(process["grown_bytes"] as? Int)
            let lines = try #require(process["lines"] as? [[String: Any]])
            let named = lines.filter {
                $0["line"] as? Int == 5 && $0["file"] as? String == folder.path + "/job.py"
            }.compactMap { $0["grown_bytes"] as? Int }.reduce(0, +)
            return grown > 20 << 20 ? Double(named) / Double(grown) : 0
        }
    }
}
