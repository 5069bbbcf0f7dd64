import MemoryModel
import Report
import Testing

@Suite("What a check for monitoring says")
struct CheckTests {
    private func query(_ pairs: [(String, String)]) throws -> CheckQuery {
        try CheckQuery(
            pairs: pairs.map { QueryPair($0.0, $0.1) }, nowMilliseconds: SampleFleet.now)
    }

    private func result(
        _ pairs: [(String, String)], _ fleet: SampleFleet, problems: [String] = [],
        windows: [Int32: RangedWindow] = [:]
    ) throws -> CheckResult {
        let query = try query(pairs)
        return CheckResult(
            query, hosts: fleet.hosts,
            largest: fleet.runs.filter(query.runQuery(isAboveThreshold: false).matches)
                .compactMap { run in
                    query.judged(
                        run, window: windows[run.record.key.pid],
                        heardAtMilliseconds: fleet.hosts.first { $0.id == run.host }?
                            .lastHeardAtMilliseconds)
                }
                .max { $0.bytes < $1.bytes },
            problems: problems, nowMilliseconds: SampleFleet.now)
    }

    private func fleet() -> SampleFleet {
        var fleet = SampleFleet()
        fleet.addHost("db-1", availableMebibytes: 3_000)
        fleet.addHost("web-1", availableMebibytes: 20_000)
        fleet.addRun(
            SampleFleet.Sample(pid: 7, program: "postgres", peakMebibytes: 7_168, peakAgo: 60))
        return fleet
    }

    @Test("of hosts that share a name, the beginning of the id says which one is meant")
    func namesakes() throws {
        var fleet = SampleFleet()
        fleet.addHost("1111aaaa", name: "node", state: .gone, silence: 900_000)
        fleet.addRun(SampleFleet.Sample(pid: 7, program: "job", peakMebibytes: 7_168, peakAgo: 60))
        fleet.addHost("2222bbbb", name: "node", availableMebibytes: 3_000)
        let queries = [
            ([("missing_critical", "5m")], "node (1111) was last heard"),
            ([("peak_critical", "1G")], "pid 7 on node (1111))"),
            ([("used_critical", "50%")], "node (2222) uses"),
        ]
        for (pairs, words) in queries {
            let line = try result(pairs, fleet).line
            #expect(line.contains(words), "\(line)")
        }
    }

    @Test("a size is compared with the largest peak, an alarm going before a warning")
    func peaks() throws {
        let limits: [(String, String, CheckStatus)] = [
            ("8G", "9G", .ok), ("6G", "8G", .warning), ("5G", "6G", .critical),
        ]
        for (warning, critical, status) in limits {
            let result = try result(
                [("peak_warning", warning), ("peak_critical", critical)], fleet())
            #expect(result.status == status, "\(result.line)")
            #expect(result.line.contains("postgres, pid 7 on"))
            #expect(result.line.contains("| peak=7516192768B;"))
            #expect(result.line.hasPrefix("HIGHWATER \(status.word) - "))
        }
    }

    @Test("a host that is silent, but not for too long, is named and does not count as reporting")
    func silent() throws {
        var fleet = SampleFleet()
        fleet.addHost("db-1")
        #expect(try result([], fleet).line.contains("OK - 1 host reports |"))
        fleet.addHost("web-1", state: .late, silence: 42_000)
        fleet.addHost("web-2", state: .gone, silence: 250_000)
        let result = try result([], fleet)
        #expect(result.status == .ok)
        #expect(
            result.line.contains(
                "OK - 1 of 3 hosts report; web-2 was last heard 4m 10s ago (and 1 more) |"),
            "\(result.line)")
        fleet.hosts.removeFirst(2)
        #expect(try self.result([], fleet).line.contains("OK - web-2 was last heard 4m 10s ago |"))
    }

    @Test("a program that nothing ever ran is not well, and a name near to it is said")
    func unseen() throws {
        let query = try query([("program", "postgers"), ("user", "pg"), ("peak_critical", "8G")])
        var reason = EmptyReason()
        func line() -> CheckResult {
            CheckResult(
                query, hosts: fleet().hosts, largest: nil, unseen: UnseenNames(query, reason),
                nowMilliseconds: SampleFleet.now)
        }
        #expect(line().status == .unknown)
        #expect(
            line().line.contains(
                "no process that is kept matches --program \"postgers\" and --user \"pg\";"
                    + " memcollector report --by program shows which there are"))
        reason.nearest = "postgres"
        #expect(line().line.contains("did you mean postgres?"))
        let known = CheckResult(
            query, hosts: fleet().hosts, largest: nil, nowMilliseconds: SampleFleet.now)
        #expect(known.status == .ok)
    }

    @Test("a host of which only commands were told is missed by no kind of check")
    func commandsOnly() throws {
        var fleet = fleet()
        fleet.addHost("x", state: .gone, silence: 900_000, restrictions: .commandsOnly)
        for pairs in [[], [("missing_critical", "5m")], [("peak_critical", "8G")]] {
            let result = try result(pairs, fleet)
            #expect(result.status == .ok && !result.line.contains("not report"), "\(result.line)")
        }
        fleet.hosts.removeFirst(2)
        fleet.runs = []
        #expect(try result([("peak_critical", "8G")], fleet).status == .ok)
    }

    @Test("a peak from before the range is none of it")
    func oldPeak() throws {
        var fleet = fleet()
        fleet.addRun(
            SampleFleet.Sample(pid: 8, program: "old", peakMebibytes: 20_000, peakAgo: 7_300))
        let pairs = [("peak_critical", "8G")]
        #expect(try result(pairs, fleet).status == .ok)
        #expect(try result(pairs + [("since", "3h")], fleet).status == .critical)
    }

    @Test("a run that still holds more than the threshold counts, however long ago it peaked")
    func heldNow() throws {
        var fleet = fleet()
        fleet.addRun(
            SampleFleet.Sample(
                pid: 8, program: "old", residentMebibytes: 9_216, peakMebibytes: 20_000,
                peakAgo: 7_300))
        let pairs = [("peak_critical", "8G")]
        let result = try result(pairs, fleet)
        #expect(result.status == .critical)
        #expect(
            result.line.contains(
                "the most held in the range is 9 GiB, above 8 GiB (old, pid 8 on web-1)"))
        #expect(result.line.contains("| peak=9663676416B;;8589934592;0"))
        #expect(try self.result([("peak_critical", "9G")], fleet).status == .ok)
        // What a host held when it was last heard, before the range, is no word about the range.
        fleet.hosts[1].lastHeardAtMilliseconds = SampleFleet.now - 3_700_000
        #expect(try self.result(pairs, fleet).status == .ok)
    }

    @Test("a run whose windows in the range are above the threshold counts, ended or not")
    func heldInRange() throws {
        func window(_ mebibytes: UInt64, _ atMost: UInt64?) -> RangedWindow {
            RangedWindow(
                window: Window(
                    atLeastBytes: mebibytes << 20, atMostBytes: atMost.map { $0 << 20 }),
                startsAtMilliseconds: SampleFleet.now - 1_800_000, length: .minute)
        }
        for ended in [nil, 60] as [Int64?] {
            var fleet = fleet()
            fleet.addRun(
                SampleFleet.Sample(
                    pid: 8, program: "old", residentMebibytes: 10, peakMebibytes: 20_000,
                    peakAgo: 7_300, endedAgo: ended))
            let pairs = [("peak_critical", "8G")]
            #expect(try result(pairs, fleet, windows: [8: window(9_000, nil)]).status == .critical)
            #expect(try result(pairs, fleet, windows: [8: window(8_000, 20_000)]).status == .ok)
        }
    }

    @Test("memory in use and silence are judged by the worst host that matches")
    func hosts() throws {
        var fleet = fleet()
        #expect(try result([("used_critical", "90%")], fleet).status == .critical)
        #expect(try result([("used_warning", "90")], fleet).status == .warning)
        #expect(try result([("used_critical", "90%"), ("host", "web*")], fleet).status == .ok)
        #expect(try result([], fleet).status == .ok)
        fleet.addHost("away", state: .late, silence: 400_000)
        let missing = try result([], fleet)
        #expect(missing.status == .critical)
        #expect(missing.line.contains("away was last heard 6m 40s ago"))
        #expect(missing.line.contains("missing=1;;;0;3"))
        #expect(try result([("missing_critical", "10m")], fleet).status == .ok)
    }

    @Test("what nobody can tell is UNKNOWN, never OK")
    func unknown() throws {
        #expect(try result([], SampleFleet()).status == .unknown)
        let none = try result([("host", "nothing*")], fleet())
        #expect(none.status == .unknown && none.line.contains("no host matches 'nothing*'"))
        var gone = SampleFleet()
        gone.addHost("a", state: .gone, silence: 1_000_000)
        #expect(try result([("peak_critical", "1G")], gone).status == .unknown)
        #expect(try result([("used_critical", "90%")], gone).status == .unknown)
        #expect(try result([], fleet(), problems: ["The disk is full"]).status == .warning)
    }

    @Test("whatever names say, it is one line with one bar")
    func hostile() throws {
        for name in HostileNames.all + ["a|b=1;2", "|"] {
            var fleet = SampleFleet()
            fleet.addHost("h", name: name, availableMebibytes: 100)
            fleet.addRun(
                SampleFleet.Sample(pid: 1, program: name, peakMebibytes: 9_000, peakAgo: 1))
            let line = try result(
                [("peak_critical", "1G"), ("used_critical", "50%"), ("missing_critical", "1ms")],
                fleet
            ).line
            #expect(line.utf8.count { $0 == UInt8(ascii: "|") } == 1)
            #expect(line.utf8.count { $0 == 0x0A } == 1)
            #expect(line.utf8.allSatisfy { $0 >= 0x20 || $0 == 0x0A })
        }
    }

    @Test("thresholds that cannot be meant are refused")
    func refused() throws {
        for pairs in [
            [("peak_critical", "x")], [("used_critical", "120%")], [("used_warning", "0%")],
            [("peak_warning", "9G"), ("peak_critical", "8G")], [("program", "a")],
            [("missing_critical", "5")], [("top", "1")],
        ] {
            #expect(throws: QueryError.self, "\(pairs)") { try query(pairs) }
        }
    }
}
