import Foundation
import GRDB
import TestSupport
import Testing

/// Release builds for use have no simulated fleet beside them.
private let isFleetBuilt = FileManager.default.fileExists(atPath: Program.folder + "/memfleet")

/// What 'memcollector export' writes.
@Suite("Exports", .enabled(if: isFleetBuilt, "memfleet is not beside the tests"))
struct ExportTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private var data: String { folder.path + "/data" }

    private func start(runs: Int = 3_000) async throws -> RunningCollector {
        let collector = try await RunningCollector.start(folder: data)
        let fleet = try await Program.run(
            "memfleet",
            [
                "--collector", "127.0.0.1:\(collector.port)", "--agents", "10", "--processes",
                "\(runs / 10)", "--seconds", "2", "--exits", "2",
            ])
        #expect(fleet.status == 0, "\(fleet.errors)")
        return collector
    }

    private func export(
        _ collector: RunningCollector, _ arguments: [String]
    ) async throws -> (status: Int32, output: String, errors: String) {
        try await Program.run(
            "memcollector", ["export", "--url", collector.url, "--data-dir", data] + arguments)
    }

    private func content(_ name: String) throws -> String {
        try String(contentsOfFile: folder.path + "/" + name, encoding: .utf8)
    }

    @Test("NDJSON and CSV hold each run of the report once, with the same fields")
    func runs() async throws {
        let collector = try await start()
        let report = try await collector.rows(["report", "--top", "100000", "--inherited"])
        #expect(report.count > 2_000)
        let first = try await export(collector, ["--output", folder.path + "/runs.ndjson"])
        #expect(first.status == 0 && first.output.isEmpty, "\(first.errors)")
        #expect(first.errors.contains("exported \(report.count) runs"))
        let rows = try content("runs.ndjson").split(separator: "\n").map { line in
            try #require(
                try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        }
        func names(_ rows: [[String: Any]]) -> [String] {
            rows.compactMap { $0["run_id"] as? String }.sorted()
        }
        #expect(names(rows) == names(report))
        #expect(Set(rows[0].keys) == Set(report[0].keys))
        func peaks(_ rows: [[String: Any]]) -> Int {
            rows.reduce(0) { $0 + ($1["peak_rss_bytes"] as? Int ?? 0) }
        }
        #expect(peaks(rows) == peaks(report))

        let table = try await export(collector, ["--format", "csv"])
        #expect(table.status == 0 && table.errors.isEmpty)
        let lines = table.output.split(whereSeparator: \.isNewline)
        #expect(lines.count == report.count + 1)
        #expect(lines[0].hasPrefix("run_id,host,host_id,"))
        // Nobody else may read it, and nothing is left beside it.
        let mode =
            try FileManager.default.attributesOfItem(
                atPath: folder.path + "/runs.ndjson")[.posixPermissions] as? Int
        #expect(mode == 0o600)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(!names.contains { $0.contains("partial") })
    }

    @Test("filters leave out what does not match, and a range that is empty gives no line")
    func filters() async throws {
        let collector = try await start(runs: 100)
        let one = try await export(collector, ["--host", "*0001"])
        let hosts = Set(
            one.output.split(separator: "\n").compactMap {
                $0.firstMatch(of: /"host_id":"([^"]*)"/).map { String($0.output.1) }
            })
        #expect(hosts.count <= 1)
        let dash = try await export(collector, ["--host", "*0001", "-o", "-"])
        #expect(dash.output == one.output && !one.output.isEmpty)
        #expect(!FileManager.default.fileExists(atPath: "-"))
        let none = try await export(collector, ["--until", "2000-01-01"])
        #expect(none.status == 0 && none.output.isEmpty)
        #expect(none.errors.contains("No run matches; ask for a longer range"))
        let table = try await export(
            collector,
            ["--format", "csv", "--program", "no such program", "--output", folder.path + "/none"])
        #expect(table.errors.contains("exported 0 runs"))
        #expect(try content("none").split(whereSeparator: \.isNewline).count == 1)
    }

    @Test("the database is copied while the collector goes on")
    func database() async throws {
        let collector = try await start()
        let agent = try Program.agent(port: collector.port, hostID: "one")
        try await eventually("the host is up") {
            try await collector.rows(["hosts"]).contains { $0["host_id"] as? String == "one" }
        }
        let answer = try await export(
            collector, ["--format", "sqlite", "--output", folder.path + "/copy.db"])
        #expect(answer.status == 0, "\(answer.errors)")
        #expect(answer.errors.contains("copied the database to"))
        let copy = try DatabaseQueue(path: folder.path + "/copy.db")
        let count = try await copy.read { database in
            try Int.fetchOne(database, sql: "SELECT count(*) FROM runs") ?? 0
        }
        #expect(count > 2_000)
        #expect(collector.program.status == nil)
        agent.signal(SIGTERM)
        try await agent.waitForExit()
        // The one that was stopped can be copied, too, and started again after that.
        collector.program.signal(SIGTERM)
        try await collector.program.waitForExit()
        let later = try await export(
            collector, ["--format", "sqlite", "--output", folder.path + "/copy.db"])
        #expect(later.status == 0, "\(later.errors)")
        _ = try await RunningCollector.start(folder: data)
    }

    @Test("what cannot be done is one line, and leaves no file")
    func failures() async throws {
        let closed = try ClosedPort()
        let target = folder.path + "/out"
        for (arguments, status, word) in [
            (["--url", "http://127.0.0.1:\(closed.port)"], 1, "no collector answers"),
            (["--format", "sqlite", "--data-dir", folder.path + "/none"], 1, "--data-dir"),
            (["--format", "xml"], 2, "ndjson, csv or sqlite"),
            (["--format", "sqlite", "--program", "a"], 2, "filters go with"),
            (["--since", "never"], 2, "--since"),
        ] {
            let answer = try await Program.run(
                "memcollector", ["export", "--output", target] + arguments)
            #expect(answer.status == Int32(status), "\(arguments)")
            #expect(answer.errors.contains(word), "\(arguments): \(answer.errors)")
        }
        let none = try await Program.run("memcollector", ["export", "--format", "sqlite"])
        #expect(none.status == 2 && none.errors.contains("--output"))
        let folderAsFile = try await Program.run(
            "memcollector", ["export", "--output", folder.path])
        #expect(folderAsFile.status == 1 && folderAsFile.errors.contains("is not a file"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }

    /// Has the log copied into the database and cut to nothing, which waits for every reader with a
    /// snapshot; false if one is still there after that time.
    private func cutLog(waiting seconds: Double) throws -> Bool {
        var configuration = Configuration()
        configuration.busyMode = .timeout(seconds)
        let queue = try DatabaseQueue(
            path: data + "/highwater.db", configuration: configuration)
        return try queue.inDatabase { database in
            let isBusy = try Int.fetchOne(database, sql: "PRAGMA wal_checkpoint(TRUNCATE)")
            return isBusy == 0
        }
    }

    @Test("an export that nobody reads keeps neither commits nor the log from going on")
    func slowReader() async throws {
        let collector = try await start(runs: 30_000)
        let reader = try RawConnection(port: collector.httpPort, receiveBytes: 4_096)
        await reader.send(Array("GET /v1/export HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
        _ = try await reader.read { !$0.isEmpty }
        func log() -> Int {
            let path = data + "/highwater.db-wal"
            let size = try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
            return size ?? 0
        }
        // What this test rests on: a reader who keeps a snapshot is seen.
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        let snapshot = try DatabaseQueue(
            path: data + "/highwater.db", configuration: configuration)
        try snapshot.inDatabase { database in
            try database.execute(sql: "BEGIN; SELECT count(*) FROM run")
        }
        var longest = 0
        let fleet = try Program(
            "memfleet",
            [
                "--collector", "127.0.0.1:\(collector.port)", "--agents", "20", "--processes",
                "500", "--seconds", "8", "--exits", "20", "--changing", "100%", "--seed", "5",
            ])
        try await eventually("something is committed") { log() > 4 << 20 }
        #expect(try cutLog(waiting: 0.5) == false)
        try snapshot.inDatabase { try $0.execute(sql: "COMMIT") }
        // The export is as slow, and still in the middle of it.
        #expect(try cutLog(waiting: 20))
        while fleet.status == nil {
            longest = max(longest, log())
            try await Task.sleep(for: .milliseconds(100))
        }
        #expect(fleet.status == 0, "\(fleet.errors)")
        // 64 MiB, at which SQLite begins anew, and what a commit or two add.
        #expect(longest < 96 << 20, "\(longest)")
        print("the longest log beside a slow export was \(longest >> 20) MiB")
        #expect(try cutLog(waiting: 20))
        #expect(log() == 0)
        // Nobody who has stopped reading keeps a collector from its end.
        let other = try RawConnection(port: collector.httpPort, receiveBytes: 4_096)
        await other.send(Array("GET /v1/export HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
        _ = try await other.read { !$0.isEmpty }
        collector.program.signal(SIGTERM)
        #expect(try await collector.program.waitForExit() == 0)
        withExtendedLifetime((reader, other)) {}
    }
}
