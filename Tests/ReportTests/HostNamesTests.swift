import MemoryModel
import Testing

@testable import Report

@Suite("What hosts are called")
struct HostNamesTests {
    @Test("only hosts that share a name have the beginning of their id beside it")
    func namesakes() throws {
        let names = HostNames([
            ("4f2a-1", Array("web".utf8)), ("4f2a-2", Array("web".utf8)),
            ("9c", Array("db".utf8)),
        ])
        #expect(names.text(Array("web".utf8), "4f2a-1") == Array("web (4f2a-1)".utf8))
        #expect(names.text(Array("web".utf8), "4f2a-2") == Array("web (4f2a-2)".utf8))
        #expect(names.text(Array("db".utf8), "9c") == Array("db".utf8))
        let far = HostNames([
            ("aaaaaaaaaa", Array("web".utf8)), ("bbbbbbbbbb", Array("web".utf8)),
        ])
        #expect(far.text(Array("web".utf8), "bbbbbbbbbb") == Array("web (bbbb)".utf8))
        #expect(far.text(RawText("web"), try #require(HostID("aaaaaaaaaa"))) == "web (aaaa)")
    }

    private func fleet() -> SampleFleet {
        var fleet = SampleFleet()
        for id in ["4f2a77", "9c01be"] {
            fleet.addHost(id, name: "web")
            fleet.addRun(
                SampleFleet.Sample(
                    pid: 7, program: "x", residentMebibytes: 100, peakMebibytes: 100))
        }
        return fleet
    }

    @Test("hosts of one name are told apart in every table, and their names in JSON stay")
    func tables() throws {
        let fleet = fleet()
        let style = TextStyle(width: 120, utcOffsetSeconds: 0)
        func report(_ grouping: ReportQuery.Grouping) -> ReportView {
            var query = ReportQuery()
            query.grouping = grouping
            return EveryView.report(of: fleet, query)
        }
        let hosts = HostsView(
            hosts: fleet.hosts, runs: fleet.runs, nowMilliseconds: SampleFleet.now)
        let processes = ProcessListView(
            hosts: fleet.hosts, runs: fleet.runs, query: ReportQuery(),
            nowMilliseconds: SampleFleet.now)
        let texts = [
            report(.run).text(style: style), report(.host).text(style: style),
            hosts.text(style: style), processes.text(style: style),
        ]
        for text in texts {
            #expect(text.contains("web (4f2a)") && text.contains("web (9c01)"), "\(text)")
        }
        for json in [report(.host).json, hosts.json, processes.json] {
            #expect(!json.contains("(4f2a)"))
        }
    }
}
