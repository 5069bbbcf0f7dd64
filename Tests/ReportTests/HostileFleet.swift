import MemoryModel
import Report

/// Names that try to steer a terminal, a spreadsheet, a browser or a reader.
enum HostileNames {
    static let all: [RawText] = [
        "\u{1B}[2J\u{1B}]0;owned\u{07}", RawText([0x9B, 0x32, 0x4A]), "a\u{9B}31mred",
        "abc\u{202E}txt.exe", "\u{2066}x\u{2069}", "zero\u{200B}width\u{FEFF}", "line\nbreak\r",
        "sep\u{2028}\u{2029}", RawText([0xFF, 0xFE, 0x41, 0xC0, 0xAF, 0xED, 0xA0, 0x80]),
        "=cmd|' /C calc'!A0", "+1", "-bash", "@sum", "\tx", "<script>alert(1)</script>",
        RawText("e" + String(repeating: "\u{0301}", count: 2_048)), "\u{0301}alone",
        "データ処理サーバー本番環境用プログラム", "🦀🚀👨‍👩‍👧 family", "C:\\path\\u{41}\\x41\\",
        "comma, \"quoted\"", "", " ", "\u{7F}del", RawText([0x00, 0x01]), "\u{E000}\u{10FFFF}",
        "\u{3164}filler\u{00AD}", RawText(String(repeating: "very long ", count: 400)),
    ]

    /// A fleet in which everything that has a name has a hostile one.
    static func fleet(names: [RawText] = all) -> SampleFleet {
        var fleet = SampleFleet()
        for (index, name) in names.enumerated() {
            fleet.addHost(
                "h\(index)", name: name, state: HostState.allCases[index % 3],
                labels: [HostLabel(key: name, value: name)],
                restrictions: index % 2 == 0 ? [.hiddenProcesses] : [])
            fleet.addRun(
                SampleFleet.Sample(
                    pid: Int32(100 + index), program: name, user: name,
                    residentMebibytes: UInt64(index), peakMebibytes: UInt64(index * 3),
                    source: PeakSource.allCases[index % 4], cgroup: name, command: name))
            fleet.addFold(name, user: name, cgroup: name, peaksMebibytes: [1, UInt64(index)])
        }
        fleet.addHostileFacts()
        for index in fleet.hosts.indices {
            fleet.hosts[index].agentVersion = names[index]
            fleet.hosts[index].description.kernelRelease = names[index]
        }
        return fleet
    }
}

/// The views of a fleet, all of them.
enum EveryView {
    static func of(_ fleet: SampleFleet) -> [(name: String, view: any FleetView)] {
        let now = SampleFleet.now
        var store = StoreStatus(
            lastCommitAtMilliseconds: now - 1_000, sizeBytes: 12_412_000)
        store.parts = StoreParts(
            minutesBytes: 5_120_000, hoursBytes: 812_000, daysBytes: 96_000, runsBytes: 6_144_000,
            freeBytes: 40_960)
        var views: [(String, any FleetView)] = [
            (
                "summary",
                SummaryView(
                    hosts: fleet.hosts, runs: fleet.runs, store: store, nowMilliseconds: now,
                    gaps: fleet.gapSummary, folds: fleet.folds, hourly: fleet.totals)
            ),
            (
                "hosts",
                HostsView(
                    hosts: fleet.hosts, runs: fleet.runs, nowMilliseconds: now,
                    hourly: fleet.totals)
            ),
            (
                "ps",
                ProcessListView(
                    hosts: fleet.hosts, runs: fleet.runs, query: ReportQuery(),
                    nowMilliseconds: now)
            ),
        ]
        views += facts(of: fleet)
        for grouping in ReportQuery.Grouping.allCases + [.label("rack")] {
            var query = ReportQuery()
            query.grouping = grouping
            query.sinceMilliseconds = now - 86_400_000
            query.top = 6
            let name = grouping.word.prefix { $0 != ":" }
            views.append(("report-\(name)", report(of: fleet, query)))
        }
        return views + SamplePages.of(fleet)
    }

    private static func facts(of fleet: SampleFleet) -> [(String, any FleetView)] {
        let now = SampleFleet.now
        var query = RangeQuery()
        query.sinceMilliseconds = now - 86_400_000
        query.top = 6
        return [
            (
                "oom",
                KillsView(
                    hosts: fleet.hosts, kills: fleet.kills, query: query, gaps: fleet.gapSummary,
                    nowMilliseconds: now)
            ),
            (
                "cgroups",
                CgroupsView(
                    hosts: fleet.hosts, cgroups: fleet.cgroups, query: query,
                    gaps: fleet.gapSummary, nowMilliseconds: now)
            ),
            (
                "composition",
                CompositionView(
                    hosts: fleet.hosts,
                    selected: CompositionView.selected(
                        fleet.totals, hosts: fleet.hosts, query: query),
                    runs: Dictionary(
                        fleet.runs.map { ($0.key, $0.record) }, uniquingKeysWith: { $1 }),
                    query: query, gaps: fleet.gapSummary, nowMilliseconds: now)
            ),
        ]
    }

    static func report(of fleet: SampleFleet, _ query: ReportQuery) -> ReportView {
        ReportView(
            ReportBuilder(query: query, nowMilliseconds: SampleFleet.now)
                .result(
                    of: fleet.runs, folds: fleet.folds, hosts: fleet.hosts, totals: fleet.totals,
                    gaps: fleet.gapSummary))
    }
}
