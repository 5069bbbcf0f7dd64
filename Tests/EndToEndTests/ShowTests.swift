import Foundation
import TestSupport
import Testing

/// One subject on one page, from real processes to the terminal.
@Suite("Pages about one subject", .serialized)
struct ShowTests {
    @Test("a run, its host and its program each have a page, and what is unknown a sentence")
    func pages() async throws {
        let folder = try TemporaryFolder()
        let name = "show-\(UUID().uuidString.prefix(8))"
        let collector = try await RunningCollector.start(folder: folder.path + "/data")
        let agent = try Program.agent(port: collector.port, hostID: "shown")
        let probe = try await Probe.start("hold", mebibytes: 64, as: name)
        var id = ""
        try await eventually("the probe is shown with its peak") {
            let rows = try await Row.all(["report", "--program", name], of: collector)
            id = rows.first?.text("run_id") ?? ""
            return rows.first?.bytes("peak_rss_bytes") ?? 0 >= 64 << 20
        }
        let run = try await collector.ask(["show", id])
        #expect(run["kind"] as? String == "run")
        let row = try #require(run["run"] as? [String: Any])
        #expect(row["pid"] as? Int == Int(probe.pid))
        #expect(row["state"] as? String == "live")
        #expect(row["peak_rss_bytes"] as? Int ?? 0 >= 64 << 20)

        let page = try await Program.run(
            "memcollector", ["show", String(id.prefix(8)), "--url", collector.url])
        #expect(page.status == 0, "\(page.errors)")
        for text in [name, "run \(id)", "pid \(probe.pid)", "on ", "Peak", "Coverage"] {
            #expect(page.output.contains(text), "\(text) in \(page.output)")
        }
        let host = try await collector.ask(["show", "shown"])
        #expect(host["kind"] as? String == "host")
        let program = try await collector.ask(["show", name])
        #expect(program["kind"] as? String == "program")
        #expect((program["program"] as? [String: Any])?["runs"] as? Int == 1)

        let unknown = try await Program.run(
            "memcollector", ["show", String(name.dropLast()), "--url", collector.url])
        #expect(unknown.status == 1)
        #expect(unknown.errors.contains("did you mean \(name)?"), "\(unknown.errors)")
        try await probe.killAndWait()
        agent.signal(SIGTERM)
        #expect(try await agent.waitForExit() == 0)
    }
}
