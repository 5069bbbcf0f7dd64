import Testing

@testable import Terminal

@Suite("JSON of a collector")
struct JSONReaderTests {
    private func read(_ text: String) -> JSONDocument? { JSONDocument(Array(text.utf8)) }

    @Test("All forms of a value are read, with escapes and surrogate pairs")
    func values() {
        #expect(read("null") == .null)
        #expect(read(" [true,false] ") == .array([.boolean(true), .boolean(false)]))
        #expect(read("18446744073709551615") == .whole(.max))
        #expect(read("12.345") == .thousandths(12_345))
        #expect(read("12.3")?.milli == 12_300)
        #expect(read("-7") == .thousandths(-7_000))
        #expect(read(#""a\n\"\\\u00e9\ud83d\ude00""#)?.string == "a\n\"\\é😀")
        #expect(read(#"{"a":{"b":[1]}}"#)?["a"]["b"].elements == [.whole(1)])
        #expect(read(#"{"a":1}"#)?["b"] == .null)
    }

    @Test(
        "What is cut, wrong, too deep or too large is no document",
        arguments: [
            "", "{", "[1,", "[1 2]", "{\"a\"}", "{1:2}", "tru", "\"", "\"\\", "\"\\u12\"",
            "\"\\ud800\"", "\"\\ud800\\u0041\"", "-", "1.", "18446744073709551616", "1 2", "+1",
            String(repeating: "[", count: 100) + String(repeating: "]", count: 100),
        ])
    func refused(_ text: String) {
        #expect(read(text) == nil)
    }

    @Test("Every beginning of a document is refused, and none is a crash")
    func beginnings() {
        let text = #"{"at":"2026-11-23T02:06:00.000Z","rows":[{"a":1.5,"b":"x\u0041"}]}"#
        #expect(read(text) != nil)
        for count in 0..<text.utf8.count {
            #expect(JSONDocument(Array(text.utf8.prefix(count))) == nil)
        }
    }
}
