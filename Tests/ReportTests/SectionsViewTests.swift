import MemoryModel
import Testing

@testable import Report

@Suite("Reports of sections")
struct SectionsViewTests {
    private static func fleet() -> [ReportedSections] {
        var fleet = SampleFleet()
        fleet.addHost("web-01")
        fleet.addRun(.init(pid: 1, program: "python3 train.py", peakMebibytes: 3_000))
        fleet.addHost("web-02")
        fleet.addRun(.init(pid: 2, program: "python3 train.py", peakMebibytes: 2_000))
        fleet.addRun(.init(pid: 3, program: "python3 =evil\u{1B}[2J.py", peakMebibytes: 50))
        func section(
            _ run: ReportedRun, _ name: RawText, _ mebibytes: UInt64, calls: UInt64,
            _ flags: SectionFlags = []
        ) -> SectionRecord {
            let at = SampleFleet.now - Int64(mebibytes) * 1_000
            var record = SectionRecord(
                key: SectionKey(run: run.record.key, name: name),
                firstCall: SectionCall(
                    peak: Peak(
                        bytes: mebibytes << 20,
                        bracket: TimeBracket(
                            notBeforeMilliseconds: at - 2_000, notAfterMilliseconds: at),
                        source: flags.contains(.sampled) ? .sampled : .hwm),
                    growthBytes: mebibytes << 19, microseconds: 2_000_000, flags: flags))
            record.callCount = calls
            record.totalMicroseconds = calls * 2_000_000
            return record
        }
        let runs = fleet.runs
        return [
            ReportedSections(
                run: runs[0],
                sections: [
                    section(runs[0], "load", 2_900, calls: 2),
                    section(runs[0], "train", 1_500, calls: 1, .shared),
                ]),
            ReportedSections(run: runs[1], sections: [section(runs[1], "load", 1_900, calls: 40)]),
            ReportedSections(
                run: runs[2],
                sections: [section(runs[2], "=SUM(A1)", 40, calls: 1, [.sampled, .inexact])]),
        ]
    }

    private static func view(
        _ sections: [ReportedSections] = fleet(), _ change: (inout ReportQuery) -> Void = { _ in }
    ) -> SectionsView {
        var query = ReportQuery()
        query.part = .sections
        change(&query)
        var fleet = SampleFleet()
        fleet.addHost("web-01")
        return SectionsView(
            sections, query: query, coverage: Coverage(hosts: fleet.hosts),
            nowMilliseconds: SampleFleet.now)
    }

    @Test("Sections of one name in one program are one row, over runs and hosts")
    func grouping() {
        let rows = Self.view().rows
        #expect(rows.map(\.name) == ["load", "train", "=SUM(A1)"])
        #expect(rows[0].runs == 2 && rows[0].hosts == 2)
        #expect(rows[0].record.callCount == 42)
        #expect(rows[0].record.peak.bytes == 2_900 << 20)
        #expect(rows[0].peakHostName == "web-01")
    }

    @Test("In a range are sections whose peak may lie there; what is of whole lives is said")
    func range() {
        // The peaks were 2,902 to 2,900 s ago, 1,902 to 1,900 s, 1,502 to 1,500 s and 42 to 40 s.
        func names(_ since: Int64?, _ until: Int64? = nil) -> [RawText] {
            Self.view {
                $0.sinceMilliseconds = since.map { SampleFleet.now - $0 * 1_000 }
                $0.untilMilliseconds = until.map { SampleFleet.now - $0 * 1_000 }
            }.rows.map(\.name)
        }
        #expect(names(39) == [])
        #expect(names(41) == ["=SUM(A1)"])
        #expect(names(1_501) == ["train", "=SUM(A1)"])
        #expect(names(nil, 1_901) == ["load"])
        #expect(names(1_800, 1_600) == [])
        let part = Self.view { $0.sinceMilliseconds = SampleFleet.now - 2_000_000 }
        // Of the two runs with this section one had its peak before.
        #expect(part.rows[0].name == "load" && part.rows[0].runs == 1)
        #expect(part.rows[0].record.callCount == 40)
        let sentence = "calls are over the whole lives of runs"
        #expect(part.text(style: TextStyle()).contains(sentence))
        #expect(part.written(as: .markdown, style: TextStyle()).contains(sentence))
        #expect(!Self.view().text(style: TextStyle()).contains(sentence))
        #expect(part.json.contains("\"over_whole_lives\":[\"grown_bytes\",\"calls\","))
    }

    @Test("A section whose time nobody knows is in every range")
    func unknownTime() {
        var fleet = Self.fleet()
        fleet[0].sections[0].peak.bracket = nil
        let view = Self.view(fleet) { $0.sinceMilliseconds = SampleFleet.now - 1_000 }
        #expect(view.rows.map(\.name) == ["load"])
    }

    @Test("The order, the number of rows and of runs are those asked for")
    func query() {
        #expect(Self.view { $0.order = .last }.rows.first?.name == "=SUM(A1)")
        #expect(Self.view { $0.order = .runs }.rows.first?.name == "load")
        let two = Self.view { $0.top = 2 }
        #expect(two.rows.count == 2 && two.hiddenRowCount == 1)
        #expect(Self.view { $0.minimumRuns = 2 }.rows.map(\.name) == ["load"])
    }

    @Test("The table says what the figures mean, and names cannot steer a terminal or a sheet")
    func forms() {
        let view = Self.view()
        let text = view.text(style: TextStyle())
        #expect(text.contains("Largest sections"))
        #expect(text.contains("memory grew while a call ran"))
        #expect(text.contains(">= a call may have needed more"))
        #expect(!text.contains("\u{1B}"))
        let load = text.split(separator: "\n").first { $0.contains("load") }
        #expect(load?.contains("2.83 GiB") == true, "\(text)")
        #expect(view.csv.hasPrefix("section,program,peak_rss_bytes,"))
        #expect(view.csv.contains("'=SUM(A1)"))
        #expect(
            view.json.contains("\"section\":\"load\"")
                || view.json.contains("\"section\": \"load\""))
        #expect(view.written(as: .markdown, style: TextStyle()).contains("| load"))
        #expect(Self.view([]).text(style: TextStyle()).contains("No program told of a section"))
    }

    @Test("A query by section is read and written alike, and refuses what does not go with it")
    func reading() throws {
        func read(_ pairs: [QueryPair]) throws -> ReportQuery {
            try ReportQuery(pairs: pairs, nowMilliseconds: 0)
        }
        let query = try read([QueryPair("by", "section"), QueryPair("min_runs", "3")])
        #expect(query.part == .sections)
        #expect(try read(query.pairs) == query)
        #expect(!query.formats.contains(.openmetrics))
        for pair in [
            QueryPair("compare", "7d"), QueryPair("suggest", "1"), QueryPair("sort", "cpu"),
        ] {
            #expect(throws: QueryError.self) { try read([QueryPair("by", "section"), pair]) }
        }
        #expect(throws: QueryError.self) { try read([QueryPair("by", "sections")]) }
        for pair in [QueryPair("compare", "7d"), QueryPair("suggest", "1")] {
            let error = #expect(throws: QueryError.self) {
                try read([QueryPair("by", "section"), pair])
            }
            #expect(
                error?.description
                    == "\(pair.key): does not go with by section; leave one of them out")
        }
    }
}
