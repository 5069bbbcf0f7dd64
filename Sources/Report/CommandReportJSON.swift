import MemoryModel

extension CommandReport {
    /// The same as a JSON document.
    public var json: String {
        JSONValue.object([
            JSONValue.Member("command", .array(run.arguments.map { .name($0) })),
            JSONValue.Member("labels", .labels(run.labels)),
            JSONValue.Member("pid", .integer(Int64(run.pid))),
            JSONValue.Member("started_at", .time(run.startedAtMilliseconds)),
            JSONValue.Member("elapsed_seconds", seconds(run.elapsedMicroseconds)),
            JSONValue.Member("exit_code", .optional(run.end.exitCode)),
            JSONValue.Member("exit_signal", .optional(run.end.signal)),
            JSONValue.Member("core_dumped", .boolean(run.end.hasDumpedCore)),
            JSONValue.Member("largest_process", largest.map(value) ?? .null),
            JSONValue.Member("peak_of_sum", sumValue),
            JSONValue.Member("cgroup", cgroupValue),
            JSONValue.Member("cgroup_problem", .optional(run.cgroupProblem)),
            JSONValue.Member("user_seconds", seconds(userMicroseconds)),
            JSONValue.Member("system_seconds", seconds(systemMicroseconds)),
            JSONValue.Member("minor_faults", .unsigned(faults.minor)),
            JSONValue.Member("major_faults", .unsigned(faults.major)),
            JSONValue.Member("swap_peak_bytes", .optional(swapPeakBytes)),
            JSONValue.Member("oom_kills", .array(run.kills.map(value))),
            JSONValue.Member(
                "left_behind_pids", .array(leftBehind.map { .integer(Int64($0.key.pid)) })),
            JSONValue.Member("exit_records_problem", .optional(run.recordProblem)),
            JSONValue.Member("records_lost", .unsigned(run.lostCount)),
            JSONValue.Member("wait_floor_bytes", .unsigned(run.floorBytes)),
            JSONValue.Member("collector", run.delivery.map(value) ?? .null),
            JSONValue.Member("processes", .array(rows.prefix(top).map(value))),
            JSONValue.Member("processes_not_shown", .unsigned(hiddenCount)),
            JSONValue.Member("python", pythonValue),
            JSONValue.Member("sum_step_seconds", thousandths(run.curve.stepMilliseconds)),
            JSONValue.Member("sum_bytes", .array(run.curve.steps.map { .optional($0) })),
        ]).document()
    }

    private var pythonValue: JSONValue {
        guard let python = run.python else { return .null }
        return .object([
            JSONValue.Member("label", .text(PythonGrowthView.label)),
            JSONValue.Member(
                "processes", .array(python.processes.map { PythonGrowthView($0).value })),
            JSONValue.Member("processes_not_shown", .count(python.leftOutCount)),
            JSONValue.Member(
                "not_watched",
                .object(python.problems.map { JSONValue.Member($0.reason, .count($0.count)) })),
        ])
    }

    private func seconds(_ microseconds: UInt64) -> JSONValue {
        .thousandths(microseconds / 1_000)
    }

    private func thousandths(_ milliseconds: Int64) -> JSONValue {
        .thousandths(UInt64(max(0, milliseconds)))
    }

    private func value(_ delivery: CommandDelivery) -> JSONValue {
        let (teller, problem): (String?, String?) =
            switch delivery.outcome {
            case .told: ("command", nil)
            case .toldByAgent: ("agent", nil)
            case .untold(let reason): (nil, reason)
            }
        return .object([
            JSONValue.Member("address", .text(delivery.collector)),
            JSONValue.Member("runs", .unsigned(delivery.runCount)),
            JSONValue.Member("told_by", .optional(teller)),
            JSONValue.Member("problem", .optional(problem)),
        ])
    }

    private func value(_ peak: CommandPeak) -> JSONValue {
        .object([
            JSONValue.Member("bytes", .unsigned(peak.bytes)),
            JSONValue.Member("bound", .text(peak.bound.rawValue)),
            JSONValue.Member("at_most_bytes", .optional(peak.atMostBytes)),
            JSONValue.Member("source", .text(peak.source)),
            JSONValue.Member("pid", .optional(peak.key?.pid)),
            JSONValue.Member("program", .optional(peak.program)),
        ])
    }

    private var sumValue: JSONValue {
        guard let sum else { return .null }
        let found = run.sum.flatMap { $0.bytes == sum.bytes ? $0 : nil }
        return .object([
            JSONValue.Member("bytes", .unsigned(sum.bytes)),
            JSONValue.Member("bound", .text(sum.bound.rawValue)),
            JSONValue.Member("source", .text(sum.source)),
            JSONValue.Member("processes", .optional(found.map { Int64($0.processCount) })),
            JSONValue.Member(
                "after_seconds", found.map { thousandths($0.atMilliseconds) } ?? .null),
            JSONValue.Member(
                "interval_seconds", .array(run.intervalsMilliseconds.map(thousandths))),
        ])
    }

    private var cgroupValue: JSONValue {
        guard let cgroup = run.cgroup else { return .null }
        return .object([
            JSONValue.Member("peak_bytes", .optional(cgroup.markBytes)),
            JSONValue.Member("file_bytes_at_end", .optional(cgroup.fileBytes)),
            JSONValue.Member("limit_bytes", .optional(cgroup.limitBytes)),
            JSONValue.Member("oom_kill_count", .optional(cgroup.killCount)),
        ])
    }

    private func value(_ kill: OutOfMemoryKill) -> JSONValue {
        let record = run.runs.first { $0.key == kill.run }
        return .object([
            JSONValue.Member("pid", .optional(kill.pid)),
            JSONValue.Member("program", .optional(kill.comm ?? record?.description.program)),
            JSONValue.Member("constraint", .optional(kill.constraint?.word)),
            JSONValue.Member("limit_bytes", .optional(kill.limitBytes)),
            JSONValue.Member("resident_bytes", .optional(kill.residentBytes)),
        ])
    }

    private func value(_ row: CommandRow) -> JSONValue {
        let record = row.record
        return .object([
            JSONValue.Member("pid", .integer(Int64(record.key.pid))),
            JSONValue.Member("image", .integer(Int64(record.key.image))),
            JSONValue.Member("parent_pid", .optional(record.description.parentPid)),
            JSONValue.Member("program", .name(record.description.program)),
            JSONValue.Member("command", .optional(record.description.command)),
            JSONValue.Member("peak_bytes", .optional(row.peak?.bytes)),
            JSONValue.Member("bound", .optional(row.peak?.bound.rawValue)),
            JSONValue.Member("at_most_bytes", .optional(row.peak?.atMostBytes)),
            JSONValue.Member("source", .optional(row.peak?.source)),
            JSONValue.Member("is_inherited", .boolean(row.isInherited)),
            JSONValue.Member("elapsed_seconds", row.ranMilliseconds.map(thousandths) ?? .null),
            JSONValue.Member("cpu_seconds", .optional(thousandths: record.processorMilliseconds)),
            JSONValue.Member("minor_faults", .optional(record.faults?.minor)),
            JSONValue.Member("major_faults", .optional(record.faults?.major)),
            JSONValue.Member("swap_peak_bytes", .optional(record.swapPeakBytes)),
            JSONValue.Member("end", .optional(row.end?.reason.word)),
            JSONValue.Member("exit_code", .optional(row.end?.exitCode)),
            JSONValue.Member("exit_signal", .optional(row.end?.exitSignal)),
            JSONValue.Member(
                "killed_for_memory", .boolean(record.flags.contains(.killedForMemory))),
        ])
    }
}
