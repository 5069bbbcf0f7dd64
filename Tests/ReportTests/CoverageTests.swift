import MemoryModel
import Testing

@testable import Report

@Suite("Coverage says what was missed, and only that")
struct CoverageTests {
    @Test("where nothing matches, only filters that were given are named")
    func loosened() {
        func text(_ change: (inout ReportQuery) -> Void) -> String {
            var query = ReportQuery()
            change(&query)
            var fleet = SampleFleet()
            fleet.addHost("a")
            return ProcessListView(
                hosts: fleet.hosts, runs: [], query: query, nowMilliseconds: SampleFleet.now
            ).text(style: TextStyle())
        }
        #expect(text { _ in }.contains("No living process is known yet."))
        #expect(
            text { $0.user = Glob("x") }.contains("No living process matches; loosen user."))
        let both = text {
            $0.program = Glob("x")
            $0.minimumPeakBytes = 1
        }
        #expect(both.contains("loosen program or min_peak."))
    }

    private let missedNote = "What lived and died between two samples is not included."

    private func gap(
        _ reason: GapReason, _ host: String = "a", from: Int64? = nil, to: Int64 = 0,
        missed: UInt64? = nil
    ) -> ReportedGap? {
        HostID(host).map {
            ReportedGap(
                host: $0,
                gap: Gap(
                    ordinal: 0, reason: reason,
                    bracket: from.map {
                        TimeBracket(notBeforeMilliseconds: $0, notAfterMilliseconds: to)
                    }, missedCount: missed))
        }
    }

    private func text(_ gaps: [ReportedGap?], since: Int64? = 0) -> String {
        var fleet = SampleFleet()
        fleet.addHost("a")
        fleet.addHost("b")
        let summary = GapSummary(
            gaps.compactMap { $0 }, sinceMilliseconds: since, untilMilliseconds: 100_000_000)
        var query = ReportQuery()
        query.sinceMilliseconds = since
        return ReportView(
            ReportBuilder(query: query, nowMilliseconds: SampleFleet.now)
                .result(of: [ReportedRun](), hosts: fleet.hosts, gaps: summary)
        ).text(style: TextStyle())
    }

    @Test("gaps of the range are summed in words, and unknown counts are not taken for none")
    func gaps() {
        #expect(!text([]).contains("lost"))
        #expect(text([gap(.exitRecordsLost, from: 1, missed: 1)]).contains("; 1 exit record lost."))
        let lost = text([
            gap(.exitRecordsLost, from: 1, missed: 5), gap(.exitRecordsLost, "b", missed: 9),
        ])
        #expect(lost.contains("; 14 exit records lost."))
        #expect(lost.contains(missedNote))
        #expect(
            text([gap(.exitRecordsLost, missed: 5), gap(.exitRecordsLost)])
                .contains("at least 5 exit records lost"))
        #expect(
            text([gap(.processEventsLost)]).contains("an unknown number of process events lost"))
        #expect(text([gap(.dropped, missed: 1)]).contains("1 run dropped for want of room"))
    }

    @Test("time without an agent counts within the range, and once for each host")
    func agentDown() {
        let hour: Int64 = 3_600_000
        let overlapping = text(
            [
                gap(.agentDown, from: -hour, to: hour), gap(.agentDown, from: 0, to: 2 * hour),
                gap(.agentDown, "b", from: 0, to: hour, missed: 3),
            ])
        #expect(overlapping.contains("; 3h 0m without an agent."))
        #expect(!text([gap(.agentDown, from: -hour, to: -1)]).contains("without an agent"))
        #expect(
            text([gap(.agentDown, from: -hour, to: 7_200_000, missed: 3)])
                .contains("2h 0m without an agent (at most 3 processes missed)"))
        #expect(text([gap(.agentDown)]).contains("an unknown time without an agent"))
        #expect(
            text([gap(.agentDown, from: .min, to: .max)], since: nil).contains("without an agent"))
    }

    @Test("hosts that share a name are told apart in words, and not in what programs read")
    func namesakes() {
        var fleet = SampleFleet()
        fleet.addHost("1111aaaa", name: "node", state: .gone)
        fleet.addHost("2222bbbb", name: "node", state: .late)
        let coverage = Coverage(hosts: fleet.hosts)
        let facts = coverage.facts(ascii: true)
        #expect(facts.contains("1 gone (node (1111))") && facts.contains("1 late (node (2222))"))
        #expect(coverage.goneHosts.names == ["node"])
    }

    @Test("hosts without exit records are named, and are no restricted view for that alone")
    func withoutExitRecords() {
        var fleet = SampleFleet()
        fleet.addHost("whole")
        #expect(Coverage(hosts: fleet.hosts).notes == [])
        fleet.addHost("b", restrictions: [.withoutExitRecords])
        fleet.addHost("a", restrictions: [.withoutExitRecords])
        fleet.addHost("hidden", restrictions: [.hiddenProcesses])
        let coverage = Coverage(hosts: fleet.hosts)
        #expect(coverage.withoutExitRecordsHosts.count == 2)
        #expect(coverage.withoutExitRecordsHosts.names == ["a", "b"])
        #expect(coverage.restrictedHosts.names == ["hidden"])
        #expect(coverage.notes == [missedNote])
        var health = SampleFleet.health(
            cpuSeconds: 1, residentMebibytes: 1, runs: 1, sources: .privileged)
        fleet.hosts[0].health = health
        #expect(Coverage(hosts: fleet.hosts).withoutExitRecordsHosts.count == 2)
        health.sources = .kernelLog
        fleet.hosts[0].health = health
        let without = Coverage(hosts: fleet.hosts).withoutExitRecordsHosts
        #expect(without.count == 3, "its agent says so")
        fleet.hosts[0].health = nil
        let view = HostsView(
            hosts: fleet.hosts, runs: [ReportedRun](), nowMilliseconds: SampleFleet.now)
        #expect(
            view.text(style: TextStyle()).contains(
                "2 hosts without exit records (a, b): what lived shorter than a sample is missed"
                    + " there"))
    }

    @Test("nobody waits for a host of which only commands were told, in any view")
    func commandsOnly() throws {
        var fleet = SampleFleet()
        for host in ["a", "b"] { fleet.addHost(host) }
        fleet.addHost("x", state: .gone, silence: 900_000, restrictions: .commandsOnly)
        let coverage = Coverage(hosts: fleet.hosts)
        #expect(coverage.hostCount == 3 && coverage.awaitedHostCount == 2)
        let facts = coverage.facts(ascii: true)
        #expect(facts[0] == "all 2 hosts with an agent report")
        #expect(facts[1] == "1 restricted view (x)")
        #expect(coverage.json.document().contains("\"hosts_gone\":0,"))
        #expect(coverage.json.document().contains("\"hosts_without_agent\":1"))
        let summary = SummaryView(
            hosts: fleet.hosts, runs: [],
            store: StoreStatus(lastCommitAtMilliseconds: nil, sizeBytes: nil),
            nowMilliseconds: SampleFleet.now
        ).text(style: TextStyle())
        #expect(summary.contains("2 up, 1 with commands only"))
        #expect(summary.contains("commands  15m") && !summary.contains("gone"))
        #expect(Coverage(hosts: [fleet.hosts[2]]).facts(ascii: true)[0] == "no host has an agent")
        fleet.hosts[1].state = .late
        #expect(
            Coverage(hosts: fleet.hosts).facts(ascii: true)[0]
                == "1 of 2 hosts with an agent reports")
        let metrics = FleetMetrics(
            hosts: fleet.hosts.map {
                FleetMetrics.Host(host: $0, usedPeakBytes: nil, processCount: 0, gaps: [:])
            }, programs: [:], top: 0, collector: CollectorFigures()
        ).text(as: .prometheus)
        #expect(metrics.contains("highwater_hosts{state=\"gone\"} 0"))
        #expect(!metrics.contains("highwater_host_up{host=\"x\""))
    }

    @Test("a summary names the log of the store apart, and what is not known yet by a dash")
    func storeSizes() throws {
        var store = StoreStatus(lastCommitAtMilliseconds: nil, sizeBytes: 64 << 20)
        store.logBytes = 60 << 20
        store.parts = StoreParts(
            minutesBytes: 0, hoursBytes: 0, daysBytes: 0, runsBytes: 3 << 20, freeBytes: 1 << 20)
        let view = SummaryView(
            hosts: [], runs: [], store: store, nowMilliseconds: SampleFleet.now)
        let text = view.text(style: TextStyle())
        #expect(text.contains("4 MiB on disk (1 MiB of it free), 60 MiB of write-ahead log"))
        #expect(text.contains("minutes -, hours -, days -, runs 3 MiB"))
        #expect(view.json.contains("\"store_size_bytes\":\(64 << 20)"))
        #expect(view.json.contains("\"store_log_bytes\":\(60 << 20)"))
    }

    @Test("an agent is over its budget only by more than its runs allow, once it ran a minute")
    func budget() {
        func summary(_ change: (inout AgentHealth) -> Void) -> String {
            var health = SampleFleet.health(
                cpuSeconds: 860, residentMebibytes: 14, runs: 300, sources: [])
            change(&health)
            var fleet = SampleFleet()
            fleet.addHost("a", health: health)
            return SummaryView(
                hosts: fleet.hosts, runs: [],
                store: StoreStatus(lastCommitAtMilliseconds: nil, sizeBytes: nil),
                nowMilliseconds: SampleFleet.now
            ).text(style: TextStyle())
        }
        let warning = "1 uses more than its share of a processor (a)"
        #expect(!summary { _ in }.contains("Agents"))
        #expect(summary { $0.processorMilliseconds = 870_000 }.contains(warning))
        #expect(
            !summary {
                $0.processorMilliseconds = 870_000
                $0.runCount = 700
            }.contains("Agents"))
        #expect(
            !summary {
                $0.startedAtMilliseconds = $0.atMilliseconds - 59_000
                $0.processorMilliseconds = 30_000
            }.contains("Agents"))
        #expect(
            summary { $0.intervalMilliseconds = 1_500 }.contains("1 looks less often than asked"))
    }
}
