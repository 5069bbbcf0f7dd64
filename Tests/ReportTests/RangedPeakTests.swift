import MemoryModel
import Report
import Testing

@Suite("Peaks of a range")
struct RangedPeakTests {
    private let now = SampleFleet.now

    /// Runs of one program that peaked ten, two and one hours ago and live.
    private var fleet: SampleFleet {
        var fleet = SampleFleet()
        fleet.addHost("one")
        for (pid, hours, peak) in [(1, 10, 900), (2, 2, 500), (3, 1, 300)]
            as [(Int32, Int64, UInt64)]
        {
            fleet.addRun(
                SampleFleet.Sample(
                    pid: pid, program: "p", residentMebibytes: 1, peakMebibytes: peak,
                    peakAgo: hours * 3_600))
        }
        return fleet
    }

    private func result(
        windows: [Int32: Window] = [:], hours: Int64 = 3, _ grouping: ReportQuery.Grouping = .run,
        _ change: (inout ReportQuery) -> Void = { _ in }
    ) -> ReportResult {
        var query = ReportQuery()
        query.sinceMilliseconds = now - hours * 3_600_000
        query.grouping = grouping
        change(&query)
        let fleet = fleet
        var found: [RunKey: RangedWindow] = [:]
        for run in fleet.runs {
            found[run.key] = windows[run.record.key.pid].map {
                RangedWindow(
                    window: $0, startsAtMilliseconds: now - 3_600_000, length: .minute)
            }
        }
        return ReportBuilder(query: query, nowMilliseconds: now)
            .result(of: fleet.runs, hosts: fleet.hosts, windows: found)
    }

    private func window(_ atLeast: UInt64, _ atMost: UInt64?) -> Window {
        Window(atLeastBytes: atLeast << 20, atMostBytes: atMost.map { $0 << 20 })
    }

    private func row(_ result: ReportResult, _ pid: Int32) throws -> ReportRow {
        try #require(result.rows.first { $0.pid == pid })
    }

    @Test("a peak whose whole bracket lies in the range is that of the range")
    func inside() throws {
        let row = try row(result(windows: [2: window(1, 2)]), 2)
        #expect(row.peak?.bytes == 500 << 20)
        #expect(row.isPeakUpperBound == false && row.isPeakLowerBound == false)
        // The bracket is a second long and begins just before the range.
        var query = ReportQuery()
        query.sinceMilliseconds = now - 7_200_500
        let cut = ReportBuilder(query: query, nowMilliseconds: now)
            .result(of: fleet.runs, hosts: fleet.hosts)
        #expect(try self.row(cut, 2).isPeakUpperBound == true)
    }

    @Test("of a run that peaked outside, windows tell what it held, exactly or at least")
    func windows() throws {
        let exact = try row(result(windows: [1: window(200, 200)]), 1)
        #expect(exact.peak?.bytes == 200 << 20)
        #expect(exact.isPeakLowerBound == false && exact.isPeakUpperBound == false)
        #expect(exact.peak?.bracket?.notBeforeMilliseconds == now - 3_600_000)
        #expect(exact.peak?.bracket?.notAfterMilliseconds == now - 3_540_000)
        for upper in [900, nil] as [UInt64?] {
            let least = try row(result(windows: [1: window(200, upper)]), 1)
            #expect(least.peak?.bytes == 200 << 20 && least.isPeakLowerBound == true)
        }
        #expect(result(windows: [1: window(200, 200)]).rows.map(\.pid) == [2, 3, 1])
    }

    @Test("of a run of which the range knows nothing, the peak of its life is an upper bound")
    func unknown() throws {
        for known in [[:], [1: window(0, 900)]] as [[Int32: Window]] {
            let row = try row(result(windows: known), 1)
            #expect(row.peak?.bytes == 900 << 20 && row.isPeakUpperBound == true)
        }
        let all = result(hours: 24).rows.allSatisfy { $0.isPeakUpperBound == false }
        #expect(all)
    }

    @Test("rows of several runs take each run's figure of the range, and say so")
    func groups() throws {
        let row = try #require(result(windows: [1: window(600, nil)], .program).rows.first)
        #expect(row.runs == 3 && row.peak?.bytes == 600 << 20 && row.isPeakLowerBound == true)
        #expect(row.peakMedianBytes == 500 << 20)
        #expect(row.sumOfPeaksBytes == 1_400 << 20)
        let without = try #require(result(.program).rows.first)
        #expect(without.peak?.bytes == 900 << 20 && without.isPeakUpperBound == true)
    }

    @Test("text marks both bounds of a range, and says what the marks mean")
    func marks() {
        func text(_ windows: [Int32: Window]) -> String {
            ReportView(result(windows: windows)).text(style: TextStyle(width: 100))
        }
        #expect(text([:]).contains("<=900 MiB"))
        #expect(text([:]).contains("<= at most this in the range"))
        #expect(text([1: window(200, nil)]).contains(">=200 MiB"))
        #expect(text([1: window(200, nil)]).contains(">= at least this in the range"))
        #expect(!text([1: window(200, 200)]).contains("="))
    }
}
