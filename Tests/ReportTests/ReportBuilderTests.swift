import MemoryModel
import Report
import TestSupport
import Testing

@Suite("Reports put runs together")
struct ReportBuilderTests {
    private let now = SampleFleet.now

    private func result(
        _ fleet: SampleFleet = .usual(), _ change: (inout ReportQuery) -> Void = { _ in }
    ) -> ReportResult {
        var query = ReportQuery()
        change(&query)
        return ReportBuilder(query: query, nowMilliseconds: now)
            .result(of: fleet.runs, folds: fleet.folds, hosts: fleet.hosts)
    }

    @Test("the columns are the documented ones in their order")
    func columns() {
        let documented = """
            run_id, host, host_id, boot_id, pid, started_at, ended_at, program, comm, \
            executable, command, user, cgroup, unit, container, labels, runs, \
            peak_rss_bytes, peak_source, peak_not_before, peak_not_after, \
            peak_is_lower_bound, peak_is_inherited, peak_p95_bytes, peak_median_bytes, \
            peak_of_sum_bytes, sum_of_peaks_bytes, peak_swap_bytes, current_rss_bytes, \
            cpu_seconds, exit_code, exit_signal, oom_killed, peak_of_sum_is_upper_bound, \
            host_used_peak_bytes, host_used_peak_is_upper_bound, folded_runs, hosts, \
            oom_killed_runs, peak_is_upper_bound, group, peak_of_sum_is_lower_bound
            """
        #expect(ReportColumns.names.joined(separator: ", ") == documented)
    }

    @Test("runs of one program become a row with the largest peak whole and the rest shared or nil")
    func groups() throws {
        let rows = result { $0.grouping = .program }.rows
        let train = try #require(rows.first)
        #expect(train.program == "python3 train.py")
        #expect(train.runs == 2)
        #expect(train.liveRuns == 1)
        #expect(train.peak?.bytes == 62_980 << 20)
        #expect(train.peakHolder?.pid == 30_902)
        #expect(train.isPeakLowerBound == false)
        #expect(train.wasOutOfMemoryKilled == true)
        #expect(train.pid == nil)
        #expect(train.runID == nil)
        #expect(train.exitSignal == nil)
        #expect(train.hostName == "ml-worker-07")
        #expect(train.user == "mei")
        #expect(train.sumOfPeaksBytes == (62_980 + 60_112) << 20)
        #expect(train.peakMedianBytes == 60_112 << 20)
        #expect(train.currentResidentBytes == 51_400 << 20)
        #expect(train.processorMilliseconds == 176_114_000)
        #expect(train.peakOfSumBytes == nil)
        let nginx = try #require(rows.first { $0.program == "nginx" })
        #expect(nginx.hostName == nil)
        #expect(nginx.pid == nil)
        #expect(nginx.liveRuns == 1, "what runs on a host that is gone is not known to live")
    }

    @Test("each grouping names its rows, and runs without such a name share a row")
    func everyGrouping() {
        func groups(_ grouping: ReportQuery.Grouping) -> Set<RawText?> {
            Set(result { ($0.grouping, $0.top) = (grouping, 100) }.rows.map(\.group))
        }
        #expect(groups(.run) == [nil])
        #expect(groups(.executable).contains("/usr/bin/python3"))
        #expect(groups(.command).contains("java -jar billing.jar"))
        #expect(groups(.command).contains(nil))
        #expect(groups(.unit).contains("postgresql.service"))
        #expect(groups(.container) == [nil])
        #expect(groups(.label("rack")) == ["b7", "c2", nil])
        #expect(groups(.label("none")) == [nil])
    }

    @Test("patterns hold against their own name, and a run without that name does not match")
    func patterns() {
        func programs(_ change: (inout ReportQuery) -> Void) -> Set<RawText?> {
            Set(result(.usual(), change).rows.map(\.program))
        }
        #expect(programs { $0.patterns[.command] = Glob("*billing*") } == ["java billing.jar"])
        #expect(programs { $0.patterns[.unit] = Glob("postgres*") } == ["postgres"])
        #expect(programs { $0.patterns[.container] = Glob("*") } == [])
        #expect(programs { $0.patterns[.cgroup] = Glob("*/pg-*") } == ["pg_dump"])
        let rack = LabelPattern(key: "rack", value: Glob("c*"))
        #expect(programs { $0.labels = [rack] }.contains("python3 train.py"))
        let gpu = LabelPattern(key: "gpu", value: Glob("none"))
        #expect(programs { $0.labels = [rack, gpu] } == [])
    }

    @Test("folds that do not tell a name are left out where it is asked for, and counted")
    func untoldFolds() {
        for change: (inout ReportQuery) -> Void in [
            { $0.grouping = .command },
            { ($0.grouping, $0.patterns[.unit]) = (.program, Glob("*")) },
        ] {
            let result = result(.usual(), change)
            #expect(result.coverage.untoldFoldedRunCount == 2_410)
            #expect(result.rows.allSatisfy { $0.foldedRuns == 0 })
        }
    }

    @Test("rows of too few runs are left out, and hosts and kills are counted")
    func countsOfRows() throws {
        let all = result { $0.grouping = .program }
        let many = result { ($0.grouping, $0.minimumRuns) = (.program, 2) }
        #expect(many.rows == all.rows.filter { $0.runs >= 2 })
        #expect(many.rows.count < all.rows.count)
        let nginx = try #require(many.rows.first { $0.program == "nginx" })
        #expect(nginx.hosts == 2)
        #expect(nginx.killedRuns == 0)
        #expect(many.rows.first { $0.program == "python3 train.py" }?.killedRuns == 1)
        let quantiles = result { ($0.grouping, $0.order) = (.program, .p95) }.rows
            .compactMap(\.peakP95Bytes)
        #expect(quantiles == quantiles.sorted(by: >))
    }

    @Test("a pid that is the same on two hosts by chance is not shared")
    func pidsOfTwoHosts() throws {
        var fleet = SampleFleet()
        for host in ["a", "b"] {
            fleet.addHost(host)
            fleet.addRun(SampleFleet.Sample(pid: 7, program: "x", peakMebibytes: 1))
        }
        let row = try #require(result(fleet) { $0.grouping = .program }.rows.first)
        #expect(row.runs == 2)
        #expect(row.pid == nil)
    }

    @Test("runs whose peak is only inherited stay out unless asked for, and are counted")
    func inherited() {
        let without = result()
        #expect(without.coverage.inheritedRunCount == 1)
        #expect(!without.rows.contains { $0.pid == 20_115 })
        let with = result { $0.includesInherited = true }
        #expect(with.coverage.inheritedRunCount == 0)
        #expect(with.rows.contains { $0.pid == 20_115 && $0.isPeakInherited == true })
        #expect(with.matchedRunCount == without.matchedRunCount + 1)
    }

    @Test("an inherited peak is no figure of a group: no maximum, quantile, sum or count of runs")
    func inheritedInGroups() throws {
        var fleet = SampleFleet()
        fleet.addHost("h")
        fleet.addRun(SampleFleet.Sample(pid: 1, program: "x", peakMebibytes: 10))
        fleet.addRun(
            SampleFleet.Sample(pid: 2, program: "x", peakMebibytes: 900, inheritedMebibytes: 900))
        for grouping in ReportQuery.Grouping.allCases {
            let result = result(fleet) { $0.grouping = grouping }
            let row = try #require(result.rows.first)
            #expect(result.rows.count == 1 && row.runs == 1, "\(grouping)")
            for bytes in [
                row.peak?.bytes, row.peakP95Bytes, row.peakMedianBytes, row.sumOfPeaksBytes,
            ] {
                #expect(bytes == 10 << 20, "\(grouping)")
            }
            let all = self.result(fleet) { ($0.grouping, $0.includesInherited) = (grouping, true) }
            #expect(all.rows.first?.peak?.bytes == 900 << 20, "\(grouping)")
        }
    }

    @Test("who was killed for want of memory is known, known not to be, or not known")
    func outOfMemoryKills() {
        var sample = SampleFleet.Sample(pid: 1, program: "x", peakMebibytes: 1)
        func wasKilled(isKillSeen: Bool) -> Bool? {
            HostID("h").flatMap {
                ReportedRun(
                    host: $0, hostName: "h", labels: [], boot: SampleFleet.boot,
                    record: SampleFleet.record(sample)
                ).wasOutOfMemoryKilled(isKillSeen: isKillSeen)
            }
        }
        #expect(wasKilled(isKillSeen: true) == false)
        #expect(wasKilled(isKillSeen: false) == nil)
        sample.endedAgo = 1
        sample.exitSignal = 9
        #expect(wasKilled(isKillSeen: true) == false)
        #expect(wasKilled(isKillSeen: false) == nil)
        sample.flags = .killedForMemory
        #expect(wasKilled(isKillSeen: false) == true)
        (sample.flags, sample.exitSignal, sample.exitCode) = ([], nil, 0)
        #expect(wasKilled(isKillSeen: false) == false, "who exits was not killed")
    }

    @Test("a peak that its program may have told of is told and a lower bound, while it lives, too")
    func told() throws {
        func fleet(_ source: PeakSource, _ flags: RunFlags) -> SampleFleet {
            var fleet = SampleFleet()
            fleet.addHost("web-01")
            var sample = SampleFleet.Sample(pid: 1, program: "train.py", peakMebibytes: 3_000)
            (sample.source, sample.flags) = (source, flags)
            fleet.addRun(sample)
            return fleet
        }
        let told = fleet(.hwm, .markReset)
        for grouping in [ReportQuery.Grouping.run, .program, .host] {
            let row = try #require(result(told) { $0.grouping = grouping }.rows.first)
            #expect(row.isPeakTold && row.isPeakLowerBound == true && row.liveRuns == 1)
        }
        let json = "\"peak_source\":\"told\""
        let report = ReportView(result(told))
        #expect(report.json.contains(json) && report.csv.contains(",told,"))
        let table = report.text(style: TextStyle())
        #expect(table.contains("2.93 GiBt") && table.contains("t told by the program itself"))
        let page = SamplePages.page(of: try #require(told.runs.first), in: told)
        #expect(page.json.contains(json))
        let text = page.text(style: TextStyle())
        #expect(text.contains(">= 2.93 GiB") && text.contains("what its program told of itself"))
        #expect(text.contains("what it told last may be lost"))
        // Of others nothing changes, and what looks or the exit's record say is theirs.
        for (source, flags) in [(PeakSource.hwm, RunFlags()), (.exit, .markReset)] {
            let row = try #require(result(fleet(source, flags)).rows.first)
            #expect(!row.isPeakTold && row.isPeakLowerBound == flags.contains(.markReset))
        }
    }

    @Test("a peak is a lower bound unless the kernel has the last word")
    func lowerBounds() {
        var sample = SampleFleet.Sample(pid: 1, program: "x", peakMebibytes: 1)
        func isLowerBound(isHostGone: Bool = false) -> Bool? {
            guard let host = HostID("h") else { return nil }
            return ReportedRun(
                host: host, hostName: "h", labels: [], boot: BootID(high: 0, low: 0),
                record: SampleFleet.record(sample)
            ).isPeakLowerBound(isHostGone: isHostGone)
        }
        for (source, live, ended) in [
            (PeakSource.sampled, true, true), (.hwm, false, true), (.cgroup, false, true),
            (.exit, false, false),
        ] {
            sample.source = source
            sample.endedAgo = nil
            #expect(isLowerBound() == live)
            sample.endedAgo = 1
            #expect(isLowerBound() == ended)
            sample.flags = .peakIsFinal
            #expect(isLowerBound() == false, "the record of the exit confirms it")
            sample.flags = []
        }
        sample.source = .hwm
        sample.endedAgo = nil
        #expect(isLowerBound(isHostGone: true) == true)
    }

    @Test("filters and the range choose runs")
    func filters() {
        #expect(result { $0.host = Glob("web-*") }.rows.count == 3)
        #expect(result { $0.host = Glob("web-*") }.coverage.hostCount == 2)
        #expect(result { $0.user = Glob("mei") }.rows.count == 3)
        #expect(result { $0.program = Glob("python3 train*") }.rows.count == 2)
        #expect(result { $0.minimumPeakBytes = 40 << 30 }.rows.count == 3)
        let early = result { $0.untilMilliseconds = now - 900_000_000 }
        #expect(Set(early.rows.compactMap(\.pid)) == [811, 1_402, 900, 77])
        let late = result { $0.sinceMilliseconds = now - 8_000_000 }
        #expect(!late.rows.contains { $0.pid == 20_114 })
        #expect(late.coverage.notes.count == 2)
    }

    @Test("a user without a name goes by number")
    func userNumbers() throws {
        var fleet = SampleFleet()
        fleet.addHost("h")
        fleet.addRun(SampleFleet.Sample(pid: 1, program: "x", peakMebibytes: 1))
        fleet.runs[0].record.description.user = nil
        fleet.runs[0].record.description.userID = 1_004
        #expect(result(fleet) { $0.user = Glob("1004") }.rows.first?.user == "1004")
        fleet.runs[0].record.description.userID = nil
        #expect(result(fleet) { $0.user = Glob("*") }.rows.isEmpty)
        #expect(result(fleet).rows.first?.user == nil)
    }

    @Test("rows stand in the order asked for, whatever order the runs came in")
    func orders() {
        let fleet = SampleFleet.usual()
        var shuffled = fleet
        var generator = SeededGenerator(seed: 11)
        shuffled.runs.shuffle(using: &generator)
        for order in ReportQuery.Order.allCases {
            for grouping in ReportQuery.Grouping.allCases {
                let rows = result(fleet) {
                    ($0.order, $0.grouping) = (order, grouping)
                }.rows
                let again = result(shuffled) {
                    ($0.order, $0.grouping) = (order, grouping)
                }.rows
                #expect(rows == again, "\(order) \(grouping)")
            }
        }
        #expect(result { $0.order = .last }.rows.first?.pid == 31_337)
        #expect(result { $0.order = .cpu }.rows.first?.pid == 811)
        #expect(result { $0.order = .host }.rows.first?.hostName == "db-01")
        let byRuns = result { ($0.order, $0.grouping) = (.runs, .user) }.rows
        #expect(byRuns.map(\.runs).prefix(3) == [2_400, 12, 3])
    }

    @Test("only as many rows as asked for are made, and the rest are counted")
    func top() {
        let result = result { $0.top = 3 }
        #expect(result.rows.count == 3)
        #expect(result.matchedRowCount == 8)
        #expect(result.coverage.hiddenRowCount == 5)
    }

    @Test("a run of which nothing was measured stands last, with nothing invented")
    func unmeasured() throws {
        var fleet = SampleFleet.usual()
        fleet.runs[0].record.peak = nil
        let row = try #require(result(fleet).rows.last)
        #expect(row.pid == 811)
        #expect(row.peak == nil)
        #expect(row.isPeakLowerBound == nil)
        #expect(row.peakP95Bytes == nil)
        #expect(row.sumOfPeaksBytes == nil)
    }

    @Test("quantiles are values of the runs themselves by nearest rank")
    func quantiles() throws {
        var fleet = SampleFleet()
        fleet.addHost("h")
        for peak in 1...40 {
            fleet.addRun(
                SampleFleet.Sample(pid: Int32(peak), program: "x", peakMebibytes: UInt64(peak)))
        }
        let row = try #require(result(fleet) { $0.grouping = .program }.rows.first)
        #expect(row.peakP95Bytes == 38 << 20)
        #expect(row.peakMedianBytes == 20 << 20)
    }

    @Test("figures and times at the ends of their range do not stop a report")
    func extremes() {
        var fleet = SampleFleet()
        fleet.addHost("h", memoryGibibytes: 0)
        for (index, time) in [Int64.min, .max, 0, -1].enumerated() {
            fleet.addRun(SampleFleet.Sample(pid: Int32(index), program: "x", peakMebibytes: 0))
            var record = fleet.runs[index].record
            record.description.startedAtMilliseconds = time
            record.peak = Peak(
                bytes: .max,
                bracket: TimeBracket(notBeforeMilliseconds: .min, notAfterMilliseconds: time),
                source: .hwm)
            record.processorMilliseconds = .max
            record.swapPeakBytes = .max
            record.current = CurrentUse(residentBytes: .max, swapBytes: .max, atMilliseconds: time)
            fleet.runs[index].record = record
        }
        fleet.hosts[0].lastHeardAtMilliseconds = .min
        fleet.hosts[0].counters = [.vanished: .max]
        fleet.hosts[0].description.memoryTotalBytes = .max
        fleet.addHost("i", counters: [.vanished: .max])
        for (name, view) in EveryView.of(fleet) {
            #expect(!view.text(style: TextStyle(width: 80)).isEmpty, "\(name)")
            #expect(!view.text(style: TextStyle()).isEmpty, "\(name)")
            #expect(!view.json.isEmpty && !view.csv.isEmpty, "\(name)")
        }
    }

    @Test("a host is late or gone after a silence that is long for its interval")
    func hostStates() {
        #expect(HostState(silenceMilliseconds: 15_000) == .up)
        #expect(HostState(silenceMilliseconds: 15_001) == .late)
        #expect(HostState(silenceMilliseconds: 300_001) == .gone)
        #expect(HostState(silenceMilliseconds: 150_000, intervalMilliseconds: 60_000) == .up)
        #expect(HostState(silenceMilliseconds: -5_000) == .up)
    }

    @Test("where every row has too few runs, that is the reason and not what was inherited")
    func tooFewRuns() {
        var fleet = SampleFleet()
        fleet.addHost("a")
        fleet.addRun(SampleFleet.Sample(pid: 1, program: "x", peakMebibytes: 10))
        fleet.addRun(
            SampleFleet.Sample(pid: 2, program: "x", peakMebibytes: 10, inheritedMebibytes: 10))
        func sentence(_ change: (inout ReportQuery) -> Void) -> String {
            var query = ReportQuery()
            query.grouping = .program
            change(&query)
            return EveryView.report(of: fleet, query).text(style: TextStyle())
        }
        #expect(sentence { $0.minimumRuns = 9_999 }.contains("No run matches; loosen min_runs"))
        fleet.runs.removeFirst()
        #expect(sentence { $0.program = Glob("x") }.contains("those that only inherited"))
    }
}
