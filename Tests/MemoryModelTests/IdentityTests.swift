import MemoryModel
import Testing

@Suite("Identity")
struct IdentityTests {
    @Test("a host id is 1 to 64 plain characters and does not begin with a dot")
    func hostID() {
        #expect(HostID("web-01.example_x")?.text == "web-01.example_x")
        for text in ["", ".x", "a/b", "a b", "é", "a\n", String(repeating: "a", count: 65)] {
            #expect(HostID(text) == nil, "\(text)")
        }
        #expect(HostID(RawText([0xFF])) == nil)
        #expect(HostID(String(repeating: "a", count: 64)) != nil)
    }

    @Test("a boot id is read as the kernel writes it, and written the same")
    func bootID() {
        let text = "8a1d3c1e-0b1f-4c55-9e0a-00ff10203040"
        #expect(UniqueID(hexadecimal: text)?.description == text)
        #expect(UniqueID(hexadecimal: text.replacing("-", with: ""))?.description == text)
        for wrong in ["", "8a1d", text + "0", text.replacing("8", with: "g")] {
            #expect(UniqueID(hexadecimal: wrong) == nil, "\(wrong)")
        }
    }

    @Test("a random id is a version 4 UUID")
    func randomID() {
        var random = SystemRandomNumberGenerator()
        let id = UniqueID.random(using: &random).description
        let characters = Array(id)
        #expect(characters[14] == "4")
        #expect("89ab".contains(characters[19]))
    }

    @Test("the short id of a run is stable and differs in every part of the key")
    func shortID() throws {
        let host = try #require(HostID("h"))
        let boot = BootID(high: 1, low: 2)
        let key = RunKey(
            host: host, boot: boot, process: ProcessKey(pid: 3, startTicks: 4, image: 5))
        #expect(key.shortID == "mp7gghrcj1n1")
        var others = [key, key, key, key]
        others[0].process.pid = 4
        others[1].process.startTicks = 5
        others[2].process.image = 6
        others[3].boot = BootID(high: 1, low: 3)
        #expect(Set((others + [key]).map(\.shortID)).count == 5)
        #expect(key.shortID.utf8.count == 12)
    }
}
