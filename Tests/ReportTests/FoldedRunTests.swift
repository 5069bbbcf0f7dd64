import MemoryModel
import Report
import TestSupport
import Testing

@Suite("Folded runs count where runs are put together")
struct FoldedRunTests {
    private func result(
        _ fleet: SampleFleet, _ change: (inout ReportQuery) -> Void = { _ in }
    ) -> ReportResult {
        var query = ReportQuery()
        query.grouping = .program
        change(&query)
        return ReportBuilder(query: query, nowMilliseconds: SampleFleet.now)
            .result(of: fleet.runs, folds: fleet.folds, hosts: fleet.hosts)
    }

    /// Runs of 1 to 4 MiB of one program, the last of them 100 MiB, folded or not.
    private func fleet(folded: [UInt64], single: [UInt64]) -> SampleFleet {
        var fleet = SampleFleet()
        fleet.addHost("one")
        for (index, peak) in single.enumerated() {
            fleet.addRun(
                SampleFleet.Sample(
                    pid: Int32(index) + 1, program: "p", user: "u", peakMebibytes: peak,
                    source: .exit, endedAgo: 60, cgroup: "/c"))
        }
        if !folded.isEmpty {
            fleet.addFold("p", user: "u", cgroup: "/c", peaksMebibytes: folded)
        }
        return fleet
    }

    @Test("a row of runs and folds has the number, the greatest peak and the sum of all")
    func both() throws {
        let fleet = fleet(folded: [1, 2, 30], single: [4, 20])
        for grouping in [ReportQuery.Grouping.program, .user, .cgroup, .host] {
            let rows = result(fleet) { $0.grouping = grouping }.rows
            #expect(rows.count == 1)
            let row = try #require(rows.first)
            #expect(row.runs == 5 && row.foldedRuns == 3)
            #expect(row.peak?.bytes == 30 << 20)
            #expect(row.sumOfPeaksBytes == 57 << 20)
            #expect(row.isPeakLowerBound == false && row.isPeakInherited == false)
            #expect(row.peakHolder?.pid == nil && row.peakHolder?.hostName == "one")
            #expect(row.program == "p" && row.user == "u" && row.cgroup == "/c")
            // What folded runs do not tell is not taken to be as with the others.
            #expect(row.comm == nil && row.command == nil && row.pid == nil)
            #expect(row.processorMilliseconds == 120_030)
        }
    }

    @Test("the greatest peak of a fold is a lower bound unless all of its peaks are final")
    func finalPeaks() throws {
        var fleet = fleet(folded: [1, 2], single: [])
        fleet.folds[0].fold.peak?.source = .hwm
        #expect(result(fleet).rows.first?.isPeakLowerBound == true)
        fleet.folds[0].arePeaksFinal = true
        #expect(result(fleet).rows.first?.isPeakLowerBound == false)
    }

    @Test("what only folds have gets a row of its own, and a kill among them is told")
    func foldsAlone() throws {
        var fleet = fleet(folded: [], single: [4])
        fleet.addFold("tiny", user: nil, cgroup: nil, peaksMebibytes: [1, 1], killCount: 1)
        let row = try #require(result(fleet).rows.last)
        #expect(row.program == "tiny" && row.runs == 2 && row.foldedRuns == 2)
        #expect(row.wasOutOfMemoryKilled == true)
        #expect(row.liveRuns == 0 && row.currentResidentBytes == nil)
        let byUser = result(fleet) { $0.grouping = .user }.rows
        #expect(byUser.map(\.user) == ["u", nil])
        #expect(result(fleet) { $0.order = .runs }.rows.first?.program == "tiny")
    }

    @Test("single runs are listed alone, and the coverage says how many folded ones are not")
    func notListed() {
        let result = result(fleet(folded: [1, 2, 3], single: [4])) { $0.grouping = .run }
        #expect(result.rows.map(\.runs) == [1] && result.matchedRunCount == 1)
        let note = "3 small runs are folded and not listed;"
        #expect(ReportView(result).text(style: TextStyle()).contains(note))
        #expect(ReportView(result).json.contains(note))
        let one = self.result(fleet(folded: [1], single: [4])) { $0.grouping = .run }
        #expect(
            ReportView(one).text(style: TextStyle()).contains("1 small run is folded and not"))
    }

    @Test("filters and the range choose among folds as among runs")
    func filters() {
        let fleet = fleet(folded: [1, 2, 30], single: [])
        func runs(_ change: (inout ReportQuery) -> Void) -> Int {
            result(fleet, change).rows.reduce(0) { $0 + $1.runs }
        }
        // They ended from 660 to 600 seconds ago.
        let now = SampleFleet.now
        #expect(runs { $0.sinceMilliseconds = now - 600_000 } == 3)
        #expect(runs { $0.sinceMilliseconds = now - 599_999 } == 0)
        #expect(runs { $0.untilMilliseconds = now - 660_000 } == 3)
        #expect(runs { $0.untilMilliseconds = now - 660_001 } == 0)
        #expect(runs { $0.program = Glob("q") } == 0)
        #expect(runs { $0.user = Glob("u*") } == 3)
        #expect(runs { $0.user = Glob("v") } == 0)
        #expect(runs { $0.host = Glob("two") } == 0)
        #expect(runs { $0.minimumPeakBytes = 10 << 20 } == 1)
        #expect(runs { $0.minimumPeakBytes = 31 << 20 } == 0)
        let part = result(fleet) { $0.minimumPeakBytes = 10 << 20 }.rows.first
        #expect(part?.sumOfPeaksBytes == 30 << 20)
    }

    @Test(
        "quantiles with folds are at least the true ones, by at most a step, and marked",
        arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
    func quantiles(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        func peaks() -> [UInt64] {
            (0..<Int.random(in: 0...60, using: &generator)).map { _ in
                UInt64.random(
                    in: 1...(1 << UInt64.random(in: 1...14, using: &generator)), using: &generator)
            }
        }
        let (folded, single) = (peaks() + [7], peaks())
        let row = try #require(result(fleet(folded: folded, single: single)).rows.first)
        let sorted = (folded + single).sorted()
        for (percent, found) in [(95, row.peakP95Bytes), (50, row.peakMedianBytes)] {
            let rank = max(1, (sorted.count * percent + 99) / 100)
            let exact = sorted[rank - 1] << 20
            let bytes = try #require(found)
            #expect(bytes >= exact, "seed \(seed)")
            // 2^(1/8) is less than 1.0906.
            #expect(Double(bytes) <= Double(exact) * 1.0906, "seed \(seed)")
        }
        #expect(row.areQuantilesUpperBounds)
        let without = try #require(result(fleet(folded: [], single: [3])).rows.first)
        #expect(!without.areQuantilesUpperBounds && without.peakMedianBytes == 3 << 20)
        let text = ReportView(result(fleet(folded: folded, single: single)))
            .text(style: TextStyle())
        #expect(text.contains(" ~") && text.contains("~ before P95 and MEDIAN"))
    }

    @Test("what was left out for want of rows is said in a line, with the number that shows all")
    func hint() {
        #expect(HiddenRows.hint(count: 0, top: 20) == nil)
        #expect(
            HiddenRows.hint(count: 1_214, top: 20)
                == "shown 20 of 1,234 rows; --top 1234 shows all")
        #expect(HiddenRows.hint(count: .max, top: 20)?.contains("--top takes up to") == true)
    }
}
