import Foundation
import MemoryModel
import Report
import Testing

@Suite("Kills, cgroups and compositions")
struct RangeViewTests {
    private let now = SampleFleet.now

    private func kills(
        _ fleet: SampleFleet = .usual(), _ change: (inout RangeQuery) -> Void = { _ in }
    ) -> KillsView {
        var query = RangeQuery()
        change(&query)
        return KillsView(
            hosts: fleet.hosts, kills: fleet.kills.reversed(), query: query, gaps: nil,
            nowMilliseconds: now)
    }

    private func cgroups(
        _ fleet: SampleFleet = .usual(), _ change: (inout RangeQuery) -> Void = { _ in }
    ) -> CgroupsView {
        var query = RangeQuery()
        change(&query)
        return CgroupsView(
            hosts: fleet.hosts, cgroups: fleet.cgroups, query: query, gaps: nil,
            nowMilliseconds: now)
    }

    private func composition(
        _ fleet: SampleFleet = .usual(), _ change: (inout RangeQuery) -> Void = { _ in }
    ) -> CompositionView {
        var query = RangeQuery()
        change(&query)
        return CompositionView(
            hosts: fleet.hosts,
            selected: CompositionView.selected(fleet.totals, hosts: fleet.hosts, query: query),
            runs: Dictionary(fleet.runs.map { ($0.key, $0.record) }, uniquingKeysWith: { $1 }),
            query: query, gaps: nil, nowMilliseconds: now)
    }

    private func rows(_ json: String) throws -> [[String: Any]] {
        let object = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
        return try #require(object?["rows"] as? [[String: Any]])
    }

    @Test("the latest kill stands first, one of an unknown time last, and filters choose")
    func killOrder() {
        #expect(kills().rows.map { $0.kill.pid } == [30_902, 4_411, nil])
        #expect(kills { $0.program = Glob("python3 train*") }.rows.count == 1)
        #expect(kills { $0.program = Glob("node") }.rows.count == 1, "by the kernel's name")
        #expect(kills { $0.user = Glob("mei") }.rows.count == 1)
        #expect(kills { $0.host = Glob("web-*") }.rows.count == 1)
        // A kill whose time is not known may be in the range.
        #expect(kills { $0.sinceMilliseconds = now - 10_000_000 }.rows.count == 2)
        #expect(kills { $0.untilMilliseconds = now - 10_000_000 }.rows.count == 2)
        let top = kills { $0.top = 1 }
        #expect(top.rows.count == 1 && top.coverage.hiddenRowCount == 2)
    }

    @Test("each kill has every documented key, null where nobody knows")
    func killKeys() throws {
        let documented: Set = [
            "killed_at", "host", "host_id", "boot_id", "run_id", "pid", "program", "comm", "user",
            "cgroup", "last_peak_rss_bytes", "final_peak_rss_bytes", "held_bytes", "limit_bytes",
            "limit_owner", "limit_cgroup", "evidence",
        ]
        let rows = try rows(kills().json)
        #expect(rows.allSatisfy { Set($0.keys) == documented })
        let train = rows[0]
        #expect(train["program"] as? String == "python3 train.py")
        #expect(train["final_peak_rss_bytes"] as? Int == 62_980 << 20)
        #expect(train["last_peak_rss_bytes"] as? Int == 62_400 << 20)
        #expect(train["limit_owner"] as? String == "host")
        #expect(train["evidence"] as? [String] == ["kernel_log", "exit_record"])
        #expect(rows[1]["program"] is NSNull && rows[1]["comm"] as? String == "node")
        #expect((rows[1]["limit_cgroup"] as? String)?.utf8.count == 91)
        #expect(rows[2]["killed_at"] is NSNull && rows[2]["pid"] is NSNull)
        let text = kills().text(style: TextStyle(width: 120))
        #expect(text.contains(" docker-0123456789ab "))
        #expect(text.contains("unknown"))
    }

    @Test("that nobody was killed is said with a word on the hosts that could not tell")
    func noKills() {
        var fleet = SampleFleet()
        fleet.addHost(
            "sees",
            health: SampleFleet.health(
                cpuSeconds: 1, residentMebibytes: 1, runs: 1, sources: .privileged))
        let sure = kills(fleet).text(style: TextStyle())
        #expect(sure.contains("No process is known to have been killed for want of memory.\n"))
        #expect(!sure.contains("cannot see"))
        fleet.addHost("blind")
        let unsure = kills(fleet).text(style: TextStyle())
        #expect(unsure.contains("but 1 host could not tell"))
        #expect(unsure.contains("1 host cannot see such kills (blind)"))
        #expect(
            kills(fleet) { $0.host = Glob("x") }.text(style: TextStyle())
                .contains("No host matches"))
    }

    @Test("cgroups stand by size, those at their limit are marked, and page cache is told apart")
    func cgroupRows() throws {
        let view = cgroups()
        #expect(
            view.rows.map { ($0.record.peak?.bytes ?? 0) >> 20 } == [91_004, 63_400, 5_300, 512, 0])
        let lines = view.text(style: TextStyle(width: 120)).split(separator: "\n")
        #expect(lines.filter { $0.contains(" at limit ") }.count == 1)
        let rows = try rows(view.json)
        #expect(rows[0]["peak_page_cache_bytes"] as? Int == 80_112 << 20)
        #expect(rows[0]["peak_anonymous_bytes"] as? Int == 9_010 << 20)
        #expect(rows[0]["peak_is_at_limit"] as? Bool == false)
        #expect(rows[3]["peak_is_at_limit"] as? Bool == true)
        #expect(rows[3]["oom_kills"] as? Int == 3)
        #expect(rows[4]["peak_is_at_limit"] is NSNull && rows[4]["peak_bytes"] is NSNull)
        #expect(rows[2]["peak_source"] as? String == "sampled")
        #expect(cgroups { $0.cgroup = Glob("*docker*") }.rows.count == 1)
        #expect(cgroups { $0.cgroup = Glob("session-12.scope") }.rows.count == 1, "by its unit")
        #expect(cgroups { $0.cgroup = Glob("0123*") }.rows.count == 1, "by its container")
        #expect(cgroups { $0.minimumPeakBytes = 1 << 30 }.rows.count == 3)
        var fleet = SampleFleet()
        fleet.addHost("old")
        #expect(cgroups(fleet).text(style: TextStyle()).contains("mount cgroup v2"))
    }

    @Test("a composition is of the largest moment in the range, with runs that are gone, too")
    func compositionRows() throws {
        let view = composition()
        #expect(view.rows.map { $0.host.id.text } == ["ml-worker-07", "db-01", "web-01"])
        #expect(view.rows[0].total.peak.bytes == 65_011 << 20)
        #expect(view.rows[0].shares.last?.run == nil)
        let late = composition { $0.sinceMilliseconds = now - 1_000_000 }
        #expect(late.rows.first?.total.peak.bytes == 40_001 << 20)
        #expect(late.rows.count == 1)
        // Its hour overlaps the range, its moment does not: better than nothing, and said.
        let after = composition { $0.sinceMilliseconds = now - 399_000 }
        #expect(after.rows.first?.isInRange == false)
        #expect(after.text(style: TextStyle()).contains("perhaps outside the range"))
        let rows = try rows(view.json)
        let runs = try #require(rows[0]["runs"] as? [[String: Any]])
        #expect(runs.count == 4)
        #expect(runs[0]["program"] as? String == "python3 train.py")
        #expect(runs[3]["program"] is NSNull && runs[3]["run_id"] is String)
        #expect(rows[0]["percent_of_total"] as? Double == 99.2)
        let table = try #require(CSVReader.parse(view.csv))
        #expect(table.count == 1 + 4 + 4 + 3)
        #expect(composition { $0.top = 1 }.coverage.hiddenRowCount == 2)
        var fleet = SampleFleet()
        fleet.addHost("new")
        #expect(
            composition(fleet).text(style: TextStyle()).contains("No host has said what its"))
    }

    @Test("a query takes the keys of its view and names the others")
    func queries() throws {
        func query(_ pairs: [(String, String)], _ keys: [String]) throws -> RangeQuery {
            try RangeQuery(
                pairs: pairs.map { QueryPair($0, $1) }, keys: keys, nowMilliseconds: now)
        }
        let kills = try query(
            [("since", "1h"), ("host", "a*"), ("program", "b"), ("user", "c"), ("top", "3")],
            RangeQuery.killKeys)
        #expect(kills.sinceMilliseconds == now - 3_600_000)
        #expect(kills.top == 3 && kills.user == Glob("c") && kills.program == Glob("b"))
        let cgroups = try query([("cgroup", "x"), ("min_peak", "1M")], RangeQuery.cgroupKeys)
        #expect(cgroups.cgroup == Glob("x") && cgroups.minimumPeakBytes == 1 << 20)
        for (key, value, keys) in [
            ("cgroup", "x", RangeQuery.killKeys), ("user", "x", RangeQuery.compositionKeys),
            ("top", "0", RangeQuery.cgroupKeys), ("until", "x", RangeQuery.compositionKeys),
        ] {
            let error = #expect(throws: QueryError.self) { try query([(key, value)], keys) }
            #expect(error?.key == key)
        }
        let backwards = #expect(throws: QueryError.self) {
            try query([("since", "1h"), ("until", "2h")], RangeQuery.killKeys)
        }
        #expect(backwards?.key == "until")
    }
}
