import Testing

@testable import Terminal

@Suite("Screen")
struct ScreenTests {
    @Test("A screen asks for hosts and processes at its start, and then each interval")
    func start() {
        var sample = SampleScreen()
        #expect(sample.request?.parts == [.hosts, .processes])
        sample.answer()
        sample.pass(1_900)
        #expect(sample.request == nil)
        sample.pass(100)
        // Hosts cost a collector more, and change more slowly.
        #expect(sample.request?.parts == [.processes])
    }

    @Test("A slow answer is followed by a pause of four times as long, and keys go on meanwhile")
    func slow() {
        var sample = SampleScreen()
        sample.answer()
        sample.pass(2_000)
        sample.pass(3_000)
        sample.type("2")
        #expect(sample.screen.tab == .processes)
        sample.answer(took: 3_000)
        sample.pass(11_900)
        #expect(sample.request == nil)
        sample.pass(100)
        #expect(sample.request != nil)
    }

    @Test("A lost collector is told of with its silence, asked again and recovered")
    func lost() {
        var sample = SampleScreen()
        sample.watch()
        for _ in 0..<6 {
            sample.fail("Connection refused")
            sample.pass(2_000)
        }
        #expect(sample.lines[3].hasPrefix("no answer from http://127.0.0.1:7070 for 1"))
        #expect(sample.lines[3].contains("trying again (Connection refused)"))
        // What was known stays on the screen.
        #expect(sample.screen.hosts.count == 4)
        sample.pass(10_000)
        sample.answer()
        #expect(!sample.lines[3].contains("no answer"))
        var silent = SampleScreen()
        silent.answer()
        silent.pass(2_000)
        silent.pass(12_000)
        #expect(silent.lines[3].contains("for 14s; waiting"))
    }

    @Test(
        "The chosen row stays chosen when the order changes, and the first row while nobody chose")
    func choice() {
        var sample = SampleScreen()
        sample.answer()
        sample.type("2")
        #expect(sample.screen.list.chosen == 0)
        sample.press(.down, .down)
        let id = sample.screen.list.ids[2]
        sample.type("r")
        #expect(sample.screen.list.ids[sample.screen.list.chosen] == id)
        sample.press(.home)
        sample.type("r")
        #expect(sample.screen.list.chosen == 0)
        sample.press(.end)
        #expect(sample.screen.list.chosen == 39)
        #expect(sample.screen.list.offset == 40 - sample.screen.listHeight)
        sample.press(.pageUp)
        #expect(sample.screen.list.chosen == 39 - sample.screen.listHeight)
        sample.handle(.wheel(rows: -100))
        #expect(sample.screen.list.offset == 0)
        sample.handle(.click(row: ScreenLayout.headerRows + 4))
        #expect(sample.screen.list.chosen == 4)
    }

    @Test("A filter narrows as it is typed: a part in either case, or a pattern; Esc clears it")
    func filter() {
        var sample = SampleScreen()
        sample.answer()
        sample.type("2/NGI")
        #expect(sample.screen.list.ids.count == 8)
        sample.press(.backspace, .backspace, .backspace)
        sample.type("*--port 801?")
        #expect(sample.screen.list.ids.count == 10)
        sample.press(.enter)
        #expect(!sample.screen.isFilterOpen)
        // Letters are commands again.
        sample.type("p")
        #expect(sample.screen.isPaused)
        sample.press(.escape)
        #expect(sample.screen.list.ids.count == 40)
        sample.type("/nothing has this name")
        #expect(sample.screen.list.ids.isEmpty && sample.text.contains("Nothing matches"))
        sample.press(.escape)
        #expect(sample.screen.filter.isEmpty)
        sample.type("/" + String(repeating: "x", count: 500))
        #expect(sample.screen.filter.count == Screen.maximumFilterLength)
    }

    @Test("Enter goes from a host to its processes to one of them, and Esc back the same way")
    func drillDown() {
        var sample = SampleScreen()
        sample.answer()
        sample.press(.enter)
        #expect(sample.screen.tab == .processes && sample.screen.hostScope?.id == "id-2")
        #expect(sample.screen.list.ids.count == 13)
        #expect(sample.request?.hostID == "id-2")
        sample.answer()
        sample.press(.down, .enter)
        #expect(sample.request?.pageRunID == "run5")
        sample.answer()
        #expect(sample.text.contains("process 1185 on web-2.example.org"))
        #expect(sample.text.contains("Peaks of its siblings"))
        sample.press(.escape)
        #expect(sample.screen.page == nil && sample.screen.list.chosen == 1)
        sample.press(.escape)
        #expect(sample.screen.tab == .hosts && sample.screen.hostScope == nil)
        sample.answer()
        sample.type("3")
        sample.answer()
        sample.press(.down, .enter)
        #expect(sample.screen.programScope?.name == Array("java -jar server.jar".utf8))
        #expect(sample.screen.list.ids.count == 8)
    }

    @Test("Answers about another host than the one that is shown are not taken for its own")
    func lateAnswer() {
        var sample = SampleScreen()
        sample.answer()
        sample.pass(2_000)
        #expect(sample.request?.hostID == nil)
        sample.press(.enter)
        sample.answer()
        #expect(sample.request?.hostID == "id-2")
        #expect(sample.screen.list.ids.count == 13)
    }

    @Test("A paused screen asks for nothing but pages, and all at once when it goes on")
    func pause() {
        var sample = SampleScreen()
        sample.answer()
        sample.type("p")
        sample.pass(60_000)
        #expect(sample.request == nil)
        #expect(sample.lines[0].contains("PAUSED"))
        sample.type("2")
        sample.press(.enter)
        #expect(sample.request?.parts == [] && sample.request?.pageRunID == "run0")
        sample.answer()
        sample.press(.escape)
        sample.type("p")
        #expect(sample.request?.parts == [.hosts, .processes])
    }

    @Test("Every order of every tab can be reached and drawn, in both directions")
    func orders() {
        var sample = SampleScreen(columns: 200, rows: 30)
        sample.answer()
        for tab in Tab.allCases {
            sample.type(String(tab.rawValue + 1))
            sample.answer()
            var seen: Set<ListOrder> = []
            for _ in tab.orders {
                seen.insert(sample.screen.list.order)
                let forward = sample.screen.list.ids
                sample.type("r")
                #expect(Set(sample.screen.list.ids) == Set(forward))
                #expect(sample.text.contains("reversed"))
                sample.type("s")
            }
            #expect(seen == Set(tab.orders))
        }
    }

    @Test("q ends it, also from a page, and is a letter in a filter")
    func quit() {
        var sample = SampleScreen()
        sample.answer()
        sample.type("/q")
        #expect(!sample.isOver && sample.screen.filter == "q")
        sample.press(.escape)
        sample.type("?q")
        #expect(sample.isOver)
    }

    @Test("The history follows a process in steps, finds its change, and forgets what is gone")
    func history() {
        var history = RunHistory()
        var row = ProcessRow(runID: "a", hostID: "h", host: [], pid: 1, program: [])
        for step in 0..<100 {
            row.residentBytes = UInt64(step) << 20
            history.record([row], atMilliseconds: Int64(step) * RunHistory.stepMilliseconds)
        }
        #expect(history.steps(of: "a", count: 1_000).count == RunHistory.stepCount)
        #expect(history.steps(of: "a", count: 2) == [98 << 10, 99 << 10])
        #expect(history.change(of: row) == 12 << 20)
        let later = 100 * RunHistory.stepMilliseconds + 600_000
        history.record([], atMilliseconds: later)
        #expect(history.steps(of: "a", count: 10).isEmpty)
        let many = (0..<30_000).map { index in
            var row = ProcessRow(
                runID: "\(index)", hostID: "h", host: [], pid: 1, program: [])
            row.residentBytes = 1
            return row
        }
        history.record(many, atMilliseconds: later + 1)
        #expect(history.steps(of: "29999", count: 1).isEmpty)
        // Those that are no longer told of make room.
        for time in [later + 2, later + 3] {
            history.record(Array(many.suffix(10)), atMilliseconds: time)
        }
        #expect(history.steps(of: "29999", count: 1) == [0])
    }
}
