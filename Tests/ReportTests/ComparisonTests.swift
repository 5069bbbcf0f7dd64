import Foundation
import MemoryModel
import Testing

@testable import Report

@Suite("Ranges side by side, and suggested sizes")
struct ComparisonTests {
    private let now = SampleFleet.now
    private let day: Int64 = 86_400_000

    /// Ended runs of one program in the last day and in the day before.
    private static func fleet() -> SampleFleet {
        var fleet = SampleFleet()
        fleet.addHost("build-1")
        func add(_ pid: Int32, _ program: RawText, _ peak: UInt64, daysAgo: Int64) {
            let ago = daysAgo * 86_400 + 3_600
            fleet.addRun(
                SampleFleet.Sample(
                    pid: pid, program: program, peakMebibytes: peak, source: .exit,
                    startedAgo: ago + 60, peakAgo: ago + 10, endedAgo: ago, exitCode: 0,
                    flags: .peakIsFinal))
        }
        for pid in Int32(1)...6 { add(pid, "cc1plus", 900 + UInt64(pid), daysAgo: 0) }
        add(10, "cc1plus", 700, daysAgo: 1)
        add(11, "ld", 2_000, daysAgo: 1)
        add(12, "ld", 1_500, daysAgo: 0)
        add(13, "mold", 300, daysAgo: 0)
        add(14, "gold", 800, daysAgo: 1)
        add(15, "ar", 40, daysAgo: 0)
        add(16, "ar", 40, daysAgo: 1)
        return fleet
    }

    private func comparison(
        _ fleet: SampleFleet = fleet(), _ pairs: [QueryPair] = []
    ) throws -> ComparisonView {
        let pairs = [QueryPair("by", "program"), QueryPair("compare", "1d")] + pairs
        let query = try ReportQuery(pairs: pairs, nowMilliseconds: now)
        let ranges = try #require(query.compared(nowMilliseconds: now))
        return ComparisonView(
            now: EveryView.report(of: fleet, ranges.now).result,
            before: EveryView.report(of: fleet, ranges.before).result, query: query)
    }

    @Test("single runs, asked for by name, are neither compared nor given sizes")
    func byRun() throws {
        for pair in [QueryPair("compare", "7d"), QueryPair("suggest", "1")] {
            #expect(
                try ReportQuery(pairs: [pair], nowMilliseconds: now).grouping == .program)
            let error = #expect(throws: QueryError.self) {
                try ReportQuery(pairs: [QueryPair("by", "run"), pair], nowMilliseconds: now)
            }
            #expect(error?.key == "by" && error?.reason.contains("by program") == true)
        }
    }

    @Test("what many processes have in common has no size to suggest")
    func suggestedByHost() throws {
        for by in ["host", "user", "label:rack"] {
            let error = #expect(throws: QueryError.self) {
                try ReportQuery(
                    pairs: [QueryPair("by", by), QueryPair("suggest", "1")], nowMilliseconds: now)
            }
            #expect(error?.key == "by" && error?.reason.contains("one process") == true)
        }
        for by in ["program", "unit", "container", "command"] {
            _ = try ReportQuery(
                pairs: [QueryPair("by", by), QueryPair("suggest", "1")], nowMilliseconds: now)
        }
    }

    @Test("ranges are as long as each other, and as far apart as was asked for")
    func ranges() throws {
        func compared(_ pairs: (String, String)...) throws -> [Int64?] {
            let query = try ReportQuery(
                pairs: [QueryPair("by", "host")] + pairs.map { QueryPair($0.0, $0.1) },
                nowMilliseconds: now)
            let ranges = try #require(query.compared(nowMilliseconds: now))
            return [
                ranges.now.sinceMilliseconds, ranges.now.untilMilliseconds,
                ranges.before.sinceMilliseconds, ranges.before.untilMilliseconds,
            ]
        }
        #expect(
            try compared(("compare", "7d")) == [now - 7 * day, now, now - 14 * day, now - 7 * day])
        #expect(
            try compared(("compare", "7d"), ("since", "1d"))
                == [now - day, now, now - 8 * day, now - 7 * day])
        #expect(
            try compared(("compare", "previous"), ("since", "3d"), ("until", "1d"))
                == [now - 3 * day, now - day, now - 5 * day, now - 3 * day])
        #expect(
            try ReportQuery(pairs: [], nowMilliseconds: now).compared(nowMilliseconds: now) == nil)
    }

    @Test("the largest growth stands first, and what is new or gone is shown as that")
    func order() throws {
        let groups = try comparison().groups
        #expect(groups.map(\.name) == ["mold", "cc1plus", "ar", "ld", "gold"])
        #expect(groups.map(\.state) == [.new, .both, .both, .both, .gone])
        #expect(groups.map { ($0.changeBytes ?? 0) / 1_048_576 } == [300, 206, 0, -500, -800])
        let few = try comparison(ComparisonTests.fleet(), [QueryPair("min_runs", "2")]).groups
        #expect(few.map(\.name) == ["cc1plus"])
    }

    @Test("a change of bounds is one itself, and what may have grown stands before what did not")
    func bounds() throws {
        func row(_ mebibytes: UInt64, atLeast: Bool = false, atMost: Bool = false) -> ReportRow {
            var row = ReportRow(runs: 1)
            row.peak = Peak(bytes: mebibytes << 20, bracket: nil, source: .hwm)
            (row.isPeakLowerBound, row.isPeakUpperBound) = (atLeast, atMost)
            return row
        }
        let exact = row(519)
        let (least, most) = (row(519, atLeast: true), row(519, atMost: true))
        for (now, before, mark) in [
            (exact, exact, ""), (least, exact, ">="), (exact, most, ">="), (least, most, ">="),
            (most, exact, "<="), (exact, least, "<="), (most, least, "<="), (least, least, "~"),
            (most, most, "~"),
        ] {
            let group = ComparedGroup(name: "x", now: now, before: before)
            #expect(group.changeBytes == 0 && group.bounds.mark == mark)
            #expect(group.bounds.isLowerBound == (mark == "~" ? nil : mark == ">="))
            #expect(group.bounds.isUpperBound == (mark == "~" ? nil : mark == "<="))
        }
        let groups = [
            ComparedGroup(name: "less", now: row(500), before: exact),
            ComparedGroup(name: "same", now: exact, before: exact),
            ComparedGroup(name: "may", now: exact, before: most),
            ComparedGroup(name: "maybe less", now: row(400, atLeast: true), before: exact),
            ComparedGroup(name: "more", now: row(600, atMost: true), before: exact),
        ].sorted { $0.isBefore($1) }
        #expect(groups.map(\.name) == ["more", "may", "maybe less", "same", "less"])
    }

    @Test("a peak that is only at most so much makes a change that is at least so much, in words")
    func boundsInWords() throws {
        var fleet = SampleFleet()
        fleet.addHost("a")
        // Its peak lies in the range before, or later: the day before is not known by windows.
        fleet.addRun(
            SampleFleet.Sample(
                pid: 1, program: "job", peakMebibytes: 519, startedAgo: 170_000, peakAgo: 3_600))
        let view = try comparison(fleet)
        #expect(view.text(style: TextStyle()).contains(">=0"))
        #expect(view.text(style: TextStyle()).contains("before a change: >= at least"))
        #expect(view.json.contains("\"peak_before_is_upper_bound\":true"))
        #expect(view.json.contains("\"change_is_lower_bound\":true"))
    }

    @Test("a comparison is the kept text in each form, and JSON and CSV have all their keys")
    func comparedForms() throws {
        let view = try comparison()
        for width in [80, 120, 200] {
            try Snapshot.expect(
                view.text(style: TextStyle(width: width)), is: "compare-\(width).txt")
        }
        for form in [OutputFormat.json, .csv, .ndjson, .markdown] {
            try Snapshot.expect(view.written(as: form, style: TextStyle()), is: "compare.\(form)")
        }
        try check(view, ComparisonView.columns)
        let hostile = try comparison(HostileNames.fleet(), [QueryPair("top", "100")])
        try check(hostile, ComparisonView.columns)
        try Snapshot.expect(hostile.text(style: TextStyle(width: 80)), is: "hostile-compare-80.txt")
        let empty = try comparison(SampleFleet())
        #expect(empty.text(style: TextStyle()).contains("memagent --collector HOST:7000"))
    }

    private func check(_ view: any FleetView, _ columns: [String]) throws {
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(view.json.utf8)) as? [String: Any])
        let rows = try #require(object["rows"] as? [[String: Any]])
        #expect(!rows.isEmpty && rows.allSatisfy { Set($0.keys) == Set(columns) })
        let table = try #require(CSVReader.parse(view.csv))
        #expect(table.first == columns && table.count == rows.count + 1)
        #expect(table.allSatisfy { $0.count == columns.count })
    }

    @Test("a comparison is by program unless it is told otherwise")
    func usualGrouping() throws {
        for (by, grouping) in [
            (nil, .program), ("user", .user), ("label:rack", .label("rack")),
        ] as [(String?, ReportQuery.Grouping)] {
            let query = try ReportQuery(
                pairs: [QueryPair("compare", "7d")] + (by.map { [QueryPair("by", $0)] } ?? []),
                nowMilliseconds: now)
            #expect(query.grouping == grouping)
            #expect(query.compared(nowMilliseconds: now)?.before.grouping == grouping)
        }
    }

    private func suggestion(_ fleet: SampleFleet, margin: String = "20%") throws -> SuggestionView {
        let query = try ReportQuery(
            pairs: [QueryPair("suggest", "1"), QueryPair("margin", margin)], nowMilliseconds: now)
        #expect(query.grouping == .program)
        return SuggestionView(
            EveryView.report(of: fleet, query).result,
            marginPercent: try #require(query.suggestionMarginPercent))
    }

    @Test("a suggestion is the percentile and the maximum with the margin, never rounded down")
    func sizes() throws {
        for margin in [0, 20, 1_000] {
            for size in try suggestion(.usual(), margin: "\(margin)").sizes {
                let peak = try #require(size.row.peak?.bytes)
                let limit = try #require(size.limitBytes)
                let wanted = peak / 100 * UInt64(100 + margin)
                #expect(limit >= wanted && limit % (16 << 20) == 0)
                #expect(limit <= wanted + max(16 << 20, wanted / 8))
                #expect(try #require(size.requestBytes) <= limit)
            }
        }
    }

    @Test("kills, lower bounds and few runs are said beside a suggestion")
    func doubts() throws {
        let sizes = try suggestion(.usual()).sizes
        func doubts(_ program: RawText) -> [SuggestedSize.Doubt]? {
            sizes.first { $0.row.program == program }?.doubts
        }
        #expect(doubts("python3 train.py") == [.killed, .fewRuns])
        #expect(doubts("python3 prepare.py") == [.lowerBound, .fewRuns])
        #expect(doubts("logrotate") == [])
    }

    @Test("suggestions are the kept text in each form, and JSON and CSV have all their keys")
    func suggestedForms() throws {
        let view = try suggestion(.usual())
        for width in [80, 120, 200] {
            try Snapshot.expect(
                view.text(style: TextStyle(width: width)), is: "suggest-\(width).txt")
        }
        for form in [OutputFormat.json, .csv, .ndjson, .markdown] {
            try Snapshot.expect(view.written(as: form, style: TextStyle()), is: "suggest.\(form)")
        }
        try check(view, SuggestionView.columns)
        let hostile = try suggestion(HostileNames.fleet())
        try check(hostile, SuggestionView.columns)
        try Snapshot.expect(hostile.text(style: TextStyle(width: 80)), is: "hostile-suggest-80.txt")
        #expect(try suggestion(SampleFleet()).text(style: TextStyle()).contains("memagent"))
    }
}
