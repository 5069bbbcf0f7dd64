import HTTPTypes
import Hummingbird
import NIOCore
import Report
import Testing

@testable import Collector

@Suite("What a request for a view asks for")
struct ViewRequestTests {
    private func request(_ path: String, accept: String? = nil) throws -> ViewRequest {
        var head = HTTPRequest(method: .get, scheme: nil, authority: "localhost", path: path)
        head.headerFields[.accept] = accept
        return try ViewRequest(Request(head: head, body: RequestBody(buffer: ByteBuffer())))
    }

    private func query(_ path: String, keys: [String] = ReportQuery.keys) throws -> ReportQuery {
        try request(path).reportQuery(keys: keys, nowMilliseconds: testNow)
    }

    @Test("without a query it is the usual one, as text for a pipe")
    func usual() throws {
        let asked = try request("/v1/report", accept: "*/*")
        let query = try asked.reportQuery(keys: ReportQuery.keys, nowMilliseconds: testNow)
        #expect(query == ReportQuery())
        #expect(asked.format == .table)
        #expect(asked.style == TextStyle())
    }

    @Test("query, form and style are read side by side, with their escapes")
    func everything() throws {
        let path = "/v1/report?since=1h&by=program&host=web%2A&format=csv&width=80&utc_offset=3600"
        let asked = try request(path)
        let query = try query(path)
        #expect(query.sinceMilliseconds == testNow - 3_600_000)
        #expect(query.grouping == .program)
        #expect(query.host == Glob("web*"))
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
        let error = #expect(throws: QueryError.self) { try query(path) }
        #expect(error?.key == key)
    }

    @Test("a command line says that it asks, and is answered in its options")
    func asker() throws {
        var head = HTTPRequest(method: .get, scheme: nil, authority: "localhost", path: "/v1/ps")
        func style() throws -> TextStyle {
            try ViewRequest(Request(head: head, body: RequestBody(buffer: ByteBuffer()))).style
        }
        #expect(try !style().usesOptions)
        head.headerFields[try #require(HTTPField.Name(ViewRequest.askerName))] = "command-line"
        #expect(try style().usesOptions)
    }

    @Test("whoever typed a wrong key or form reads it again, with all that there are")
    func refusals() throws {
        let form = #expect(throws: QueryError.self) { try request("/?format=jsn") }
        #expect(form?.description.hasPrefix("format: \"jsn\" is not accepted; use ") == true)
        let twice = #expect(throws: QueryError.self) { try request("/?format=json&format=csv") }
        #expect(twice?.description == "format: is given twice")
        let key = #expect(throws: QueryError.self) { try query("/v1/report?bytez=1") }
        #expect(key?.reason.hasSuffix("header, bytes; did you mean bytes?") == true)
        #expect(key?.reason.contains("margin, format, width") == true)
    }

    @Test("a view without a query takes none of the keys of a report")
    func noKeys() throws {
        #expect(try query("/v1/hosts?format=json", keys: []) == ReportQuery())
        let error = #expect(throws: QueryError.self) { try query("/v1/hosts?by=run", keys: []) }
        #expect(error?.key == "by")
        #expect(throws: QueryError.self) { try query("/v1/hosts?%1B%5B2J=1", keys: []) }
    }

    @Test("a view of a range takes its own keys beside form and style")
    func rangeKeys() throws {
        func range(_ path: String, _ keys: [String]) throws -> RangeQuery {
            try request(path).rangeQuery(keys: keys, nowMilliseconds: testNow)
        }
        let asked = try range(
            "/v1/cgroups?cgroup=%2Fa%2A&format=json&width=80&top=2", RangeQuery.cgroupKeys)
        #expect(asked.cgroup == Glob("/a*"))
        #expect(asked.top == 2)
        let error = #expect(throws: QueryError.self) {
            try range("/v1/oom?by=run", RangeQuery.killKeys)
        }
        #expect(error?.description.contains("there are since, until, host") == true)
    }
}
