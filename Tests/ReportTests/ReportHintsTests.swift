import MemoryModel
import Testing

@testable import Report

@Suite("What a report says besides its rows")
struct ReportHintsTests {
    private let now = SampleFleet.now

    @Test("where no row has a name, or a command line is looked for, it is said why")
    func nameless() {
        var fleet = SampleFleet()
        fleet.addHost("a")
        for pid in Int32(1)...3 {
            fleet.addRun(SampleFleet.Sample(pid: pid, program: "x", peakMebibytes: 10, cgroup: nil))
        }
        func text(_ change: (inout ReportQuery) -> Void) -> String {
            var query = ReportQuery()
            change(&query)
            return EveryView.report(of: fleet, query).text(style: TextStyle())
        }
        let why = "no command line is known: agents tell them with --command-line redacted or full"
        #expect(text { $0.grouping = .command }.contains(why))
        #expect(text { $0.grouping = .unit }.contains("is known to be of a systemd unit"))
        #expect(text { $0.grouping = .container }.contains("is known to be in a container"))
        #expect(!text { $0.grouping = .program }.contains("is known"))
        let hint = "Command lines are known of agents alone that run with --command-line redacted"
        #expect(text { $0.patterns[.command] = Glob("*py*") }.contains(hint))
        #expect(!text { $0.program = Glob("none") }.contains(hint))
    }

    @Test("what to do is told in the words of whoever asks: keys of a query, or options")
    func spelling() throws {
        var options = TextStyle()
        options.usesOptions = true
        func text(_ style: TextStyle, _ change: (inout ReportQuery) -> Void) -> String {
            var query = ReportQuery()
            query.grouping = .program
            change(&query)
            var result = EveryView.report(of: .usual(), query).result
            if query.minimumPeakBytes > 0 {
                var reason = EmptyReason()
                for filter in query.filters { reason.add(filter, runCount: 3) }
                result.emptyReason = reason
            }
            return ReportView(result).text(style: style)
        }
        let few = { (query: inout ReportQuery) in query.minimumRuns = 99_999 }
        #expect(text(TextStyle(), few).contains("loosen min_runs"))
        #expect(text(options, few).contains("loosen --min-runs"))
        let none = { (query: inout ReportQuery) in
            query.minimumPeakBytes = 1 << 50
            query.sinceMilliseconds = 1
        }
        #expect(text(TextStyle(), none).contains("without min_peak 1 PiB 3 runs do"))
        #expect(text(options, none).contains("without --min-peak 1 PiB 3 runs do"))
        #expect(text(options, none).contains("without the range (--since, --until)"))
        let error = #expect(throws: QueryError.self) {
            try ReportQuery(pairs: [QueryPair("min_runs", "3")], nowMilliseconds: now)
        }
        #expect(error?.reason.hasSuffix("add by, such as by program") == true)
        #expect(error?.reason(options).hasSuffix("add --by, such as --by program") == true)
    }
}
