import Testing

@testable import Agent

@Suite("Collector addresses")
struct CollectorAddressTests {
    @Test(
        "host, address and port are read, and shown again in one form",
        arguments: [
            ("collector", "collector", 7_000, "collector:7000"),
            ("collector:9", "collector", 9, "collector:9"),
            ("10.0.0.1:65535", "10.0.0.1", 65_535, "10.0.0.1:65535"),
            ("[::1]:7001", "::1", 7_001, "[::1]:7001"), ("[::1]", "::1", 7_000, "[::1]:7000"),
            ("fe80::1", "fe80::1", 7_000, "[fe80::1]:7000"),
        ])
    func accepted(text: String, host: String, port: Int, shown: String) throws {
        let address = try #require(CollectorAddress(text))
        #expect(address.host == host)
        #expect(address.port == port)
        #expect(address.description == shown)
        #expect(CollectorAddress(address.description) == address)
    }

    @Test(
        "anything else is refused",
        arguments: [
            "", ":", ":7000", "a:", "a:0", "a:65536", "a:-1", "a:x", "a: 1", "a b:1", "[::1",
            "[]:1", "[::1]7000", "[::1]:", "a\u{0}:1", "hôte:1", "\n",
            String(repeating: "a", count: 256),
        ])
    func refused(text: String) {
        #expect(CollectorAddress(text) == nil)
    }
}
