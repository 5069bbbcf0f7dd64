import Foundation
import TestSupport
import Testing

/// What a running collector answers to requests as they come over the wire.
@Suite("Requests over HTTP")
struct WebTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func start() async throws -> RunningCollector {
        try await RunningCollector.start(folder: folder.path + "/data")
    }

    private struct Answer {
        let status: Int
        let type: String
        let body: String
    }

    private func ask(
        _ collector: RunningCollector, _ method: String, _ path: String,
        _ headers: [String: String] = [:]
    ) async throws -> Answer {
        let all = ["Host": "127.0.0.1", "Connection": "close"].merging(headers) { _, new in new }
        let lines = all.map { "\($0.key): \($0.value)\r\n" }.joined()
        let connection = try RawConnection(port: collector.httpPort)
        await connection.send(Array("\(method) \(path) HTTP/1.1\r\n\(lines)\r\n".utf8))
        let text = String(decoding: try await connection.readToEnd(), as: UTF8.self)
        let end = try #require(text.range(of: "\r\n\r\n"), "no answer to \(method) \(path)")
        let head = text[..<end.lowerBound].components(separatedBy: "\r\n")
        let status = try #require(Int(head[0].split(separator: " ")[1]))
        let type = head.first { $0.lowercased().hasPrefix("content-type:") } ?? ""
        return Answer(
            status: status, type: type.lowercased(), body: String(text[end.upperBound...]))
    }

    private func isJSON(_ text: String) -> Bool {
        (try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]) != nil
    }

    @Test("every view comes as text, JSON and CSV, by ?format= and by Accept")
    func formats() async throws {
        let collector = try await start()
        let agent = try Program.agent(port: collector.port, hostID: "one")
        try await eventually("the host is up") {
            try await collector.rows(["hosts"]).first?["state"] as? String == "up"
        }
        for path in [
            "/", "/v1/summary", "/v1/hosts", "/v1/ps", "/v1/report", "/v1/oom", "/v1/cgroups",
            "/v1/composition",
        ] {
            let text = try await ask(collector, "GET", path)
            #expect(text.status == 200 && text.type.contains("text/plain"), "\(path)")
            #expect(text.body.contains("Coverage") || path != "/v1/report", "\(path)")
            #expect(!text.body.contains("\u{1B}"), "\(path)")
            for asked in [
                try await ask(collector, "GET", path + "?format=json"),
                try await ask(collector, "GET", path, ["Accept": "application/json"]),
            ] {
                #expect(asked.status == 200 && asked.type.contains("application/json"), "\(path)")
                #expect(isJSON(asked.body), "\(path)")
            }
            for asked in [
                try await ask(collector, "GET", path + "?format=csv"),
                try await ask(collector, "GET", path, ["Accept": "text/csv"]),
            ] {
                #expect(asked.status == 200 && asked.type.contains("text/csv"), "\(path)")
                #expect(asked.body.split(whereSeparator: \.isNewline)[0].contains(","), "\(path)")
            }
            // The query wins over the header.
            let both = try await ask(
                collector, "GET", path + "?format=json", ["Accept": "text/csv"])
            #expect(isJSON(both.body), "\(path)")
            let head = try await ask(collector, "HEAD", path)
            #expect(head.status == 200 && head.body.isEmpty, "\(path)")
        }
        agent.signal(SIGTERM)
        try await agent.waitForExit()
    }

    @Test("whatever cannot be answered is answered with one line and the right status")
    func refusals() async throws {
        let collector = try await start()
        let wrong: [(String, String, [String: String], [Int])] = [
            ("GET", "/nothing", [:], [404]),
            ("GET", "/v1", [:], [404]),
            ("GET", "/v1/report/", [:], [200, 404]),
            ("GET", "/../../etc/passwd", [:], [404]),
            ("GET", "/v1/report?colour=1&by=nothing", [:], [400]),
            ("GET", "/v1/report?sort=x", [:], [400]),
            ("GET", "/v1/report?since=x", [:], [400]),
            ("GET", "/v1/report?top=0", [:], [400]),
            ("GET", "/v1/report?top=1&top=2", [:], [400]),
            ("GET", "/v1/report?unknown=1", [:], [400]),
            ("GET", "/v1/report?min_peak=-1", [:], [400]),
            ("GET", "/v1/hosts?by=run", [:], [400]),
            ("GET", "/v1/hosts?format=xml", [:], [400]),
            ("GET", "/v1/oom?cgroup=x", [:], [400]),
            ("GET", "/v1/cgroups?by=run", [:], [400]),
            ("GET", "/v1/composition?since=x", [:], [400]),
            ("GET", "/v1/show", [:], [400]),
            ("GET", "/v1/show?run=x", [:], [400]),
            ("GET", "/v1/show?host=a&program=b", [:], [400]),
            ("GET", "/v1/show?subject=nobody", [:], [404]),
            ("GET", "/v1/show?program=%1b%5b2J", [:], [404]),
            ("GET", "/v1/ps?width=x", [:], [400]),
            ("GET", "/v1/ps?%1b%5b31m=%0a", [:], [400]),
            ("GET", "/", ["Host": "evil.example"], [421]),
            ("GET", "/v1/ps", ["Host": "evil.example:7070"], [421]),
            ("GET", "/nothing", ["Host": "127.0.0.1.evil.example"], [421]),
            ("POST", "/v1/report", ["Content-Length": "0"], [405]),
            ("PUT", "/", ["Content-Length": "0"], [405]),
            ("DELETE", "/v1/hosts", [:], [405]),
            ("POST", "/v1/elsewhere", ["Content-Length": "0"], [404]),
        ]
        for (method, path, headers, statuses) in wrong {
            let answer = try await ask(collector, method, path, headers)
            #expect(statuses.contains(answer.status), "\(method) \(path): \(answer.status)")
            guard answer.status != 200 else { continue }
            let lines = answer.body.split(separator: "\n", omittingEmptySubsequences: false)
            #expect(lines.count == 2 && lines[1].isEmpty && !lines[0].isEmpty, "\(path)")
            #expect(answer.body.utf8.allSatisfy { $0 >= 0x20 || $0 == 0x0A }, "\(path)")
            #expect(answer.type.contains("text/plain"), "\(path)")
        }
        for name in ["localhost", "127.0.0.1:\(collector.httpPort)", "[::1]:7070", "10.0.0.5"] {
            #expect(try await ask(collector, "GET", "/healthz", ["Host": name]).status == 200)
        }
        let health = try await ask(collector, "GET", "/healthz")
        #expect(health.status == 200 && health.body == "ok\n")
    }

    @Test("the machine's own name and those that were given are the collector's, no other is")
    func names() async throws {
        let collector = try await RunningCollector.start(
            folder: folder.path + "/data", arguments: ["--http-name", "Collector.Example"])
        var name = [CChar](repeating: 0, count: 256)
        #expect(gethostname(&name, 255) == 0)
        let machine = String(
            decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        for host in ["collector.example", "COLLECTOR.example:7070", machine] {
            #expect(try await ask(collector, "GET", "/", ["Host": host]).status == 200, "\(host)")
        }
        for host in ["example", "collector.example.evil", "x.\(machine)"] {
            #expect(try await ask(collector, "GET", "/", ["Host": host]).status == 421, "\(host)")
        }
        let wrong = try await Program.run("memcollector", ["serve", "--http-name", "a:1"])
        #expect(wrong.status == 2 && wrong.errors.contains("without a port"))
    }

    @Test("what is no request does not keep the collector from serving the next")
    func noise() async throws {
        let collector = try await start()
        let long = "GET /" + String(repeating: "a", count: 200_000) + " HTTP/1.1\r\n\r\n"
        for text in ["\r\n\r\n", "GET\r\n\r\n", "\0\0\0\0", long, "GET / HTTP/1.1\r\nHost: a\r\n"] {
            let connection = try RawConnection(port: collector.httpPort)
            await connection.send(Array(text.utf8))
            connection.finishSending()
            _ = try await connection.readToEnd()
            #expect(try await ask(collector, "GET", "/healthz").body == "ok\n")
        }
        #expect(collector.program.status == nil)
    }
}
