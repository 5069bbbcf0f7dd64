import MemoryModel

/// Metrics in the text form of OpenMetrics 1.0, which has no comments: all that is said is a
/// metric, also what the figures rest on.
struct OpenMetricsText {
    /// A gauge of one or more series.
    struct Family {
        var name: String
        /// The last part of the name, such as `bytes`; empty where it has no unit.
        var unit = ""
        var help: String
        var samples: [(labels: [(key: String, value: String)], value: String)] = []
    }

    private var text = ""

    /// Writes a family, unless it has no samples; of samples with the same labels the first counts.
    mutating func add(_ family: Family) {
        guard !family.samples.isEmpty else { return }
        text += "# TYPE \(family.name) gauge\n"
        if !family.unit.isEmpty { text += "# UNIT \(family.name) \(family.unit)\n" }
        text += "# HELP \(family.name) \(OpenMetricsText.escaped(family.help))\n"
        var written: Set<String> = []
        for sample in family.samples {
            let labels = sample.labels.map { key, value in
                "\(key)=\"\(OpenMetricsText.escaped(value))\""
            }
            let series = labels.isEmpty ? "" : "{\(labels.joined(separator: ","))}"
            guard written.insert(series).inserted else { continue }
            text += "\(family.name)\(series) \(sample.value)\n"
        }
    }

    /// All that was added, and the end that a reader waits for.
    var document: String { text + "# EOF\n" }

    /// The name of a label that OpenMetrics takes, for the key of a host's label.
    static func labelName(_ key: RawText) -> String {
        let name = key.bytes.map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                Character(Unicode.Scalar(byte))
            default: Character("_")
            }
        }
        return "label_" + String(name)
    }

    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\"": escaped += "\\\""
            case "\n": escaped += "\\n"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}

extension ReportView {
    /// The rows as gauges, and the coverage as gauges of its own.
    var openMetrics: String {
        var text = OpenMetricsText()
        for family in rowFamilies { text.add(family) }
        for family in result.coverage.families { text.add(family) }
        return text.document
    }

    private typealias Family = OpenMetricsText.Family

    private func family(
        _ name: String, unit: String = "", _ help: String, _ value: (ReportRow) -> String?
    ) -> Family {
        var family = Family(name: "highwater_report_\(name)", unit: unit, help: help)
        family.samples = result.rows.compactMap { row in
            value(row).map { (labels(row), $0) }
        }
        return family
    }

    private func labels(_ row: ReportRow) -> [(key: String, value: String)] {
        func shown(_ name: RawText?) -> String { name.map { DisplayText.escaped($0) } ?? "" }
        switch result.grouping {
        case .run:
            return [
                ("run_id", row.runID ?? ""), ("host", shown(row.hostName)),
                ("program", shown(row.program)), ("user", shown(row.user)),
            ]
        case .host: return [("host", shown(row.hostName)), ("host_id", shown(row.group))]
        case .label(let key): return [(OpenMetricsText.labelName(key), shown(row.group))]
        default: return [(result.grouping.word, shown(row.group))]
        }
    }

    private var rowFamilies: [Family] {
        func bytes(_ name: String, _ help: String, _ value: (ReportRow) -> UInt64?) -> Family {
            family(name, unit: "bytes", help) { value($0).map(String.init) }
        }
        return [
            bytes("peak_rss_bytes", "The largest peak of resident memory.") { $0.peak?.bytes },
            family("peak_is_lower_bound", "1 where the true peak may be higher.") {
                $0.isPeakLowerBound.map { $0 ? "1" : "0" }
            },
            bytes("peak_p95_bytes", "The 95th percentile of the runs' peaks.") {
                $0.peakP95Bytes
            },
            bytes("peak_median_bytes", "The median of the runs' peaks.") { $0.peakMedianBytes },
            bytes(
                "peak_of_sum_bytes",
                "The most that was resident of all at one look, or of one where that is more."
            ) { $0.peakOfSumBytes },
            bytes("sum_of_peaks_bytes", "All peaks added up.") { $0.sumOfPeaksBytes },
            family("runs", "Runs.") { String($0.runs) },
            family("hosts", "Hosts of the runs.") { String($0.hosts) },
            family("oom_killed_runs", "Runs that were killed for want of memory.") {
                String($0.killedRuns)
            },
            family("cpu_seconds", unit: "seconds", "Processor time of all runs.") {
                $0.processorMilliseconds.map(DecimalText.thousandths)
            },
        ]
    }
}

extension Coverage {
    /// What a report rests on and what it leaves out, as gauges.
    fileprivate var families: [OpenMetricsText.Family] {
        func family(_ name: String, unit: String = "", _ help: String, _ value: String?)
            -> OpenMetricsText.Family
        {
            OpenMetricsText.Family(
                name: "highwater_report_coverage_\(name)", unit: unit, help: help,
                samples: value.map { [([], $0)] } ?? [])
        }
        var hosts = family("hosts", "Hosts that the report is about.", nil)
        hosts.samples = [
            ([("state", "up")], String(upHostCount)),
            ([("state", "late")], String(lateHosts.count)),
            ([("state", "gone")], String(goneHosts.count)),
        ]
        let down = gaps?.sums[.agentDown]?.milliseconds ?? 0
        let lost = gaps.map { $0.sums[.exitRecordsLost]?.missedCount ?? 0 }
        return [
            hosts,
            family(
                "restricted_views", "Hosts whose agent cannot see every process.",
                String(restrictedHosts.count)),
            family(
                "without_agent_seconds", unit: "seconds", "Time without an agent, as far as known.",
                gaps == nil ? nil : DecimalText.thousandths(UInt64(clamping: down))),
            family(
                "exit_records_lost", "Exit records that were lost, as far as known.",
                lost.map { String($0) }),
            family("rows_not_shown", "Rows beyond those asked for.", String(hiddenRowCount)),
            family("runs_not_read", "Runs with smaller peaks left out.", String(unreadRunCount)),
            family(
                "is_cut", "1 where not all could be read.",
                isCut || gaps?.isCut == true ? "1" : "0"),
        ]
    }
}
