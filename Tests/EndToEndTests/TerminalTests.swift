import Foundation
import TestSupport
import Testing

/// A terminal gets colour and lines that fit; everything else gets plain text.
@Suite("Views in a terminal")
struct TerminalTests {
    private static let environment = [
        "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "NO_COLOR": "",
    ]

    @Test("colour and width are the terminal's; NO_COLOR and TERM=dumb take the colour")
    func terminal() async throws {
        let folder = try TemporaryFolder()
        let collector = try await RunningCollector.start(folder: folder.path + "/data")
        let agent = try Program.agent(
            port: collector.port, hostID: "one",
            arguments: ["--hostname", "a-host-with-a-rather-long-name.example.org"])
        try await eventually("processes are known") {
            try await collector.rows(["report"]).count > 5
        }
        for view in ["summary", "hosts", "ps", "report"] {
            let arguments = [view, "--url", collector.url]
            for columns in [UInt16(60), 100, 200] {
                let shown = try await TerminalProgram.run(
                    "memcollector", arguments, columns: columns, environment: Self.environment)
                #expect(shown.status == 0)
                #expect(shown.output.contains("\u{1B}["), "\(view) has no colour")
                let plain = shown.output.replacing(/\u{1B}\[[0-9;]*m/, with: "")
                #expect(!plain.contains("\u{1B}"), "\(view) moves the cursor")
                let lines = plain.components(separatedBy: "\r\n")
                #expect(lines.count > 3)
                for line in lines {
                    #expect(line.count <= Int(columns), "\(view) at \(columns): \(line)")
                }
            }
            for extra in [["NO_COLOR": "1"], ["TERM": "dumb"]] {
                let shown = try await TerminalProgram.run(
                    "memcollector", arguments, columns: 100,
                    environment: Self.environment.merging(extra) { _, new in new })
                #expect(shown.status == 0 && !shown.output.contains("\u{1B}"), "\(view) \(extra)")
            }
            let piped = try await Program.run(
                "memcollector", arguments, environment: Self.environment)
            #expect(piped.status == 0 && !piped.output.isEmpty)
            #expect(!piped.output.contains("\u{1B}") && !piped.output.contains("\r"))
        }
        for format in ["json", "csv"] {
            let shown = try await TerminalProgram.run(
                "memcollector", ["hosts", "--format", format, "--url", collector.url], columns: 60,
                environment: Self.environment)
            #expect(shown.status == 0 && !shown.output.contains("\u{1B}"))
            // Rows that are left out are told beside the rows, not among them.
            let one = try await Program.run(
                "memcollector", ["ps", "--top", "1", "--format", format, "--url", collector.url])
            #expect(one.errors.hasPrefix("memcollector: shown 1 of "), "\(one.errors)")
            #expect(!one.output.contains("shown 1 of"))
            let all = try await Program.run(
                "memcollector",
                ["ps", "--top", "100000", "--format", format, "--url", collector.url])
            #expect(all.status == 0 && all.errors.isEmpty)
        }
        agent.signal(SIGTERM)
        try await agent.waitForExit()
    }
}
