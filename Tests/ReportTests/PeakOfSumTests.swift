import MemoryModel
import Report
import Testing

@Suite("What runs held together is said only where it is known")
struct PeakOfSumTests {
    private let now = SampleFleet.now
    /// Seconds since the current hour began.
    private let intoHour: Int64 = 202

    /// Two hosts, each with a run of the program `x` of the user `root`.
    private func twoHosts() -> SampleFleet {
        var fleet = SampleFleet()
        for host in ["a", "b"] {
            fleet.addHost(host)
            fleet.addRun(
                SampleFleet.Sample(pid: 7, program: "x", peakMebibytes: 10, cgroup: "/c"))
        }
        return fleet
    }

    private func row(
        _ fleet: SampleFleet, _ grouping: ReportQuery.Grouping = .program,
        _ change: (inout ReportQuery) -> Void = { _ in }
    ) throws -> ReportRow {
        var query = ReportQuery()
        query.grouping = grouping
        change(&query)
        let result = ReportBuilder(query: query, nowMilliseconds: now)
            .result(of: fleet.runs, hosts: fleet.hosts, totals: fleet.totals)
        return try #require(result.rows.first)
    }

    @Test("of one host it is the greatest hour's, exact where its moment is in the range")
    func oneHost() throws {
        var fleet = SampleFleet()
        fleet.addHost("a")
        fleet.addRun(SampleFleet.Sample(pid: 7, program: "x", peakMebibytes: 10))
        fleet.addTotal(0, .host, mebibytes: 500, ago: 100)
        fleet.addTotal(0, .program, "x", mebibytes: 80, ago: 100)
        fleet.addTotal(0, .program, "x", mebibytes: 90, ago: 4_000)
        fleet.addTotal(0, .program, "x", mebibytes: 300, ago: 40_000)
        let all = try row(fleet)
        #expect(all.peakOfSumBytes == 300 << 20)
        #expect(all.isPeakOfSumLowerBound == true)
        let hours = try row(fleet) { $0.sinceMilliseconds = now - 4_000_000 }
        #expect(hours.peakOfSumBytes == 90 << 20)
        #expect(hours.isPeakOfSumLowerBound == true)
        // The range begins after the moment, within its hour.
        let half = try row(fleet) { $0.sinceMilliseconds = now - 3_900_000 }
        #expect(half.peakOfSumBytes == 90 << 20)
        #expect(half.isPeakOfSumLowerBound == nil)
        let last = try row(fleet) { $0.sinceMilliseconds = now - intoHour * 1_000 }
        #expect(last.peakOfSumBytes == 80 << 20)
    }

    @Test("a moment that is not known is in the range only if its whole hour is")
    func unknownMoment() throws {
        var fleet = SampleFleet()
        fleet.addHost("a")
        fleet.addRun(SampleFleet.Sample(pid: 7, program: "x", peakMebibytes: 10))
        fleet.addTotal(0, .program, "x", mebibytes: 80, ago: 4_000)
        fleet.totals[0].peak.atMilliseconds = nil
        #expect(try row(fleet).isPeakOfSumLowerBound == true)
        let cut = try row(fleet) { $0.sinceMilliseconds = now - 5_000 }
        #expect(cut.peakOfSumBytes == nil, "another hour")
        let half = try row(fleet) { $0.sinceMilliseconds = now - 3_900_000 }
        #expect(half.isPeakOfSumLowerBound == nil)
    }

    @Test("of several hosts it is the largest sum of one hour, about right and no bound")
    func severalHosts() throws {
        var fleet = twoHosts()
        for host in 0...1 { fleet.addTotal(host, .host, mebibytes: 900, ago: 100) }
        fleet.addTotal(0, .program, "x", mebibytes: 80, ago: 100)
        fleet.addTotal(1, .program, "x", mebibytes: 70, ago: 50)
        fleet.addTotal(0, .program, "x", mebibytes: 100, ago: 4_000)
        let both = try row(fleet)
        #expect(both.peakOfSumBytes == 150 << 20)
        #expect(both.isPeakOfSumLowerBound == nil)
        let one = try row(fleet) { $0.host = Glob("a") }
        #expect(one.peakOfSumBytes == 100 << 20)
        #expect(one.isPeakOfSumLowerBound == true)
        // What one host held alone was held, whatever the other did.
        fleet.addTotal(1, .program, "x", mebibytes: 400, ago: 8_000)
        #expect(try row(fleet).peakOfSumBytes == 400 << 20)
        #expect(try row(fleet).isPeakOfSumLowerBound == true)
    }

    @Test("it is no less than what one run is known to have held in the range, and never at most")
    func oneRunHeldMore() throws {
        var fleet = SampleFleet()
        fleet.addHost("a")
        fleet.addRun(SampleFleet.Sample(pid: 7, program: "tail", peakMebibytes: 33, peakAgo: 60))
        fleet.addRun(SampleFleet.Sample(pid: 8, program: "tail", peakMebibytes: 50, peakAgo: 900))
        fleet.addTotal(0, .program, "tail", mebibytes: 3, ago: 100)
        let whole = try row(fleet)
        #expect(whole.peakOfSumBytes == 50 << 20 && whole.isPeakOfSumLowerBound == true)
        #expect(whole.isPeakOfSumUpperBound == false && whole.peakOfSumMark == ">=")
        // The hour is only partly in the range, and of one run nobody knows what it held there.
        let cut = try row(fleet) { $0.sinceMilliseconds = now - 90_000 }
        #expect(cut.peak?.bytes == 50 << 20 && cut.isPeakUpperBound == true)
        #expect(cut.peakOfSumBytes == 33 << 20 && cut.peakOfSumMark == ">=")
        fleet.addTotal(0, .program, "tail", mebibytes: 70, ago: 100)
        let about = try row(fleet) { $0.sinceMilliseconds = now - 90_000 }
        #expect(about.peakOfSumBytes == 70 << 20 && about.peakOfSumMark == "~")
        #expect(about.isPeakOfSumLowerBound == nil && about.isPeakOfSumUpperBound == nil)
        // What a child has of its parent is no sum of its own.
        fleet.totals.removeLast()
        fleet.addRun(
            SampleFleet.Sample(
                pid: 9, program: "tail", peakMebibytes: 400, peakAgo: 60, inheritedMebibytes: 400))
        #expect(try row(fleet) { $0.includesInherited = true }.peakOfSumBytes == 50 << 20)
    }

    @Test("a table and JSON say of a sum that it is at least that, or about")
    func marks() throws {
        var fleet = twoHosts()
        for host in 0...1 {
            fleet.addTotal(host, .program, "x", mebibytes: 80, ago: 100)
            fleet.addTotal(host, .host, mebibytes: 700, ago: 100)
        }
        func view(_ grouping: ReportQuery.Grouping) -> ReportView {
            var query = ReportQuery()
            query.grouping = grouping
            return ReportView(
                ReportBuilder(query: query, nowMilliseconds: now)
                    .result(of: fleet.runs, hosts: fleet.hosts, totals: fleet.totals))
        }
        let program = view(.program).text(style: TextStyle())
        #expect(program.contains("~160 MiB") && program.contains("~ before it where"))
        #expect(view(.program).json.contains("\"peak_of_sum_is_lower_bound\":null"))
        let host = view(.host).text(style: TextStyle())
        #expect(host.contains(">=700 MiB") && host.contains(">= before it, as"))
        #expect(view(.host).json.contains("\"peak_of_sum_is_lower_bound\":true"))
        #expect(!(program + host).contains("<="))
    }

    @Test("it is not known where a host keeps no sums, or a filter leaves out runs of the subject")
    func unknown() throws {
        var fleet = twoHosts()
        for kind in [(TotalKind.program, "x"), (.user, "root"), (.cgroup, "/c"), (.host, "")] {
            fleet.addTotal(0, kind.0, RawText(kind.1), mebibytes: 80, ago: 100)
        }
        #expect(try row(fleet).peakOfSumBytes == nil, "b keeps none")
        func bytes(
            _ grouping: ReportQuery.Grouping, _ change: (inout ReportQuery) -> Void
        ) throws -> UInt64? {
            try row(fleet, grouping) {
                $0.host = Glob("a")
                change(&$0)
            }.peakOfSumBytes
        }
        for grouping in [ReportQuery.Grouping.program, .user, .cgroup, .host] {
            #expect(try bytes(grouping) { _ in } == 80 << 20, "\(grouping)")
            #expect(try bytes(grouping) { $0.minimumPeakBytes = 1 } == nil, "\(grouping)")
            let isProgram = grouping == .program
            #expect(try (bytes(grouping) { $0.program = Glob("*") } != nil) == isProgram)
            let isUser = grouping == .user
            #expect(try (bytes(grouping) { $0.user = Glob("*") } != nil) == isUser)
        }
        #expect(try bytes(.run) { _ in } == nil)
    }

    @Test("commands of a host without an agent take no sum away, and who keeps none is named")
    func withoutSums() throws {
        var fleet = twoHosts()
        fleet.addHost("c", state: .gone, restrictions: .commandsOnly)
        fleet.addRun(SampleFleet.Sample(pid: 7, program: "x", peakMebibytes: 10))
        for host in 0...1 { fleet.addTotal(host, .program, "x", mebibytes: 80, ago: 100) }
        func view(_ change: (inout ReportQuery) -> Void = { _ in }) -> String {
            var query = ReportQuery()
            query.grouping = .program
            change(&query)
            return ReportView(
                ReportBuilder(query: query, nowMilliseconds: now)
                    .result(of: fleet.runs, hosts: fleet.hosts, totals: fleet.totals)
            ).text(style: TextStyle())
        }
        #expect(view().contains("~160 MiB") && !view().contains("keeps none"))
        fleet.addRun(SampleFleet.Sample(pid: 8, program: "y", peakMebibytes: 5))
        #expect(view().contains("PEAK OF SUM is - where a host keeps none: c"))
        fleet.runs.removeLast()
        let why = "no peaks of sums, as a filter leaves out some of what is summed"
        #expect(view { $0.user = Glob("root") }.contains(why) && !view().contains(why))
        fleet.totals.removeLast()
        #expect(!view().contains("PEAK OF SUM"))
    }

    @Test("a host's own figure stands beside the sum and is not the runs' to filter")
    func hostUsed() throws {
        var fleet = twoHosts()
        for index in fleet.hosts.indices { fleet.hosts[index].memoryAvailableBytes = nil }
        fleet.addTotal(0, .host, mebibytes: 500, ago: 100)
        fleet.addTotal(0, .hostUsed, mebibytes: 420, ago: 90)
        fleet.addTotal(1, .hostUsed, mebibytes: 9_000, ago: 90)
        let plain = try row(fleet, .host)
        #expect(plain.peakOfSumBytes == 500 << 20)
        #expect(plain.hostUsedPeakBytes == 420 << 20)
        #expect(plain.isHostUsedPeakUpperBound == false)
        let filtered = try row(fleet, .host) { $0.user = Glob("root") }
        #expect(filtered.peakOfSumBytes == nil)
        #expect(filtered.hostUsedPeakBytes == 420 << 20)
        #expect(try row(fleet).hostUsedPeakBytes == nil)
    }

    @Test("what a host uses now counts before its agent told the sum, if now is in the range")
    func usedNow() throws {
        var fleet = SampleFleet()
        fleet.addHost("a", memoryGibibytes: 8, availableMebibytes: 1_024)
        fleet.addRun(SampleFleet.Sample(pid: 7, program: "x", peakMebibytes: 10))
        fleet.addTotal(0, .hostUsed, mebibytes: 420, ago: 90)
        let present = try row(fleet, .host)
        #expect(present.hostUsedPeakBytes == 7 << 30)
        #expect(present.isHostUsedPeakUpperBound == false)
        let past = try row(fleet, .host) { $0.untilMilliseconds = now - 60_000 }
        #expect(past.hostUsedPeakBytes == 420 << 20)
        fleet.addTotal(0, .hostUsed, mebibytes: 7_500, ago: 80)
        #expect(try row(fleet, .host).hostUsedPeakBytes == 7_500 << 20)
    }

    @Test("a table says that sums hold runs which the other columns leave out")
    func inherited() throws {
        var fleet = SampleFleet()
        fleet.addHost("a")
        fleet.addRun(SampleFleet.Sample(pid: 7, program: "x", peakMebibytes: 10))
        fleet.addTotal(0, .program, "x", mebibytes: 300, ago: 90)
        func text() -> String {
            var query = ReportQuery()
            query.grouping = .program
            let result = ReportBuilder(query: query, nowMilliseconds: now)
                .result(of: fleet.runs, hosts: fleet.hosts, totals: fleet.totals)
            return ReportView(result).text(style: TextStyle())
        }
        #expect(text().contains("PEAK OF SUM") && !text().contains("with the runs that only"))
        fleet.addRun(
            SampleFleet.Sample(pid: 8, program: "x", peakMebibytes: 90, inheritedMebibytes: 90))
        #expect(text().contains("with the runs that only inherited their peak"))
    }

    @Test("sums at the ends of their range stay what they are")
    func extremes() throws {
        var fleet = twoHosts()
        for host in 0...1 {
            fleet.addTotal(host, .program, "x", mebibytes: 1, ago: 100)
            fleet.totals[host].peak.bytes = .max
        }
        #expect(try row(fleet).peakOfSumBytes == .max)
        fleet.totals[0].hourMilliseconds = .max
        fleet.totals[1].hourMilliseconds = .min
        fleet.totals[1].peak.atMilliseconds = .min
        #expect(try row(fleet).peakOfSumBytes == .max)
    }
}
