import Foundation
import MemoryModel
import Testing

@testable import Report

@Suite("Pages about one subject")
struct SubjectPageTests {
    private func object(_ view: any FleetView) throws -> [String: Any] {
        try #require(
            try JSONSerialization.jsonObject(with: Data(view.json.utf8)) as? [String: Any])
    }

    @Test("at 200 columns and of what lives, of what is folded and of a host that is gone")
    func otherPages() throws {
        let fleet = SampleFleet.usual()
        let wide = TextStyle(width: 200, utcOffsetSeconds: 3_600)
        var texts = ""
        for (name, view) in SamplePages.of(fleet) {
            texts += "== \(name)\n\(view.text(style: wide))\n"
        }
        try Snapshot.expect(texts, is: "show-200.txt")
        let style = TextStyle(width: 80)
        let live = try #require(fleet.runs.first)
        let postgres = SamplePages.page(of: live, in: fleet).text(style: style)
        let forked = SamplePages.page(of: fleet.runs[2], in: fleet).text(style: style)
        let gone = try #require(fleet.hosts.last)
        let nginx = SamplePages.page(ofProgram: "nginx", in: fleet, history: []).text(style: style)
        let host = SamplePages.page(of: gone, in: fleet).text(style: style)
        try Snapshot.expect(
            [postgres, forked, nginx, host].joined(separator: "\n"), is: "show-others-80.txt")
        #expect(forked.contains("all of it: it was forked with"))
        #expect(nginx.contains("~5.19 MiB for half of them"))
        #expect(host.contains("not known now"))
    }

    @Test("a moment of the host before the run began is not its own")
    func momentOutside() throws {
        let fleet = SampleFleet.usual()
        var page = SamplePages.page(of: try #require(fleet.largestRun), in: fleet)
        let style = TextStyle(width: 120)
        #expect(page.text(style: style).contains("fullest in its life"))
        page.facts.hostMoment?.peak.atMilliseconds = page.range.lowerBound - 1
        #expect(page.text(style: style).contains("which is not in its life"))
        #expect(page.json.contains("\"is_in_life\":false"))
    }

    @Test("a page has all its keys, whatever is known")
    func keys() throws {
        var bare = SampleFleet()
        bare.addHost("bare", availableMebibytes: nil)
        bare.addRun(SampleFleet.Sample(pid: 1, program: "init", peakMebibytes: 1, cgroup: nil))
        bare.runs[0].record = RunRecord(
            key: ProcessKey(pid: 1, startTicks: 1),
            description: RunDescription(program: "init", comm: "init"))
        let full = SamplePages.of(.usual())
        for ((name, some), (_, none)) in zip(full, SamplePages.of(bare)) {
            let keys = try object(some).mapValues { ($0 as? [String: Any])?.keys.sorted() }
            let bareKeys = try object(none)
            #expect(Set(keys.keys) == Set(bareKeys.keys), "\(name)")
            for key in ["run", "host", "program"] {
                if let inner = keys[key] ?? nil {
                    #expect(inner == (bareKeys[key] as? [String: Any])?.keys.sorted(), "\(key)")
                }
            }
            #expect(try object(some)["kind"] as? String == name.replacing("show-", with: ""))
            #expect(!none.text(style: TextStyle(width: 80)).isEmpty)
        }
    }

    @Test("a program of which nothing is in the range says so")
    func emptyRange() {
        var facts = ProgramPage.Facts(hosts: SampleFleet.usual().hosts)
        facts.runs = []
        let page = ProgramPage(
            program: "gone", facts: facts, query: SubjectQuery("gone"),
            nowMilliseconds: SampleFleet.now)
        #expect(page.text(style: TextStyle(width: 80)).contains("ask for a longer one (since)"))
    }

    @Test(
        "how far counts can be off follows from kernel and processors",
        arguments: [
            ("6.18.0", 4, 2 << 20), ("6.2", 1, 1 << 19), ("7.0-rc1", 250, 2_048_000_000),
            ("6.1.0-28-amd64", 64, nil), ("5.10", 8, nil),
        ] as [(String, UInt32, UInt64?)])
    func counterBound(kernel: String, processors: UInt32, bytes: UInt64?) throws {
        var host = try #require(SampleFleet.usual().hosts.first).description
        host.kernelRelease = RawText(kernel)
        host.processorCount = processors
        let bound = try #require(CounterBound(host))
        #expect(bound.bytes == bytes)
        #expect(bound.words(source: .exit).contains(bytes == nil ? "256 KiB" : "low"))
        host.kernelRelease = "unknown"
        #expect(CounterBound(host) == nil)
    }

    @Test("sizes stay within ten rows that follow each other, and none is lost")
    func sizeBars() {
        var histogram = PeakHistogram()
        for shift in [0, 3, 9, 20, 33] as [UInt64] {
            for _ in 0...shift { histogram.add(bytes: 1_500 << shift) }
        }
        let rows = SizeBars(histogram).rows
        #expect(rows.count <= 10 && rows.count > 1)
        #expect(rows.reduce(0) { $0 + $1.count } == histogram.total)
        #expect(zip(rows, rows.dropFirst()).allSatisfy { $0.upToBytes == $1.aboveBytes })
        #expect(SizeBars(PeakHistogram()).rows.isEmpty)
    }
}
