import Report
import Testing

@testable import Terminal

@Suite("Cells of a screen")
struct RendererTests {
    static let sizes = [(80, 24), (120, 40), (200, 60), (300, 100)]

    @Test("Each list at each size is the screen that is kept", arguments: sizes, [true, false])
    func lists(_ size: (Int, Int), _ isUnicode: Bool) throws {
        var sample = SampleScreen(columns: size.0, rows: size.1, isUnicode: isUnicode)
        sample.watch()
        var text = ""
        for tab in Tab.allCases {
            sample.type(String(tab.rawValue + 1))
            sample.answer()
            text += sample.text
        }
        try Snapshot.expect(
            text, is: "lists-\(size.0)x\(size.1)-\(isUnicode ? "utf8" : "ascii").txt")
    }

    @Test("A peak from before somebody looked is at least as old as the look")
    func olderPeaks() {
        var sample = SampleScreen(columns: 120, rows: 40)
        var fleet = SampleFleet()
        fleet.processes[0].peak?.notBeforeMilliseconds = SampleScreen.at - 86_400_000
        fleet.processes[0].peak?.notAfterMilliseconds = SampleScreen.at - 12_000
        sample.type("2")
        sample.answer(fleet)
        sample.pass(2_000)
        sample.answer(fleet)
        let rows = sample.lines.filter { $0.contains("--port 800") }
        #expect(rows.first { $0.contains("--port 8000") }?.contains(" >14s ") == true)
        #expect(rows.first { $0.contains("--port 8003") }?.contains(">") == false)
    }

    @Test("That nothing moved is said of no longer than it was watched")
    func calm() {
        var sample = SampleScreen()
        let calm = "nothing grew or shrank by 1 MiB in the last"
        sample.answer()
        #expect(sample.text.contains("Movers known after 10s") && !sample.text.contains(calm))
        func wait(_ seconds: Int64) {
            for _ in 0..<(seconds / 2) {
                sample.pass(2_000)
                sample.answer()
            }
        }
        wait(12)
        #expect(sample.text.contains("\(calm) 12s"))
        wait(70)
        #expect(sample.text.contains("\(calm) 1m\n"))
    }

    @Test("The help stands whole on the smallest terminal")
    func help() {
        var sample = SampleScreen()
        sample.type("?")
        let size = ScreenLayout.smallest
        #expect(ScreenRenderer.helpLines.allSatisfy { $0.text.count <= size.columns })
        #expect(ScreenRenderer.helpLines.count <= sample.screen.pageHeight)
    }

    @Test("Hosts of one name have the beginnings of their ids beside it")
    func namesakes() {
        var sample = SampleScreen(columns: 120, rows: 40)
        var fleet = SampleFleet()
        for index in 0..<2 {
            fleet.hosts[index].id = ["4f2a77", "9c01be"][index]
            fleet.hosts[index].name = Array("web".utf8)
        }
        sample.answer(fleet)
        #expect(sample.text.contains("web (4f2a)") && sample.text.contains("web (9c01)"))
    }

    @Test("Pages, an empty fleet, a lost collector and this host alone are the screens kept")
    func others() throws {
        var page = SampleScreen()
        page.watch()
        page.type("2")
        page.press(.enter)
        page.answer()
        page.answer()
        try Snapshot.expect(page.text, is: "page-80x24-utf8.txt")
        page.press(.escape)
        page.type("?")
        try Snapshot.expect(page.text, is: "help-80x24-utf8.txt")
        var empty = SampleScreen(isUnicode: false)
        empty.answer(.empty)
        try Snapshot.expect(empty.text, is: "empty-80x24-ascii.txt")
        var lost = SampleScreen()
        lost.watch()
        for _ in 0..<5 {
            lost.fail("Connection refused")
            lost.pass(3_000)
        }
        try Snapshot.expect(lost.text, is: "lost-80x24-utf8.txt")
        var local = SampleScreen(columns: 120, rows: 40, isOneHost: true)
        local.watch()
        try Snapshot.expect(local.text, is: "local-120x40-utf8.txt")
    }

    @Test(
        "Hostile names reach no cell unescaped, and every row has exactly its columns",
        arguments: sizes, [true, false])
    func hostile(_ size: (Int, Int), _ isUnicode: Bool) throws {
        var sample = SampleScreen(columns: size.0, rows: size.1, isUnicode: isUnicode)
        sample.watch(.hostile)
        var text = ""
        for keys in ["1", "2", "3", "4", "2\r", "\u{1B}/\u{202E}x"] {
            for scalar in keys.unicodeScalars {
                switch scalar {
                case "\r": sample.press(.enter)
                case "\u{1B}": sample.press(.escape)
                default: sample.press(.character(scalar))
                }
                sample.answer(.hostile)
            }
            for row in sample.grid.rows {
                #expect(row.count == size.0)
                let width = row.reduce(0) { $0 + DisplayWidth.of($1.text) }
                #expect(width == size.0)
            }
            for scalar in sample.lines.joined().unicodeScalars {
                #expect(scalar.value >= 0x20 && !(0x7F...0x9F).contains(scalar.value))
                #expect(!(0x202A...0x202E).contains(scalar.value))
                #expect(isUnicode || scalar.isASCII)
            }
            text += sample.text
        }
        if size == (80, 24) {
            try Snapshot.expect(text, is: "hostile-80x24-\(isUnicode ? "utf8" : "ascii").txt")
        }
    }

    @Test("A terminal that is too small gets a sentence, and any size at all draws")
    func small() {
        for (columns, rows) in [(79, 24), (80, 23), (20, 5), (1, 1), (0, 0), (40, 200)] {
            var sample = SampleScreen(columns: columns, rows: rows)
            sample.answer()
            #expect(sample.grid.rows.count == rows)
        }
        let sample = SampleScreen(columns: 60, rows: 10)
        #expect(sample.lines[0].hasPrefix("This terminal has 60 columns and 10 rows"))
    }

    @Test("A row keeps wide characters whole at its end, and marks with their letters")
    func wide() {
        var grid = Grid(size: GridSize(columns: 5, rows: 1))
        #expect(grid.put("ab日本", row: 0, column: 0) == 4)
        #expect(grid.text(row: 0) == "ab日 ")
        var marks = Grid(size: GridSize(columns: 3, rows: 1))
        #expect(marks.put("e\u{0301}x", row: 0, column: 0) == 2)
        #expect(marks.rows[0][0].text == "e\u{0301}")
        #expect(marks.put("out", row: 7, column: 0) == 0)
    }

    @Test("A sparkline stands between least and greatest, and is flat where little changes")
    func sparkline() {
        let text = CellText(isUnicode: true, utcOffsetSeconds: 0)
        #expect(text.sparkline([0, 50, 100], columns: 5) == "  ▁▄█")
        #expect(text.sparkline([1_000, 1_001, 1_000], columns: 3) == "▁▁▁")
        #expect(text.sparkline([], columns: 3) == "")
        let ascii = CellText(isUnicode: false, utcOffsetSeconds: 0)
        #expect(ascii.sparkline([0, 100], columns: 2) == "_#")
    }
}
