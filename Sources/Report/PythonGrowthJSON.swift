import MemoryModel

extension PythonGrowthView {
    /// The page as a JSON object, with whole paths and all stacks that are kept.
    public func json() -> String { value.document() }

    /// The same as a value, to be put into another object.
    var value: JSONValue {
        .object([
            .init("label", .text(PythonGrowthView.label)),
            .init("pid", .integer(Int64(growth.pid))),
            .init("process_name", .optional(growth.processName)),
            .init(
                "python_version",
                growth.pythonVersion.isEmpty ? .null : .text(growth.pythonVersion)),
            .init("watched_ms", .integer(growth.watchedMilliseconds)),
            .init("has_ended", .boolean(growth.hasEnded)),
            .init("first_rss_bytes", .optional(growth.firstBytes)),
            .init("last_rss_bytes", .unsigned(growth.lastBytes)),
            .init("peak_rss_bytes", .unsigned(growth.peakBytes)),
            .init("peak_at", time(growth.peakBytes, growth.peakAtMilliseconds)),
            .init("kernel_mark_bytes", .optional(growth.markBytes)),
            .init("grown_bytes", .unsigned(growth.grownBytes)),
            .init("unattributed_bytes", .unsigned(growth.unattributedBytes)),
            .init("asleep_bytes", .unsigned(growth.sleepingBytes)),
            .init("not_watched_bytes", .unsigned(growth.unwatchedBytes)),
            .init("at_peak_bytes", .optional(growth.atPeakBytes)),
            .init("method", .text(methodName)),
            .init("method_reason", growth.methodReason.map { .text($0) } ?? .null),
            .init("faults_per_sample", .optional(growth.faultsPerSample)),
            .init("lines", .array(growth.lines.map(PythonGrowthView.value))),
            .init("other_line_bytes", .unsigned(growth.otherLineBytes)),
            .init(
                "other_line_at_peak_bytes",
                .optional(growth.atPeakBytes.map { _ in growth.otherLineAtPeakBytes })),
            .init("asleep_lines", .array(growth.sleepingLines.map(PythonGrowthView.value))),
            .init("stacks", .array(growth.stacks.map(PythonGrowthView.value))),
            .init("other_stack_bytes", .unsigned(growth.otherStackBytes)),
            .init(
                "peak_stack",
                .object([
                    .init("rss_bytes", .unsigned(growth.peakStackBytes)),
                    .init("at", time(growth.peakStackBytes, growth.peakStackAtMilliseconds)),
                    .init("frames", .array(growth.peakStack.map(PythonGrowthView.value))),
                ])),
            .init("function_peaks", .array(growth.functionPeaks.map(PythonGrowthView.value))),
            .init("coverage", coverageValue),
        ])
    }

    private func time(_ bytes: UInt64, _ milliseconds: Int64) -> JSONValue {
        bytes == 0 ? .null : .time(milliseconds)
    }

    private var methodName: String {
        switch growth.method {
        case .ticks: "ticks"
        case .faultSamples: "fault_samples"
        }
    }

    private var coverageValue: JSONValue {
        .object([
            .init("looks", .count(growth.lookCount)),
            .init("stacks_read", .count(growth.stackCount)),
            .init("stacks_not_readable", .count(growth.failedStackCount)),
            .init("stacks_of_another_thread", .count(growth.otherThreadCount)),
            .init("stacks_cut", .count(growth.cutStackCount)),
            .init("stacks_not_kept", .count(growth.otherStackCount)),
            .init("fault_samples", .count(growth.faultSampleCount)),
            .init("fault_samples_lost", .unsigned(growth.lostFaultSampleCount)),
            .init("faults_in_kernel_unseen", .boolean(growth.isUserOnly)),
            .init("pages_merged", .count(growth.mergedPageCount)),
            .init(
                "wrong_reads",
                .object(growth.faults.map { .init($0.reason, .count($0.count)) })),
            .init("own_cpu_us", .integer(growth.ownMicroseconds)),
        ])
    }

    private static func members(_ line: PythonLine) -> [JSONValue.Member] {
        [
            .init("file", .name(line.file)), .init("line", .integer(Int64(line.line))),
            .init("function", .name(line.function)),
        ]
    }

    private static func value(_ line: PythonLine) -> JSONValue { .object(members(line)) }

    private static func value(_ line: PythonGrowth.Line) -> JSONValue {
        .object(
            members(line.line) + [
                .init("grown_bytes", .unsigned(line.grownBytes)),
                .init("at_peak_bytes", .optional(line.atPeakBytes)),
            ])
    }

    private static func value(_ peak: PythonGrowth.FunctionPeak) -> JSONValue {
        .object(members(peak.function) + [.init("rss_bytes", .unsigned(peak.residentBytes))])
    }

    private static func value(_ stack: PythonGrowth.Stack) -> JSONValue {
        .object([
            .init("grown_bytes", .unsigned(stack.grownBytes)),
            .init("at_peak_bytes", .optional(stack.atPeakBytes)),
            .init("times_read", .count(stack.readCount)),
            .init("frames", .array(stack.lines.map(value))),
        ])
    }
}
