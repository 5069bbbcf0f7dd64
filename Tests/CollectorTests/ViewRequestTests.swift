import HTTPTypes
import Hummingbird
import NIOCore
import Report
import Testing

@testable import Collector

@Suite("What a request for a view asks for")
struct ViewRequestTests {
    private func request(
        _ path: String, accept: String? = nil, keys: [String] = ReportQuery.keys
    ) throws -> ViewRequest {
        var head = HTTPRequest(method: .get, scheme: nil, authority: "localhost", path: path)
        head.headerFields[.accept] = accept
        return try ViewRequest(
            Request(head: head, body: RequestBody(buffer: ByteBuffer())), queryKeys: keys,
            nowMilliseconds: testNow)
    }

    @Test("without a query it is the usual one, as text for a pipe")
    func usual() throws {
        let asked = try request("/v1/report", accept: "*/*")
        #expect(asked.query == ReportQuery())
        #expect(asked.format == .table)
        #expect(asked.style == TextStyle())
    }

    @Test("query, form and style are read side by side, with their escapes")
    func everything() throws {
        let asked = try request(
            "/v1/report?since=1h&by=program&host=web%2A&format=csv&width=80&utc_offset=3600")
        #expect(asked.query.sinceMilliseconds == testNow - 3_600_000)
        #expect(asked.query.grouping == .program)
        #expect(asked.query.host == Glob("web*"))
        #expect(asked.format == .csv)
        #expect(asked.style == TextStyle(width: 80, utcOffsetSeconds: 3_600))
    }

    @Test("format goes before Accept")
    func format() throws {
        #expect(try request("/", accept: "application/json").format == .json)
        #expect(try request("/?format=table", accept: "application/json").format == .table)
    }

    @Test(
        "what is not taken is named",
        arguments: [
            ("/?format=xml", "format"), ("/?format=json&format=csv", "format"),
            ("/?nonsense=1", "nonsense"), ("/?width=0", "width"), ("/?since=never", "since"),
            ("/?top=5&top=6", "top"), ("/?by=", "by"),
        ])
    func refused(path: String, key: String) throws {
        let error = #expect(throws: QueryError.self) { try request(path) }
        #expect(error?.key == key)
    }

    @Test("a view without a query takes none of the keys of a report")
    func noKeys() throws {
        #expect(try request("/v1/hosts?format=json", keys: []).format == .json)
        let error = #expect(throws: QueryError.self) { try request("/v1/hosts?by=run", keys: []) }
        #expect(error?.key == "by")
        #expect(throws: QueryError.self) { try request("/v1/hosts?%1B%5B2J=1", keys: []) }
    }
}
