import Hummingbird
import Testing

@testable import Collector

@Suite("Addresses to listen at")
struct ListenAddressTests {
    @Test(
        "address and port are read, and shown again in the same form",
        arguments: [
            ("127.0.0.1:7000", "127.0.0.1", 7_000, true), ("[::1]:7070", "::1", 7_070, true),
            ("localhost:0", "localhost", 0, true), ("0.0.0.0:7000", "0.0.0.0", 7_000, false),
            ("[::]:65535", "::", 65_535, false), ("collector:1", "collector", 1, false),
            ("127.0.0.1.evil.example:1", "127.0.0.1.evil.example", 1, false),
        ])
    func accepted(text: String, host: String, port: Int, isLoopback: Bool) throws {
        let address = try #require(ListenAddress(text))
        #expect(address.host == host)
        #expect(address.port == port)
        #expect(address.isLoopback == isLoopback)
        #expect(address.description == text)
        #expect(address.with(port: 9).port == 9)
    }

    @Test(
        "anything else is refused",
        arguments: ["", "7000", ":7000", "a", "a:", "a:65536", "a:x", "::1:7000", "[]:1", "[::1]"])
    func refused(text: String) {
        #expect(ListenAddress(text) == nil)
    }
}

@Suite("The name that a request asks for")
struct HostCheckTests {
    private func isAccepted(_ authority: String) -> Bool {
        HostCheck<BasicRequestContext>.isAccepted(authority, names: ["localhost", "collector"])
    }

    @Test(
        "literal addresses, localhost and the collector's own name are accepted",
        arguments: [
            "127.0.0.1", "127.0.0.1:7070", "10.1.2.3:80", "[::1]:7070", "[::1]", "localhost",
            "localhost:7070", "LocalHost:7070", "collector", "COLLECTOR:7070",
            "[::ffff:127.0.0.1]:7070",
        ])
    func accepted(authority: String) {
        #expect(isAccepted(authority))
    }

    @Test(
        "every other name is refused, whatever it begins or ends with",
        arguments: [
            "", ":7070", "evil.example", "evil.example:7070", "127.0.0.1.evil.example",
            "127.0.0.1.evil.example:7070", "localhost.evil.example", "evil.localhost", "127.0.0",
            "256.0.0.1", "127.0.0.1.", "[evil.example]:7070", "[::1]evil.example", "[::1", "[]",
            "[::1].evil.example:7070", "[::1]:x", "evil.example:127.0.0.1",
        ])
    func refused(authority: String) {
        #expect(!isAccepted(authority))
    }
}
