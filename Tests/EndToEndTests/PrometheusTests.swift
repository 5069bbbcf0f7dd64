import Foundation
import TestSupport
import Testing

/// A real Prometheus (`apt-get install prometheus`) scrapes a real collector.
@Suite("Metrics and Prometheus")
struct PrometheusTests {
    /// Where a program is in PATH; nil if it is not there.
    private static func path(of program: String) -> String? {
        let folders = ProcessInfo.processInfo.environment["PATH"] ?? ""
        return folders.split(separator: ":").map { "\($0)/\(program)" }
            .first(where: FileManager.default.isExecutableFile(atPath:))
    }

    private static let prometheus = path(of: "prometheus")
    private static let promtool = path(of: "promtool")

    private func get(
        _ collector: RunningCollector, accept: String
    ) async throws -> (head: String, body: String) {
        let text = try await collector.metrics(accept: accept)
        let end = try #require(text.range(of: "\r\n\r\n"))
        return (String(text[..<end.lowerBound]).lowercased(), String(text[end.upperBound...]))
    }

    @Test("a collector with an agent tells of hosts, programs, the agent and itself")
    func content() async throws {
        let folder = try TemporaryFolder()
        let collector = try await RunningCollector.start(
            folder: folder.path + "/data", arguments: ["--metrics-top", "3"])
        let agent = try Program.agent(
            port: collector.port, hostID: "one", arguments: ["--hostname", "a\"b\\c"])
        let named = "{host=\"a\\\"b\\\\c\",host_id=\"one\"}"
        try await eventually("the host and its memory are told of") {
            let body = try await get(collector, accept: "application/openmetrics-text").body
            return body.contains("highwater_host_up\(named) 1\n")
                && body.contains("highwater_host_memory_used_peak_bytes\(named) ")
        }
        let new = try await get(collector, accept: "application/openmetrics-text;version=1.0.0")
        #expect(new.head.contains("application/openmetrics-text; version=1.0.0"))
        #expect(new.body.hasSuffix("\n# EOF\n"))
        let programs = new.body.split(separator: "\n")
            .count { $0.hasPrefix("highwater_program_peak_bytes{") }
        #expect((1...3).contains(programs))
        #expect(!new.body.contains("highwater_collector_frames_total 0\n"))
        let old = try await get(collector, accept: "*/*")
        #expect(old.head.contains("text/plain; version=0.0.4"))
        #expect(!old.body.contains("# EOF"))
        agent.signal(SIGTERM)
        try await agent.waitForExit()
    }

    @Test(
        "Prometheus takes all of it",
        .enabled(
            if: prometheus != nil && promtool != nil,
            "there is no Prometheus here; apt-get install prometheus"))
    func scrape() async throws {
        let folder = try TemporaryFolder()
        let collector = try await RunningCollector.start(folder: folder.path + "/data")
        let agent = try Program.agent(
            port: collector.port, hostID: "one",
            arguments: ["--hostname", "\u{1B}[2J\"\\\n\u{202E}x"])
        let port = try ClosedPort().port
        try """
        global:
          scrape_interval: 1s
        scrape_configs:
          - job_name: highwater
            static_configs:
              - targets: ['127.0.0.1:\(collector.httpPort)']

        """.write(toFile: folder.path + "/prometheus.yml", atomically: true, encoding: .utf8)
        let prometheus = try Program(
            try #require(PrometheusTests.prometheus),
            [
                "--config.file=\(folder.path)/prometheus.yml",
                "--storage.tsdb.path=\(folder.path)/series",
                "--web.listen-address=127.0.0.1:\(port)",
            ])
        let tool = try #require(PrometheusTests.promtool)
        func query(_ expression: String) async throws -> String {
            try await Program.run(
                tool, ["query", "instant", "http://127.0.0.1:\(port)", expression]
            ).output
        }
        try await eventually("Prometheus has scraped the host", seconds: 60) {
            try await query("highwater_host_up").contains("host_id=\"one\"")
        }
        #expect(try await query("up").contains("=> 1 "))
        #expect(try await query("count(highwater_program_peak_bytes) > 0").contains("=>"))
        #expect(
            try await query("highwater_collector_commit_duration_seconds_count > 0")
                .contains("=>"))
        #expect(try await query("highwater_host_memory_size_bytes > 0").contains("=>"))
        // Its own judge of names and types, on the form that it reads.
        let text = folder.path + "/metrics"
        try await get(collector, accept: "text/plain").body
            .write(toFile: text, atomically: true, encoding: .utf8)
        let lint = try await Program.run(
            "/bin/sh", ["-c", "'\(tool)' check metrics < '\(text)'"])
        #expect(lint.status == 0, "\(lint.output)\(lint.errors)")
        for program in [prometheus, agent] {
            program.signal(SIGTERM)
            try await program.waitForExit()
        }
    }
}
