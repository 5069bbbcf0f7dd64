import MemoryModel
import Report
import TestSupport
import Testing

@Suite("What monitoring is told")
struct MetricsTests {
    private func metrics(
        _ fleet: SampleFleet, programs: [RawText: FleetMetrics.Program] = [:], top: Int = 50
    ) -> FleetMetrics {
        var collector = CollectorFigures()
        collector.version = "1.0"
        collector.commitTimes.add(microseconds: 7_000)
        collector.commitTimes.add(microseconds: 90_000_000)
        collector.refusedCounts = [("memory", 3)]
        collector.storeBytes = 1_048_576
        var all = programs
        for run in fleet.runs {
            all[run.record.description.program, default: FleetMetrics.Program()]
                .add(run.record, isAlive: true)
        }
        return FleetMetrics(
            hosts: fleet.hosts.map {
                FleetMetrics.Host(
                    host: $0, usedPeakBytes: 5 << 30, processCount: 2, gaps: [.agentDown: 1])
            }, programs: all, top: top, collector: collector)
    }

    /// A line of a sample, taken apart by the grammar of OpenMetrics.
    private struct Line: Hashable {
        var name: String
        var labels: String
        var value: Double

        init?(_ text: Substring) {
            let pattern =
                /([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)+\})? ([0-9]+(?:\.[0-9]+)?)/
            guard let match = text.wholeMatch(of: pattern.matchingSemantics(.unicodeScalar)),
                let value = Double(match.output.3)
            else { return nil }
            name = String(match.output.1)
            labels = match.output.2.map(String.init) ?? ""
            self.value = value
        }
    }

    /// Reads a text strictly: each family once and in one piece, each series once.
    private func read(_ text: String, _ format: MetricsFormat) throws -> [Line] {
        var families: Set<String> = []
        var family = ""
        var lines: [Line] = []
        var series: Set<String> = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: true) {
            let words = line.split(separator: " ", maxSplits: 3)
            if line.hasPrefix("# EOF") { continue }
            if words[0] == "#" {
                if String(words[2]) != family {
                    family = String(words[2])
                    #expect(families.insert(family).inserted, "\(family) is there twice")
                }
                if words[1] == "UNIT" { #expect(family.hasSuffix("_" + words[3])) }
                continue
            }
            let sample = try #require(Line(line), "\(line)")
            #expect(sample.name.hasPrefix(family), "\(line) is not of \(family)")
            #expect(series.insert(sample.name + sample.labels).inserted, "\(line)")
            lines.append(sample)
        }
        #expect(text.hasSuffix("# EOF\n") == (format == .openMetrics))
        return lines
    }

    @Test(
        "hostile names keep to the grammar, in both forms",
        arguments: [MetricsFormat.openMetrics, .prometheus])
    func hostile(_ format: MetricsFormat) throws {
        let lines = try read(metrics(HostileNames.fleet()).text(as: format), format)
        #expect(lines.contains { $0.name == "highwater_host_up" && $0.labels.contains("<script>") })
        #expect(lines.count { $0.name == "highwater_program_peak_bytes" } > 10)
    }

    @Test(
        "however many programs there are, and whatever their names, there are only so many series")
    func cardinality() throws {
        var programs: [RawText: FleetMetrics.Program] = [:]
        for number in 0..<20_000 {
            var program = FleetMetrics.Program()
            program.peakBytes = UInt64(number)
            programs[RawText("job-\(number)")] = program
            // Names that are one and the same as labels.
            let long = RawText(String(repeating: "x", count: 1_000) + "\(number)")
            programs[long] = program
        }
        let fleet = SampleFleet()
        let all = try read(
            metrics(fleet, programs: programs, top: 50).text(as: .openMetrics), .openMetrics)
        let peaks = all.filter { $0.name == "highwater_program_peak_bytes" }
        #expect((20...50).contains(peaks.count))
        #expect(peaks[0].value == 19_999)
        let none = try read(
            metrics(fleet, programs: programs, top: 0).text(as: .openMetrics), .openMetrics)
        #expect(!none.contains { $0.name.hasPrefix("highwater_program") })
    }

    @Test("beyond the limit of hosts the latest heard of have series, and the rest is counted")
    func manyHosts() throws {
        var fleet = SampleFleet()
        for number in 0..<(FleetMetrics.maximumHosts + 3) {
            fleet.addHost("h\(number)", name: "n", state: number < 3 ? .gone : .up)
        }
        for index in fleet.hosts.indices where fleet.hosts[index].state == .gone {
            fleet.hosts[index].lastHeardAtMilliseconds = 0
        }
        let lines = try read(metrics(fleet).text(as: .openMetrics), .openMetrics)
        let hosts = lines.filter { $0.name == "highwater_host_up" }
        #expect(hosts.count == FleetMetrics.maximumHosts)
        #expect(hosts.allSatisfy { $0.value == 1 })
        #expect(lines.first { $0.name == "highwater_hosts_without_series" }?.value == 3)
    }

    @Test("the buckets of commits are cumulative, and what took longer is in the last one only")
    func histogram() throws {
        let lines = try read(metrics(SampleFleet()).text(as: .openMetrics), .openMetrics)
        let buckets = lines.filter {
            $0.name == "highwater_collector_commit_duration_seconds_bucket"
        }
        #expect(buckets.first?.labels == "{le=\"0.005\"}")
        #expect(buckets.map(\.value).first == 0)
        #expect(buckets.map(\.value).suffix(2) == [1, 2])
        #expect(buckets.last?.labels == "{le=\"+Inf\"}")
        let sum = lines.first { $0.name == "highwater_collector_commit_duration_seconds_sum" }
        #expect(sum?.value == 90.007)
    }

    @Test("who names OpenMetrics gets it, and an older Prometheus its own form")
    func negotiation() {
        let newer =
            "application/openmetrics-text;version=1.0.0,"
            + "application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5"
        #expect(MetricsFormat(accept: newer) == .openMetrics)
        for accept in ["", "*/*", "text/plain", "application/openmetrics-text;q=0,text/plain"] {
            #expect(MetricsFormat(accept: accept) == .prometheus)
        }
        let old = metrics(SampleFleet()).text(as: .prometheus)
        #expect(old.contains("# TYPE highwater_collector_frames_total counter\n"))
        #expect(old.contains("# TYPE highwater_collector_info gauge\n"))
        #expect(!old.contains("# UNIT"))
    }
}
