import MemoryModel
import Testing

@testable import Report

@Suite("Reports of lines")
struct LinesViewTests {
    private static func view(
        _ change: (inout ReportQuery) -> Void = { _ in }
    ) -> LinesView {
        var fleet = SampleFleet()
        fleet.addHost("web-01")
        fleet.addRun(.init(pid: 1, program: "python3 analyze.py", peakMebibytes: 3_000))
        fleet.addHost("web-02")
        fleet.addRun(.init(pid: 2, program: "python3 analyze.py", peakMebibytes: 2_000))
        let load = PythonLine(file: "/srv/analyze.py", function: "load_frames", line: 42)
        let evil = PythonLine(file: "/srv/\u{1B}[2J.py", function: "=f", line: 1)
        let growth = fleet.runs.enumerated().map { index, run in
            var record = GrowthRecord(run: run.record.key)
            record.grownBytes = 2_000 << 20
            record.lines = [load: UInt64(1_843 - index * 800) << 20]
            if index == 0 { record.lines[evil] = 5 << 20 }
            return ReportedGrowth(run: run, growth: record)
        }
        var query = ReportQuery()
        query.part = .lines
        change(&query)
        return LinesView(
            growth, query: query, hosts: fleet.hosts, coverage: Coverage(hosts: fleet.hosts),
            nowMilliseconds: SampleFleet.now)
    }

    @Test("where programs that grew were not watched is said, with the reason, and nowhere else")
    func unwatched() throws {
        var fleet = SampleFleet()
        fleet.addHost("a", counters: [.pythonRefused: 3, .vanished: 1])
        fleet.addHost("b", counters: [.pythonRefused: 1, .pythonUnsupported: 2])
        fleet.addHost("c", counters: [.pythonWithoutRoom: 9])
        fleet.addHost("d", restrictions: .withoutPython)
        let coverage = Coverage(hosts: fleet.hosts)
        let view = LinesView(
            [], query: ReportQuery(), hosts: fleet.hosts, coverage: coverage,
            nowMilliseconds: SampleFleet.now)
        let facts = [
            "1 host does not watch Python programs (d)",
            "2 hosts where programs grew that the agent may not read without CAP_SYS_PTRACE (a, b)",
            "1 host where programs grew of Python versions or builds that are not read (b)",
            "1 host where more programs grew than are watched at a time (c)",
        ]
        let line = try #require(view.coverageLine)
        let said = coverage.facts(ascii: false).joined(separator: "; ")
        for fact in facts {
            #expect(line.contains(fact), "\(line)")
            #expect(!said.contains(fact), "\(said)")
        }
        #expect(said.contains("1 process vanished") && !said.contains("python"), "\(said)")
        #expect(!said.contains("that grew"), "\(said)")
        #expect(view.json.contains("\"python_refused\":4,\"python_unsupported\":2"))
        let pages = fleet.hosts.map {
            SamplePages.page(of: $0, in: fleet).text(style: TextStyle())
        }
        #expect(pages[0].contains("3 runs that grew may not be read: of their Python lines"))
        #expect(pages[1].contains("1 run that grew may not be read: of their Python lines"))
        #expect(pages[3].contains("does not watch Python programs (--python)"), "\(pages[3])")
        // It sees every process all the same.
        #expect(!said.contains("restricted view"), "\(said)")
    }

    @Test("A line is one row over runs and hosts, with the most that one run grew")
    func rows() {
        let view = Self.view()
        #expect(view.rows.map(\.line.line) == [42, 1])
        #expect(view.rows[0].grownBytes == 1_843 << 20)
        #expect(view.rows[0].sumBytes == 2_886 << 20)
        #expect(view.rows[0].hosts == 2 && view.rows[0].runs == 2)
        #expect(view.rows[0].hostName == "web-01")
        #expect(Self.view { $0.minimumRuns = 2 }.rows.count == 1)
        #expect(Self.view { $0.top = 1 }.hiddenRowCount == 1)
    }

    @Test("Every form says what it means, and names cannot steer a terminal or a sheet")
    func forms() {
        let view = Self.view()
        let text = view.text(style: TextStyle())
        #expect(text.contains("Memory grew while these lines ran"))
        #expect(text.contains("not what it allocated"))
        let row = text.split(separator: "\n").first { $0.contains("analyze.py:42 load_frames") }
        #expect(row?.contains("1.8 GiB") == true, "\(text)")
        #expect(!text.contains("\u{1B}"))
        #expect(view.csv.hasPrefix("file,line,function,program,grown_bytes,"))
        #expect(view.csv.contains("'=f"))
        #expect(view.json.contains("load_frames"))
        #expect(view.written(as: .markdown, style: TextStyle()).contains("load\\_frames"))
    }

    @Test("Growth has no time: with a range it is said that figures are over whole lives")
    func range() {
        let sentence = "Over the whole lives of the runs that lived in this range"
        let ranges: [(inout ReportQuery) -> Void] = [
            { $0.sinceMilliseconds = SampleFleet.now - 5_000 },
            { $0.untilMilliseconds = SampleFleet.now - 5_000 },
        ]
        for change in ranges {
            let view = Self.view(change)
            let lines = view.text(style: TextStyle()).split(separator: "\n")
            #expect(lines.contains { $0 == sentence }, "\(lines)")
            #expect(view.written(as: .markdown, style: TextStyle()).contains(sentence))
            #expect(
                view.json.contains(
                    "\"over_whole_lives\":[\"grown_bytes\",\"sum_of_grown_bytes\"]"))
        }
        #expect(!Self.view().text(style: TextStyle()).contains(sentence))
    }

    @Test("A run's page lists its lines, what is in none of them, and no name as it is")
    func page() throws {
        var fleet = SampleFleet()
        fleet.addHost("web-01")
        fleet.addRun(.init(pid: 1, program: "python3 analyze.py", peakMebibytes: 3_000))
        let run = try #require(fleet.largestRun)
        var record = GrowthRecord(run: run.record.key)
        record.grownBytes = 1_000 << 20
        record.unattributedBytes = 100 << 20
        let evil = PythonLine(
            file: RawText([0x2F, 0x1B, 0x5B, 0x32, 0x4A, 0x0A, 0xFF] + Array("\u{202E}.py".utf8)),
            function: "f\r\u{9B}1m\u{2066}", line: .max)
        record.lines = [evil: 700 << 20]
        record.peakStack = GrowthRecord.PeakStack(residentBytes: 900 << 20, lines: [evil, evil])
        var page = SamplePages.page(of: run, in: fleet)
        page.facts.growth = record
        let text = page.text(style: TextStyle())
        for words in ["700 MiB", "200 MiB  20.0 %  (other lines)", "100 MiB  10.0 %  (no line is"] {
            #expect(text.contains(words), "\(text)")
        }
        let isClean = text.unicodeScalars.allSatisfy { scalar in
            scalar == "\n"
                || !(scalar.properties.generalCategory == .control
                    || scalar.properties.generalCategory == .format)
        }
        #expect(isClean, "\(text)")
        // Neither name nor number breaks a line of the table in two.
        #expect(text.split(separator: "\n").filter { $0.contains("2147483647") }.count == 3)
        #expect(page.json.contains("\"unattributed_bytes\":104857600"))
        record.lines = [:]
        page.facts.growth = record
        #expect(page.text(style: TextStyle()).contains("(no line is known)"))
        record.grownBytes = 0
        page.facts.growth = record
        #expect(!page.text(style: TextStyle()).contains("Memory grew"))
    }

    @Test("A query by line is read and written alike")
    func reading() throws {
        let pairs = [QueryPair("by", "line"), QueryPair("program", "python*")]
        let query = try ReportQuery(pairs: pairs, nowMilliseconds: 0)
        #expect(query.part == .lines)
        #expect(query.pairs == pairs)
    }
}
