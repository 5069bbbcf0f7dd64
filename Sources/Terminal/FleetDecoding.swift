import Report

/// Reads the rows of live screens from a collector's views in JSON.
public enum FleetDecoding {
    /// Why an answer cannot be shown, in a line.
    public struct Problem: Error, CustomStringConvertible, Hashable {
        /// The line.
        public let description: String
    }

    /// Takes `/v1/hosts` into an answer; throws a `Problem` for what is not such a view.
    public static func hosts(_ bytes: [UInt8], into answer: inout FleetAnswer) throws(Problem) {
        let document = try view(bytes, "hosts", at: &answer.atMilliseconds)
        answer.hosts = try rows(document, "hosts").map { row throws(Problem) in
            guard let id = row["host_id"].string,
                let state = row["state"].string.flatMap(HostState.init)
            else { throw unknown("hosts") }
            var host = HostRow(id: id, name: row["host"].name ?? [], state: state)
            host.lastHeardAtMilliseconds = row["last_heard_at"].time
            host.memoryTotalBytes = row["memory_total_bytes"].unsigned
            host.memoryUsedBytes = row["memory_used_bytes"].unsigned
            host.liveRunCount = row["live_runs"].int ?? 0
            host.largestProgram = row["largest_program"].name
            host.largestBytes = row["largest_rss_bytes"].unsigned
            host.peakProgram = row["peak_program"].name
            host.peakBytes = row["peak_rss_bytes"].unsigned
            host.agentVersion = row["agent_version"].name ?? []
            host.isRestricted = row["is_restricted"].bool ?? false
            host.isCommandsOnly = row["is_commands_only"].bool ?? false
            return host
        }
        if let bytes = document["memory_used_peak_bytes"].unsigned,
            let hours = document["memory_used_peak_hours"].int
        {
            answer.usedPeak = FleetAnswer.UsedPeak(
                bytes: bytes,
                isUpperBound: document["memory_used_peak_is_upper_bound"].bool ?? true,
                hours: hours)
        }
        answer.limits = limits(document["coverage"])
    }

    /// Takes `/v1/ps` into an answer; throws a `Problem` for what is not such a view.
    public static func processes(
        _ bytes: [UInt8], into answer: inout FleetAnswer
    ) throws(Problem) {
        let document = try view(bytes, "ps", at: &answer.atMilliseconds)
        answer.processes = try rows(document, "ps").map { row throws(Problem) in
            guard let run = row["run_id"].string, let pid = row["pid"].int else {
                throw unknown("ps")
            }
            var process = ProcessRow(
                runID: run, hostID: row["host_id"].string ?? "", host: row["host"].name ?? [],
                pid: pid, program: row["program"].name ?? [])
            process.user = row["user"].name
            process.command = row["command"].name
            process.processorPermille = row["cpu_percent"].milli.map { Int($0 / 100) }
            process.memoryPermille = row["memory_percent"].milli.map { Int($0 / 100) }
            process.residentBytes = row["rss_bytes"].unsigned
            process.swapBytes = row["swap_bytes"].unsigned
            process.proportionalBytes = row["current_pss_bytes"].unsigned
            process.peak = peak(row)
            process.elapsedMilliseconds = row["elapsed_seconds"].milli
            return process
        }
    }

    /// Takes `/v1/report?by=program` into an answer; throws a `Problem` for what is not such one.
    public static func programs(
        _ bytes: [UInt8], into answer: inout FleetAnswer
    ) throws(Problem) {
        let document = try document(bytes, "report")
        answer.programs = try rows(document, "report").map { row throws(Problem) in
            var program = ProgramRow(
                program: row["program"].name ?? [], runs: row["runs"].int ?? 0)
            program.peak = peak(row)
            program.peakP95Bytes = row["peak_p95_bytes"].unsigned
            program.peakMedianBytes = row["peak_median_bytes"].unsigned
            program.peakOfSumBytes = row["peak_of_sum_bytes"].unsigned
            if row["peak_of_sum_is_lower_bound"].bool == true {
                program.peakOfSumMark = ">="
            } else if row["peak_of_sum_is_upper_bound"].bool != false {
                program.peakOfSumMark = "~"
            }
            program.residentBytes = row["current_rss_bytes"].unsigned
            program.processorMilliseconds = row["cpu_seconds"].milli.map { UInt64(max(0, $0)) }
            program.wasOutOfMemoryKilled = row["oom_killed"].bool
            return program
        }
    }

    /// Takes `/v1/oom` into an answer; throws a `Problem` for what is not such a view.
    public static func kills(_ bytes: [UInt8], into answer: inout FleetAnswer) throws(Problem) {
        let document = try document(bytes, "oom")
        answer.kills = try rows(document, "oom").map { row throws(Problem) in
            let evidence = (row["evidence"].elements ?? []).compactMap(\.string)
            var kill = KillRow(
                host: row["host"].name ?? [], hostID: row["host_id"].string ?? "",
                evidence: evidence.joined(separator: ", "))
            kill.atMilliseconds = row["killed_at"].time
            kill.pid = row["pid"].int
            kill.victim = row["program"].name ?? row["comm"].name
            kill.user = row["user"].name
            kill.peakBytes =
                row["final_peak_rss_bytes"].unsigned ?? row["last_peak_rss_bytes"].unsigned
            kill.residentBytes = row["held_bytes"].unsigned
            kill.limitBytes = row["limit_bytes"].unsigned
            kill.limitOwner = row["limit_cgroup"].name ?? row["limit_owner"].name
            kill.runID = row["run_id"].string
            return kill
        }
    }

    // MARK: Reading

    private static func peak(_ row: JSONDocument) -> PeakCell? {
        guard let bytes = row["peak_rss_bytes"].unsigned else { return nil }
        return PeakCell(
            bytes: bytes, source: row["peak_source"].string ?? "",
            notBeforeMilliseconds: row["peak_not_before"].time,
            notAfterMilliseconds: row["peak_not_after"].time,
            isLowerBound: row["peak_is_lower_bound"].bool ?? false,
            isInherited: row["peak_is_inherited"].bool ?? false)
    }

    /// What the coverage of a view says is not seen.
    private static func limits(_ coverage: JSONDocument) -> [String] {
        func phrase(_ key: String, _ one: String, _ many: String) -> String? {
            guard let count = coverage[key].unsigned, count > 0 else { return nil }
            return count == 1 ? "1 \(one)" : "\(count) \(many)"
        }
        return [
            phrase(
                "restricted_views", "host shows not all processes",
                "hosts show not all processes"),
            phrase(
                "hosts_without_exit_records", "host without exit records",
                "hosts without exit records"),
        ].compactMap { $0 }
    }

    private static func view(
        _ bytes: [UInt8], _ name: String, at: inout Int64
    ) throws(Problem) -> JSONDocument {
        let document = try document(bytes, name)
        guard let time = document["at"].time else { throw unknown(name) }
        at = time
        return document
    }

    private static func document(
        _ bytes: [UInt8], _ name: String
    ) throws(Problem) -> JSONDocument {
        guard let document = JSONDocument(bytes) else { throw unknown(name) }
        return document
    }

    private static func rows(
        _ document: JSONDocument, _ name: String
    ) throws(Problem) -> [JSONDocument] {
        guard let rows = document["rows"].elements else { throw unknown(name) }
        return rows
    }

    private static func unknown(_ name: String) -> Problem {
        Problem(
            description: "what answers there is no collector of this version (\(name))")
    }
}

extension JSONDocument {
    /// A point in time in milliseconds since the epoch in UTC.
    fileprivate var time: Int64? {
        string.flatMap { Timestamp.parse($0, utcOffsetSeconds: 0) }
    }
}
