import Report
import Testing

@Suite("How a view that goes on is sent")
struct LiveQueryTests {
    private func query(_ pairs: [QueryPair]) throws -> LiveQuery { try LiveQuery(pairs: pairs) }

    @Test("interval and escapes are read, within their limits")
    func read() throws {
        #expect(try query([]) == LiveQuery())
        let asked = try query([QueryPair("interval", "90s"), QueryPair("ansi", "1")])
        #expect(asked.intervalMilliseconds == 90_000)
        #expect(asked.redraws)
        for wrong in ["999ms", "2h", "-1s", "", "5"] {
            #expect(throws: QueryError.self) { try query([QueryPair("interval", wrong)]) }
        }
    }

    @Test("a redrawn page clears what is left of the one before, on each line and below")
    func redrawn() throws {
        let plain = LiveQuery()
        #expect(plain.sent("a\n", number: 0) == "a\n")
        #expect(plain.sent("a\n", number: 1).hasSuffix("---\n\na\n"))
        let redrawing = try query([QueryPair("ansi", "")])
        #expect(redrawing.sent("a\nb\n", number: 0).hasPrefix("\u{1B}[2J\u{1B}[Ha\u{1B}[K\nb"))
        #expect(redrawing.sent("a\n", number: 7) == "\u{1B}[Ha\u{1B}[K\n\u{1B}[J")
    }

    @Test("a page for browsers holds nothing of a text that a browser would take for markup")
    func escaped() {
        let page = BrowserPage.page("</pre><script>x</script> & \" ' \u{E9}\n")
        #expect(
            page.contains("&lt;/pre&gt;&lt;script&gt;x&lt;/script&gt; &amp; &quot; &#39; \u{E9}\n"))
        #expect(page.ranges(of: "</pre>").count == 1)
        #expect(!page.contains("refresh"))
        #expect(BrowserPage.page("", refreshSeconds: 2).contains("content=\"2\""))
    }

    @Test("only who names HTML gets it")
    func wanted() {
        #expect(BrowserPage.isWanted(accept: "text/html;q=0.9, */*"))
        #expect(BrowserPage.isWanted(accept: "application/xml, TEXT/HTML"))
        for accept in ["", "*/*", "text/*", "text/plain", "application/json"] {
            #expect(!BrowserPage.isWanted(accept: accept))
        }
    }
}
