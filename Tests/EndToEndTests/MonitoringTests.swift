import Foundation
import TestSupport
import Testing

/// 'memcollector check' as a monitoring system runs it.
@Suite("Checks for monitoring")
struct MonitoringTests {
    private func check(
        _ url: String, _ arguments: [String]
    ) async throws -> (status: Int32, output: String, errors: String) {
        let answer = try await Program.run(
            "memcollector", ["check"] + arguments, environment: ["MEMCOLLECTOR_URL": url])
        // Whatever happens, it is one line for the console of the operator.
        #expect(answer.output.hasPrefix("HIGHWATER "), "\(arguments): \(answer)")
        #expect(answer.output.split(separator: "\n").count == 1, "\(arguments): \(answer)")
        #expect(answer.errors.isEmpty, "\(arguments): \(answer)")
        return answer
    }

    @Test("exit status and line say how it is, from an empty fleet to an agent that is gone")
    func states() async throws {
        let folder = try TemporaryFolder()
        let collector = try await RunningCollector.start(folder: folder.path + "/data")
        #expect(try await check(collector.url, []).status == 3)
        let agent = try Program.agent(port: collector.port, hostID: "one")
        try await eventually("the host is up") {
            try await collector.rows(["ps"]).count > 1
        }
        let fine = try await check(collector.url, ["--missing", "1h", "--peak-above", "1T"])
        #expect(fine.status == 0, "\(fine)")
        #expect(fine.output.contains(" | "))
        #expect(fine.output.contains("peak=") && fine.output.contains("missing=0;"))
        #expect(try await check(collector.url, ["--peak-above", "1K"]).status == 2)
        let warning = try await check(
            collector.url, ["--warning", "1K", "--critical", "1T"])
        #expect(warning.status == 1 && warning.output.hasPrefix("HIGHWATER WARNING"))
        #expect(try await check(collector.url, ["--critical", "0.1%"]).status == 2)
        let typo = try await check(
            collector.url, ["--program", "no-such-program", "--peak-above", "1T"])
        #expect(typo.status == 3 && typo.output.contains("no-such-program"), "\(typo)")
        let seen = try await check(
            collector.url, ["--program", "memagent", "--peak-above", "1T"])
        #expect(seen.status == 0, "\(seen)")
        // What is asked for encrypted where nothing is encrypted.
        let secure = try await check(
            collector.url.replacing("http://", with: "https://"), [])
        #expect(secure.status == 3)
        #expect(secure.output.contains("is not encrypted; ask \(collector.url)"), "\(secure)")
        #expect(try await check(collector.url, ["--host", "two"]).status == 3)
        agent.signal(SIGKILL)
        try await agent.waitForExit()
        try await eventually("the host is missing") {
            try await check(collector.url, ["--missing", "100ms"]).status == 2
        }
    }

    @Test("usage errors and a collector that is away are UNKNOWN, with what to do")
    func unknown() async throws {
        let closed = try ClosedPort()
        let url = "http://127.0.0.1:\(closed.port)"
        let away = try await check(url, [])
        #expect(away.status == 3 && away.output.contains("no collector answers"))
        for arguments in [
            ["--nonsense"], ["--peak-above", "x"], ["--used-above", "200%"], ["--missing", "5"],
            ["--program", "a"], ["--since", "never"], ["--since", "2200-01-01"],
            ["--missing", "-5m"], ["--warning", "80"], ["--critical", "8"], ["--critical"],
            ["extra"],
            ["--warning", "9G", "--critical", "8G"], ["--peak-above", "1G", "--critical", "2G"],
            ["--url", "nothing"],
        ] {
            #expect(try await check(url, arguments).status == 3, "\(arguments)")
        }
        let help = try await Program.run("memcollector", ["check", "--help"])
        #expect(help.status == 0 && help.output.contains("EXAMPLES"))
    }
}
