import MemoryModel
import Testing

@testable import Report

@Suite("Views look as they should")
struct ViewSnapshotTests {
    private static let styles: [(String, TextStyle)] = [
        ("80", TextStyle(width: 80, utcOffsetSeconds: 3_600)),
        ("120", TextStyle(width: 120, utcOffsetSeconds: 3_600)),
        ("200", TextStyle(width: 200, utcOffsetSeconds: 3_600)),
        ("pipe", TextStyle()),
    ]

    @Test("each view of a usual fleet is the kept text at each width, and the kept JSON and CSV")
    func usualFleet() throws {
        for (name, view) in EveryView.of(.usual()) {
            for (styleName, style) in ViewSnapshotTests.styles {
                try Snapshot.expect(view.text(style: style), is: "\(name)-\(styleName).txt")
            }
            try Snapshot.expect(view.json, is: "\(name).json")
            try Snapshot.expect(view.csv, is: "\(name).csv")
        }
    }

    @Test("colours mark what matters, and a terminal without UTF-8 gets ASCII")
    func otherTerminals() throws {
        let colour = TextStyle(width: 100, colour: true, utcOffsetSeconds: -34_200)
        let ascii = TextStyle(width: 60, unicode: false)
        let chosen = ["summary", "report-run", "show-run", "show-host", "show-program"]
        for (name, view) in EveryView.of(.usual()) where chosen.contains(name) {
            try Snapshot.expect(view.text(style: colour), is: "\(name)-colour-100.txt")
            let plain = view.text(style: ascii)
            #expect(plain.utf8.allSatisfy { $0 < 0x80 })
            try Snapshot.expect(plain, is: "\(name)-ascii-60.txt")
        }
    }

    @Test("an empty fleet gets one sentence that helps in each view")
    func emptyFleet() throws {
        var texts = ""
        for (name, view) in EveryView.of(SampleFleet()) {
            let text = view.text(style: TextStyle(width: 80))
            #expect(text.contains("memagent --collector HOST:7000"), "\(name)")
            texts += "== \(name)\n\(text)"
        }
        var query = ReportQuery()
        query.program = Glob("none-such")
        texts += "== no match\n"
        texts += EveryView.report(of: .usual(), query).text(style: TextStyle(width: 80))
        try Snapshot.expect(texts, is: "empty.txt")
    }

    @Test("hosts whose clock is far ahead are named in each view, few of them and many")
    func suspectClocks() throws {
        var texts = ""
        for count in [1, 5] {
            var fleet = SampleFleet()
            for index in 1...6 {
                fleet.addHost("node-\(index)")
                fleet.hosts[index - 1].isClockSuspect = index <= count
            }
            for (name, view) in EveryView.of(fleet) where ["hosts", "report-run"].contains(name) {
                texts += "== \(name)\n\(view.text(style: TextStyle(width: 80)))"
            }
            let coverage = Coverage(hosts: fleet.hosts)
            #expect(coverage.suspectClockHosts.count == count)
        }
        try Snapshot.expect(texts, is: "suspect-clocks-80.txt")
    }

    @Test("from 100 columns on, hosts show what their agents cost")
    func agentColumn() {
        let fleet = SampleFleet.usual()
        let view = HostsView(
            hosts: fleet.hosts, runs: fleet.runs, nowMilliseconds: SampleFleet.now)
        for style in [TextStyle(width: 100), TextStyle(width: 140), TextStyle()] {
            #expect(view.text(style: style).contains("0.7 %, 14 MiB"))
        }
        let without = HostsView(
            hosts: SampleFleet.withoutFacts().hosts, runs: fleet.runs,
            nowMilliseconds: SampleFleet.now)
        #expect(!without.text(style: TextStyle()).contains("AGENT"))
    }

    @Test("a narrow terminal shows a program's name and not the folders that it is in")
    func narrowCommands() {
        var fleet = SampleFleet()
        fleet.addHost("a")
        fleet.addRun(
            SampleFleet.Sample(
                pid: 7, program: "swift-build", residentMebibytes: 1, peakMebibytes: 2,
                command: "/opt/swift/usr/bin/swift-build --jobs /tmp/x"))
        let view = ProcessListView(
            hosts: fleet.hosts, runs: fleet.runs, query: ReportQuery(),
            nowMilliseconds: SampleFleet.now)
        #expect(view.text(style: TextStyle(width: 80)).contains("swift-build"))
        #expect(!view.text(style: TextStyle(width: 80)).contains("/opt"))
        #expect(view.text(style: TextStyle(width: 160)).contains("/opt/swift/usr/bin/swift-build"))
        for command in ["/", "/ x", "/a/ b", "a/b", ""] as [RawText] {
            #expect(CommandWords.withoutFolders(command) == command)
        }
        #expect(CommandWords.withoutFolders("/a/b /c/d") == "b /c/d")
    }

    @Test("what nobody tells of has no column, in a pipe either")
    func emptyColumns() {
        let fleet = SampleFleet.withoutFacts()
        for (name, view) in EveryView.of(fleet) {
            let text = view.text(style: TextStyle())
            for title in ["PEAK OF SUM", "HOST USED", "PSS", "STORE"] {
                #expect(!text.contains(title), "\(name)")
            }
        }
    }

    @Test("one host alone is spoken of in the singular")
    func oneHost() throws {
        var fleet = SampleFleet()
        fleet.addHost("laptop", memoryGibibytes: 16, availableMebibytes: 1_100)
        fleet.addRun(
            SampleFleet.Sample(
                pid: 4, program: "firefox", user: "ana", residentMebibytes: 3_100,
                peakMebibytes: 4_000))
        let texts = EveryView.of(fleet).map { $0.view.text(style: TextStyle(width: 80)) }
        #expect(texts.allSatisfy { $0.contains("1 host reports") })
        try Snapshot.expect(texts.joined(separator: "\n"), is: "one-host-80.txt")
    }

    @Test("a summary of two hundred hosts stays one page and names those that do not report")
    func manyHosts() throws {
        var fleet = SampleFleet()
        for index in 1...200 {
            fleet.addHost(
                "node-\(index)", state: index % 50 == 0 ? .gone : index % 70 == 0 ? .late : .up,
                silence: index % 50 == 0 ? 400_000 : 60_000)
            for process in 1...12 {
                fleet.addRun(
                    SampleFleet.Sample(
                        pid: Int32(process), program: RawText("service-\(process)"),
                        residentMebibytes: UInt64(index), peakMebibytes: UInt64(index * process)))
            }
        }
        let summary = SummaryView(
            hosts: fleet.hosts, runs: fleet.runs,
            store: StoreStatus(
                lastCommitAtMilliseconds: nil, sizeBytes: nil,
                problems: ["disk full since 14:01"]),
            nowMilliseconds: SampleFleet.now)
        let text = summary.text(style: TextStyle(width: 80))
        #expect(text.split(separator: "\n", omittingEmptySubsequences: false).count <= 45)
        try Snapshot.expect(text, is: "summary-many-80.txt")
    }

    @Test("wide and hostile names keep their place in the tables")
    func hostileNames() throws {
        for (name, view) in EveryView.of(HostileNames.fleet())
        where ["hosts", "ps", "report-program", "oom", "cgroups", "composition"].contains(name) {
            try Snapshot.expect(
                view.text(style: TextStyle(width: 80)), is: "hostile-\(name)-80.txt")
        }
    }
}
