import MemoryModel
import Report
import Testing

@Suite("Views look as they should")
struct ViewSnapshotTests {
    private static let styles: [(String, TextStyle)] = [
        ("80", TextStyle(width: 80, utcOffsetSeconds: 3_600)),
        ("120", TextStyle(width: 120, utcOffsetSeconds: 3_600)),
        ("pipe", TextStyle()),
        ("ascii-60", TextStyle(width: 60, unicode: false)),
        ("colour-100", TextStyle(width: 100, colour: true, utcOffsetSeconds: -34_200)),
    ]

    private static let store = StoreStatus(
        lastCommitAtMilliseconds: SampleFleet.now - 1_000, sizeBytes: 12_412_000)

    private static func views(of fleet: SampleFleet) -> [(String, any FleetView)] {
        let now = SampleFleet.now
        var views: [(String, any FleetView)] = [
            (
                "summary",
                SummaryView(
                    hosts: fleet.hosts, runs: fleet.runs, store: store, nowMilliseconds: now)
            ),
            ("hosts", HostsView(hosts: fleet.hosts, runs: fleet.runs, nowMilliseconds: now)),
            (
                "ps",
                ProcessListView(
                    hosts: fleet.hosts, runs: fleet.runs, query: ReportQuery(),
                    nowMilliseconds: now)
            ),
        ]
        for grouping in ReportQuery.Grouping.allCases {
            var query = ReportQuery()
            query.grouping = grouping
            query.sinceMilliseconds = now - 86_400_000
            query.top = 6
            let result = ReportBuilder(query: query, nowMilliseconds: now)
                .result(of: fleet.runs, hosts: fleet.hosts)
            views.append(("report-\(grouping.rawValue)", ReportView(result)))
        }
        return views
    }

    @Test("each view of a usual fleet is the kept text at every width")
    func usualFleet() throws {
        for (name, view) in ViewSnapshotTests.views(of: .usual()) {
            for (styleName, style) in ViewSnapshotTests.styles {
                try Snapshot.expect(view.text(style: style), is: "\(name)-\(styleName).txt")
            }
            try Snapshot.expect(view.json, is: "\(name).json")
            try Snapshot.expect(view.csv, is: "\(name).csv")
        }
    }
}
