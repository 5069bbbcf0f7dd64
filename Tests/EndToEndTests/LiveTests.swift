import Foundation
import TestSupport
import Testing

/// The summary that goes on, and what browsers get.
@Suite("The live summary and pages for browsers")
struct LiveTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func start() async throws -> RunningCollector {
        try await RunningCollector.start(folder: folder.path + "/data")
    }

    private func open(
        _ collector: RunningCollector, _ path: String, accept: String = "*/*",
        receiveBytes: Int32? = nil
    ) async throws -> RawConnection {
        let connection = try RawConnection(port: collector.httpPort, receiveBytes: receiveBytes)
        await connection.send(
            Array("GET \(path) HTTP/1.1\r\nHost: localhost\r\nAccept: \(accept)\r\n\r\n".utf8))
        return connection
    }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    private static func pages(_ bytes: [UInt8]) -> Int {
        String(decoding: bytes, as: UTF8.self).components(separatedBy: "Highwater").count - 1
    }

    @Test("pages follow each other, and when the collector stops the answer ends whole")
    func goesOn() async throws {
        let collector = try await start()
        let connection = try await open(collector, "/live?interval=1s")
        let begun = text(try await connection.read { LiveTests.pages($0) >= 3 })
        #expect(begun.hasPrefix("HTTP/1.1 200"))
        #expect(begun.lowercased().contains("transfer-encoding: chunked"))
        #expect(begun.contains("\n" + String(repeating: "-", count: 72) + "\n"))
        #expect(!begun.contains("\u{1B}"))
        collector.program.signal(SIGTERM)
        let rest = text(try await connection.readToEnd())
        // The last chunk is empty (RFC 9112, 7.1); without it a reader would see a broken answer.
        #expect(rest.hasSuffix("0\r\n\r\n"))
        #expect(try await collector.program.waitForExit() == 0)
    }

    @Test("with ?ansi=1 each page takes the place of the one before")
    func redraws() async throws {
        let collector = try await start()
        let connection = try await open(collector, "/live?interval=1s&ansi=1")
        let bytes = try await connection.read { LiveTests.pages($0) >= 2 }
        let text = text(bytes)
        // A busy machine may read more pages at once than were waited for.
        #expect(text.components(separatedBy: "\u{1B}[2J").count == 2)
        #expect(text.components(separatedBy: "\u{1B}[H").count == LiveTests.pages(bytes) + 1)
    }

    @Test("beyond the places that there are a watcher is told so, and gets one when another goes")
    func places() async throws {
        let collector = try await start()
        var watchers: [RawConnection] = []
        for _ in 0..<32 {
            let watcher = try await open(collector, "/live?interval=1s")
            _ = try await watcher.read { LiveTests.pages($0) >= 1 }
            watchers.append(watcher)
        }
        let refused = try await open(collector, "/live")
        let answer = text(try await refused.read { $0.contains(0x0A) })
        #expect(answer.hasPrefix("HTTP/1.1 503"))
        watchers.removeAll()
        try await eventually("a place is free again") {
            let next = try await open(collector, "/live")
            return text(try await next.read { $0.contains(0x0A) }).hasPrefix("HTTP/1.1 200")
        }
        // HEAD takes no place for longer than its answer, so that there is one again and again.
        for _ in 0..<40 {
            try await eventually("HEAD has a place") {
                let head = try RawConnection(port: collector.httpPort)
                await head.send(
                    Array(
                        "HEAD /live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                            .utf8))
                return text(try await head.readToEnd()).hasPrefix("HTTP/1.1 200")
            }
        }
    }

    @Test("what it does not take is refused before anything is sent")
    func refusals() async throws {
        let collector = try await start()
        for query in [
            "interval=0s", "interval=1d", "interval=x", "ansi=perhaps", "by=run", "format=json",
        ] {
            let connection = try await open(collector, "/live?" + query)
            let answer = text(try await connection.read { $0.contains(0x0A) })
            #expect(answer.hasPrefix("HTTP/1.1 400"), "\(query)")
        }
    }

    @Test("a browser gets pages without scripts that may load nothing")
    func browser() async throws {
        let collector = try await start()
        let agent = try Program.agent(
            port: collector.port, hostID: "one",
            arguments: ["--hostname", "<script>alert(1)</script>&\"'"])
        try await eventually("the host is up") {
            try await collector.rows(["hosts"]).first?["state"] as? String == "up"
        }
        for path in ["/", "/live", "/v1/hosts", "/v1/report"] {
            let connection = try await open(
                collector, path, accept: "text/html,application/xhtml+xml,*/*;q=0.8")
            let answer = text(
                try await connection.read {
                    String(decoding: $0, as: UTF8.self).contains("</html>")
                })
            #expect(answer.hasPrefix("HTTP/1.1 200"), "\(path)")
            #expect(answer.lowercased().contains("content-type: text/html"), "\(path)")
            #expect(answer.contains("default-src 'none'"), "\(path)")
            #expect(!answer.contains("<script"), "\(path)")
            #expect(answer.contains("&lt;script&gt;"), "\(path)")
            #expect(answer.contains("http-equiv=\"refresh\"") == (path == "/live"), "\(path)")
        }
        agent.signal(SIGTERM)
        try await agent.waitForExit()
    }
}
