import Foundation
import TestSupport
import Testing

/// Release builds for use have no simulated fleet beside them.
private let isFleetBuilt = FileManager.default.fileExists(atPath: Program.folder + "/memfleet")

/// A simulated fleet, which knows the truth about each of its runs, against the real collector.
@Suite("Simulated fleet", .enabled(if: isFleetBuilt, "memfleet is not beside the tests"))
struct FleetTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private static let agents = 50
    private static let processes = 40

    private var expectationPath: String { folder.path + "/expected" }

    private func collector(replacing old: RunningCollector? = nil) async throws -> RunningCollector
    {
        try await RunningCollector.start(
            folder: folder.path + "/data", port: old?.port ?? 0, httpPort: old?.httpPort ?? 0)
    }

    private func fleet(for collector: RunningCollector, seconds: Int) throws -> Program {
        try Program(
            "memfleet",
            [
                "--collector", "127.0.0.1:\(collector.port)", "--agents", "\(Self.agents)",
                "--processes", "\(Self.processes)", "--seconds", "\(seconds)", "--exits", "2",
                "--interval", "500ms", "--expect", expectationPath, "--format", "json",
            ])
    }

    /// The figures that the fleet printed at its end, which has to be a good one.
    private func figures(of fleet: Program) async throws -> [String: Any] {
        #expect(try await fleet.waitForExit(seconds: 180) == 0, "\(fleet.errors)")
        let object = try JSONSerialization.jsonObject(with: Data(fleet.output.utf8))
        return try #require(object as? [String: Any])
    }

    /// Expects that the collector's report has what the fleet simulated, and nothing else.
    private func expectTruth(in collector: RunningCollector, _ fleet: Program) async throws {
        struct Run: Decodable {
            var run_id: String
            var host_id: String
            var program: String
            var peak_rss_bytes: UInt64
            var ended: Bool
        }
        let lines = try String(contentsOfFile: expectationPath, encoding: .utf8)
            .split(separator: "\n")
        let expected = try lines.map {
            try JSONDecoder().decode(Run.self, from: Data($0.utf8))
        }
        #expect(expected.count > Self.agents * Self.processes)
        #expect(expected.contains { $0.ended } && expected.contains { !$0.ended })
        let rows = try await Row.all(["report", "--top", "100000"], of: collector)
        #expect(rows.count == expected.count)
        var byID: [String: Row] = [:]
        for row in rows { byID[row.text("run_id") ?? ""] = row }
        let wrong = expected.filter { run in
            guard let row = byID[run.run_id] else { return true }
            return row.bytes("peak_rss_bytes") != run.peak_rss_bytes
                || row.text("host_id") != run.host_id || row.text("program") != run.program
                || row.isNull("ended_at") == run.ended
        }
        #expect(wrong.isEmpty, "\(wrong.count) wrong, \(wrong.prefix(3)); \(fleet.errors)")
    }

    @Test("every run of a fleet is in the report with its true peak, and no other")
    func exact() async throws {
        let collector = try await collector()
        let fleet = try fleet(for: collector, seconds: 5)
        let figures = try await figures(of: fleet)
        #expect(figures["settled"] as? Int == Self.agents)
        #expect(figures["connects"] as? Int ?? 0 >= Self.agents)
        try await expectTruth(in: collector, fleet)
    }

    @Test("a collector that is killed in the middle and starts again loses nothing of a fleet")
    func killed() async throws {
        let first = try await collector()
        let fleet = try fleet(for: first, seconds: 25)
        try await fleet.waitForText("\(Self.agents) of \(Self.agents) up  \(Self.agents) known")
        first.program.signal(SIGKILL)
        try await first.program.waitForExit()
        // What happens meanwhile is told to the next one.
        try await fleet.waitForText("  0 of \(Self.agents) up")
        let second = try await collector(replacing: first)
        let figures = try await figures(of: fleet)
        #expect(figures["settled"] as? Int == Self.agents)
        #expect(figures["sessions_accepted"] as? Int ?? 0 >= Self.agents * 2)
        let recoveries = try #require(figures["recoveries"] as? [[String: Any]])
        #expect(recoveries.dropFirst().contains { $0["fewest_sessions"] as? Int == 0 })
        try await expectTruth(in: second, fleet)
    }

    @Test(
        "what cannot be simulated is said in a sentence, with status 2",
        arguments: [
            ([], "which collector?"), (["--collector", "a:b"], "--collector 'a:b'"),
            (["--collector", "a", "--agents", "0"], "--agents 0"),
            (["--collector", "a", "--changing", "120%"], "--changing '120%'"),
            (["--collector", "a", "--interval", "1"], "--interval '1'"),
            (["--collector", "a", "--exits", "-1"], "--exits"),
            (["--collector", "a", "--format", "xml"], "--format takes text or json"),
        ] as [([String], String)])
    func usage(_ arguments: [String], _ words: String) async throws {
        let answer = try await Program.run("memfleet", arguments)
        #expect(answer.status == 2)
        #expect(answer.errors.contains(words), "\(answer.errors)")
        #expect(answer.output == "")
    }

    @Test("a fleet that is stopped without a collector says why, and ends with status 1")
    func nobody() async throws {
        let port = try ClosedPort()
        let fleet = try Program(
            "memfleet",
            ["--collector", "127.0.0.1:\(port.port)", "--agents", "3"])
        try await fleet.waitForText("\n2 s  0 of 3 up")
        fleet.signal(SIGTERM)
        #expect(try await fleet.waitForExit(seconds: 180) == 1)
        #expect(fleet.output.contains("Connection refused"), "\(fleet.output)")
        #expect(fleet.errors.contains("3 of 3 agents had no session"), "\(fleet.errors)")
    }
}
