import Foundation
import TestSupport
import Testing

/// What the world has wrong ends a program with status 1 and one line that says what to do.
@Suite("Failures")
struct FailureTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    /// Expects one line of `program` that contains all of `words`, and nothing else.
    private func expectFailure(
        _ program: String, _ arguments: [String], _ words: [String],
        location: SourceLocation = #_sourceLocation
    ) async throws {
        let answer = try await Program.run(program, arguments)
        try expectFailure(answer, of: program, words, location: location)
    }

    private func expectFailure(
        _ answer: (status: Int32, output: String, errors: String), of program: String,
        _ words: [String], location: SourceLocation = #_sourceLocation
    ) throws {
        #expect(answer.status == 1, "\(answer.errors)", sourceLocation: location)
        #expect(answer.output.isEmpty, sourceLocation: location)
        let lines = answer.errors.split(separator: "\n")
        #expect(lines.count == 1, "\(answer.errors)", sourceLocation: location)
        let line = try #require(lines.first, sourceLocation: location)
        #expect(line.hasPrefix("\(program): "), "\(line)", sourceLocation: location)
        for word in words {
            #expect(line.contains(word), "\(line)", sourceLocation: location)
        }
    }

    private func serve(
        _ data: String, listen: String = "127.0.0.1:0", http: String = "127.0.0.1:0"
    ) -> [String] {
        ["serve", "--listen", listen, "--http", http, "--data-dir", data]
    }

    // MARK: Views

    @Test(
        "a view without a collector says so at once",
        arguments: ["summary", "hosts", "ps", "report"])
    func noCollector(_ view: String) async throws {
        let closed = try ClosedPort()
        let url = "http://127.0.0.1:\(closed.port)"
        try await expectFailure(
            "memcollector", [view, "--url", url],
            ["no collector answers", url, "Connection refused", "memcollector serve", "--url"])
        let answer = try await Program.run(
            "memcollector", [view], environment: ["MEMCOLLECTOR_URL": url])
        try expectFailure(answer, of: "memcollector", [url])
    }

    @Test("a view that asks something else than a collector says what is wrong")
    func somethingElse() async throws {
        let collector = try await RunningCollector.start(folder: folder.path + "/data")
        try await expectFailure(
            "memcollector", ["hosts", "--url", "http://127.0.0.1:\(collector.port)"],
            ["does not speak HTTP", "--url"])
        try await expectFailure(
            "memcollector", ["hosts", "--url", collector.url + "/elsewhere"],
            ["there is nothing at this path"])
        try await expectFailure(
            "memcollector", ["hosts", "--url", "http://nowhere.invalid:7070"],
            ["no collector answers", "nowhere.invalid", "--url"])
    }

    @Test("an answer that cannot be printed is a failure, a reader that has enough is not")
    func output() async throws {
        let collector = try await RunningCollector.start(folder: folder.path + "/data")
        let program = Program.folder + "/memcollector report --url " + collector.url
        let full = try await Program.run("/bin/sh", ["-c", "\(program) > /dev/full"])
        try expectFailure(full, of: "memcollector", ["No space left on device"])
        let head = try await Program.run(
            "/bin/sh", ["-c", "{ \(program); echo status $? >&2; } | head -1"])
        #expect(head.errors == "status 0\n")
        #expect(head.output.split(separator: "\n").count == 1)
        // The reader is gone before the first byte is written.
        let fifo = folder.path + "/fifo"
        let gone = try await Program.run(
            "/bin/sh",
            [
                "-c",
                "mkfifo '\(fifo)'; : < '\(fifo)' & exec 3> '\(fifo)'; wait; \(program) >&3; "
                    + "echo status $?",
            ])
        #expect(gone.output == "status 0\n")
        #expect(gone.errors.isEmpty)
    }

    // MARK: Addresses

    @Test("an address that cannot be had is named with the flag to change")
    func ports() async throws {
        let first = try await RunningCollector.start(folder: folder.path + "/first")
        let data = folder.path + "/second"
        try await expectFailure(
            "memcollector", serve(data, listen: "127.0.0.1:\(first.port)"),
            ["127.0.0.1:\(first.port)", "another program listens there", "--listen"])
        try await expectFailure(
            "memcollector", serve(data, http: "127.0.0.1:\(first.httpPort)"),
            ["127.0.0.1:\(first.httpPort)", "another program listens there", "--http"])
        for flag in ["--listen", "--http"] {
            let name = "nowhere.invalid:0"
            try await expectFailure(
                "memcollector",
                serve(
                    data, listen: flag == "--listen" ? name : "127.0.0.1:0",
                    http: flag == "--http" ? name : "127.0.0.1:0") + ["--insecure"],
                ["cannot listen at nowhere.invalid:0", flag])
        }
        // 192.0.2.0/24 is for documentation: no machine has it.
        try await expectFailure(
            "memcollector", serve(data, listen: "192.0.2.1:0") + ["--insecure"],
            ["this machine does not have that address", "--listen"])
        #expect(first.program.status == nil)
    }

    // MARK: The data directory

    @Test("a data directory that cannot be used is named")
    func dataDirectory() async throws {
        let file = folder.path + "/file"
        try Data("hello".utf8).write(to: URL(fileURLWithPath: file))
        try await expectFailure("memcollector", serve(file), [file, "--data-dir"])
        try await expectFailure(
            "memcollector", serve(file + "/below"), [file, "Not a directory", "--data-dir"])
        #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == Data("hello".utf8))
        let shared = folder.path + "/shared"
        let first = try await RunningCollector.start(folder: shared)
        try await expectFailure(
            "memcollector", serve(shared), ["another collector uses", shared, "--data-dir"])
        #expect(try await first.rows(["hosts"]).isEmpty)
    }

    @Test("another user's data directory is refused", .enabled(if: geteuid() == 0))
    func otherOwner() async throws {
        let programs = try await UnprivilegedPrograms()
        let data = folder.path + "/root"
        try FileManager.default.createDirectory(
            atPath: data, withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o755])
        let program = try programs.start("memcollector", serve(data))
        let status = try await program.waitForExit()
        try expectFailure(
            (status, program.output, program.errors), of: "memcollector",
            [data, "belongs to user 0", "--data-dir"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: data).isEmpty)
    }

    @Test("a database that is newer or none at all is refused and left as it is")
    func database() async throws {
        let data = folder.path + "/data"
        let collector = try await RunningCollector.start(folder: data)
        collector.program.signal(SIGTERM)
        #expect(try await collector.program.waitForExit() == 0)
        let url = URL(fileURLWithPath: data + "/highwater.db")
        let good = try Data(contentsOf: url)
        try #require(good.count > 4_096)
        // Bytes 60 to 63 of an SQLite file are its user version.
        var newer = good
        newer.replaceSubrange(60..<64, with: [0, 0, 0, 99])
        var random = SeededGenerator()
        let noise = Data((0..<65_536).map { _ in UInt8.random(in: 0...255, using: &random) })
        for (content, words) in [
            (newer, ["version 99", "newer memcollector", "--data-dir"]),
            (noise, ["is not a database of memcollector", "restore", "--data-dir"]),
            (Data("#!/bin/sh\n".utf8), ["is not a database of memcollector", "--data-dir"]),
        ] {
            try content.write(to: url)
            try await expectFailure("memcollector", serve(data), words)
            #expect(try Data(contentsOf: url) == content, "\(words[0]), \(random)")
        }
        try good.write(to: url)
        #expect(try await RunningCollector.start(folder: data).rows(["hosts"]).isEmpty)
    }

    // MARK: The state directory

    @Test("a state directory that another agent uses is refused, with who that is")
    func stateInUse() async throws {
        let closed = try ClosedPort()
        let state = folder.path + "/state"
        let arguments = ["--collector", "127.0.0.1:\(closed.port)", "--state-dir", state]
        let first = try Program("memagent", arguments)
        try await first.waitForText("cannot reach the collector")
        let second = try await Program.run("memagent", arguments)
        try expectFailure(second, of: "memagent", ["pid \(first.pid)", state, "--state-dir"])
        #expect(first.status == nil)
        first.signal(SIGTERM)
        #expect(try await first.waitForExit() == 0)
    }

    @Test("a state directory that others can write to or that is a link is refused")
    func stateNotTrusted() async throws {
        let state = folder.path + "/open"
        try FileManager.default.createDirectory(
            atPath: state, withIntermediateDirectories: false)
        chmod(state, 0o777)
        let link = folder.path + "/link"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: state)
        for (path, words) in [(state, "chmod go-w"), (link, "symbolic link")] {
            try await expectFailure(
                "memagent", ["--collector", "127.0.0.1:1", "--state-dir", path],
                [path, words, "--state-dir"])
        }
    }

    @Test(
        "a state directory that cannot be written is told of at once, and the agent goes on",
        .enabled(if: geteuid() == 0))
    func stateNotWritable() async throws {
        let programs = try await UnprivilegedPrograms()
        let collector = try await RunningCollector.start(folder: folder.path + "/data")
        chmod(folder.path, 0o755)
        let agent = try programs.start(
            "memagent",
            [
                "--collector", "127.0.0.1:\(collector.port)", "--host-id", "nobody",
                "--state-dir", folder.path + "/state",
            ])
        try await eventually("it reports all the same") {
            try await collector.rows(["hosts"]).first?["state"] as? String == "up"
        }
        let lines = agent.errors.split(separator: "\n").filter { $0.contains(folder.path) }
        #expect(lines.count == 1)
        #expect(lines.first?.contains("the state directory cannot be used") == true)
        #expect(lines.first?.contains("Permission denied") == true)
        agent.signal(SIGTERM)
        #expect(try await agent.waitForExit() == 0)
        collector.program.signal(SIGTERM)
        try await collector.program.waitForExit()
    }

    // MARK: The tree of processes

    @Test("a tree without processes is named")
    func procfs() async throws {
        let file = folder.path + "/file"
        try Data().write(to: URL(fileURLWithPath: file))
        let empty = folder.path + "/empty"
        try FileManager.default.createDirectory(
            atPath: empty, withIntermediateDirectories: false)
        for (path, words) in [
            (empty, ["there are no processes"]), (folder.path + "/none", ["No such file"]),
            (file, ["Not a directory"]),
        ] {
            try await expectFailure(
                "memagent", ["--collector", "127.0.0.1:1", "--procfs", path],
                words + [path, "--procfs"])
        }
    }
}
