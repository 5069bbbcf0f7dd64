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
            growth, query: query, coverage: Coverage(hosts: fleet.hosts),
            nowMilliseconds: SampleFleet.now)
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

    @Test("A query by line is read and written alike")
    func reading() throws {
        let pairs = [QueryPair("by", "line"), QueryPair("program", "python*")]
        let query = try ReportQuery(pairs: pairs, nowMilliseconds: 0)
        #expect(query.part == .lines)
        #expect(query.pairs == pairs)
    }
}
