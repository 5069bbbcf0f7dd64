import Foundation
import MemoryModel
import RegexBuilder
import Report
import Testing

@Suite("Reports in every form")
struct ReportFormTests {
    private static func report(
        _ fleet: SampleFleet = .usual(), _ change: (inout ReportQuery) -> Void = { _ in }
    ) -> ReportView {
        var query = ReportQuery()
        query.sinceMilliseconds = SampleFleet.now - 86_400_000
        query.top = 6
        change(&query)
        return EveryView.report(of: fleet, query)
    }

    private static let forms: [OutputFormat] = [.ndjson, .markdown, .openmetrics]

    @Test("NDJSON, Markdown and OpenMetrics of a usual fleet are the kept texts")
    func kept() throws {
        for form in ReportFormTests.forms {
            for grouping in [ReportQuery.Grouping.run, .program, .host, .label("rack")] {
                let view = ReportFormTests.report { $0.grouping = grouping }
                let name = grouping.word.prefix { $0 != ":" }
                try Snapshot.expect(
                    view.written(as: form, style: TextStyle()), is: "report-\(name).\(form)")
            }
        }
    }

    @Test("without a header Markdown has the rows alone, for a table that is there already")
    func markdownRows() {
        let view = ReportFormTests.report()
        let whole = view.written(as: .markdown, style: TextStyle())
        var style = TextStyle()
        style.hasHeader = false
        let rows = view.written(as: .markdown, style: style)
        #expect(whole.contains("\n| ---: |") && !rows.contains("---"))
        let first = rows.split(separator: "\n").first ?? ""
        #expect(first.hasPrefix("| 61.5 GiB | "), "\(first)")
        #expect(whole.contains(first))
    }

    @Test("columns of a table in a pipe stand below one another also where names are long")
    func longNames() throws {
        var fleet = SampleFleet()
        fleet.addHost("build-1")
        let path = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod"
        for (pid, name) in [(Int32(1), "a"), (2, String(repeating: "b", count: 90))] {
            fleet.addRun(
                SampleFleet.Sample(
                    pid: pid, program: "x", peakMebibytes: UInt64(pid) * 10,
                    cgroup: RawText(path + name)))
        }
        let text = ReportFormTests.report(fleet) { $0.grouping = .cgroup }
            .written(as: .table, style: TextStyle())
        let lines = text.split(separator: "\n").filter { $0.contains(path) }
        let ends = try lines.map { line in
            let start = try #require(line.range(of: path))
            return line[start.lowerBound...].firstRange(of: " build-1")?.lowerBound.utf16Offset(
                in: line)
        }
        #expect(ends.count == 2 && Set(ends).count == 1, "\(text)")
    }

    @Test("each line of NDJSON is an object; rows have every key, and the last has the coverage")
    func lines() throws {
        for fleet in [SampleFleet(), .usual(), HostileNames.fleet()] {
            let text = ReportFormTests.report(fleet) { $0.top = 1_000 }
                .written(as: .ndjson, style: TextStyle())
            let objects = try text.split(separator: "\n").map {
                try #require(
                    try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
            }
            #expect(objects.dropLast().allSatisfy { Set($0.keys) == Set(ReportColumns.names) })
            let end = try #require(objects.last)
            #expect(Set(end.keys) == ["since", "until", "by", "coverage"])
        }
    }

    @Test("OpenMetrics declares each family once, repeats no series, and ends with EOF")
    func metrics() throws {
        let value = #/"([^"\\]|\\\\|\\"|\\n)*"/#
        let sample = Regex {
            OneOrMore(.word)
            Optionally {
                "{"
                OneOrMore(.word)
                "="
                value
                ZeroOrMore {
                    ","
                    OneOrMore(.word)
                    "="
                    value
                }
                "}"
            }
            " "
            OneOrMore(CharacterClass(.digit, .anyOf(".")))
        }
        for fleet in [SampleFleet(), .usual(), HostileNames.fleet()] {
            for grouping in ReportQuery.Grouping.allCases + [.label("a b")] {
                let text = ReportFormTests.report(fleet) { ($0.grouping, $0.top) = (grouping, 99) }
                    .written(as: .openmetrics, style: TextStyle())
                #expect(text.hasSuffix("\n# EOF\n"))
                var declared: Set<Substring> = []
                var series: Set<Substring> = []
                for line in text.split(separator: "\n").dropLast() {
                    let words = line.split(separator: " ", omittingEmptySubsequences: false)
                    if line.hasPrefix("# TYPE ") {
                        #expect(declared.insert(words[2]).inserted)
                    } else if !line.hasPrefix("# ") {
                        #expect(line.wholeMatch(of: sample) != nil, "\(line)")
                        #expect(declared.contains(line.prefix { $0 != "{" && $0 != " " }))
                        let value = line.lastIndex(of: " ").map { line[..<$0] }
                        #expect(series.insert(value ?? "").inserted, "\(line)")
                    }
                }
            }
        }
    }

    @Test("no name begins markup in Markdown or a cell of its own")
    func markdown() {
        let view = ReportFormTests.report(HostileNames.fleet()) {
            ($0.grouping, $0.top) = (.program, 99)
        }
        let text = view.written(as: .markdown, style: TextStyle())
        let rows = text.split(separator: "\n").filter { $0.hasPrefix("|") }
        #expect(rows.count > 10)
        func cells(_ row: Substring) -> Int {
            row.replacing("\\\\", with: "").replacing("\\|", with: "").count { $0 == "|" }
        }
        #expect(Set(rows.map(cells)).count == 1)
        #expect(!text.replacing("\\<", with: "").contains("<"))
    }

    @Test("without a header there are only rows and what they rest on")
    func headless() throws {
        var style = TextStyle()
        style.hasHeader = false
        let view = ReportFormTests.report { $0.grouping = .program }
        let text = view.text(style: style)
        #expect(!text.contains("Largest peaks") && !text.contains("MEDIAN  "))
        #expect(text.contains("python3 train.py") && text.contains("\nCoverage: "))
        let csv = view.written(as: .csv, style: style)
        #expect(view.csv.hasSuffix("\r\n" + csv))
        #expect(view.csv.hasPrefix("run_id,"))
    }

    @Test("asked for bytes, a table has whole bytes and no unit")
    func wholeBytes() {
        var style = TextStyle()
        style.hasBytes = true
        let text = ReportFormTests.report { $0.grouping = .program }.text(style: style)
        #expect(text.contains("\(62_980 << 20)") && text.contains("\((62_980 + 60_112) << 20)"))
        #expect(!text.contains("GiB") && !text.contains("MiB"))
    }

    @Test("header and bytes are keys of a style")
    func styleKeys() throws {
        var style = TextStyle(width: 90)
        (style.hasHeader, style.hasBytes) = (false, true)
        #expect(try TextStyle(pairs: style.pairs) == style)
    }

    @Test("what a report rests on fits beside an answer: one line of ASCII")
    func beside() throws {
        for fleet in [SampleFleet(), .usual(), HostileNames.fleet()] {
            let line = try #require(ReportFormTests.report(fleet).coverageLine)
            #expect(line.hasPrefix("Coverage: ") && line.utf8.count <= 4_000)
            #expect(line.utf8.allSatisfy { (0x20..<0x7F).contains($0) })
        }
    }

    @Test("the forms are told from Accept only where a view has them")
    func accept() {
        #expect(OutputFormat(accept: "text/markdown") == .table)
        let all = ReportView.formats
        #expect(OutputFormat(accept: "text/markdown", formats: all) == .markdown)
        #expect(OutputFormat(accept: "application/x-ndjson;q=1", formats: all) == .ndjson)
        let metrics = "application/openmetrics-text; version=1.0.0, text/plain"
        #expect(OutputFormat(accept: metrics, formats: all) == .openmetrics)
    }
}
