import MemoryModel

/// The fields of a report's rows as JSON and CSV have them, one place for both.
public enum ReportColumns {
    /// The names in their order.
    public static let names = all.map(\.name)

    static func json(_ row: ReportRow) -> JSONValue { .object(members(row)) }

    static func members(_ row: ReportRow) -> [JSONValue.Member] {
        all.map { JSONValue.Member($0.name, $0.value(row).json) }
    }

    static func csv(_ row: ReportRow) -> [CSVText.Field] { all.map { $0.value(row).csv } }

    private struct Column: Sendable {
        var name: String
        var value: @Sendable (ReportRow) -> RowValue
    }

    private static let all: [Column] = [
        Column(name: "run_id") { .text($0.runID) },
        Column(name: "host") { .name($0.hostName) },
        Column(name: "host_id") { .name(($0.hostID?.text).map { RawText($0) }) },
        Column(name: "boot_id") { .text($0.boot?.description) },
        Column(name: "pid") { .integer($0.pid) },
        Column(name: "started_at") { .time($0.startedAtMilliseconds) },
        Column(name: "ended_at") { .time($0.endedAtMilliseconds) },
        Column(name: "program") { .name($0.program) },
        Column(name: "comm") { .name($0.comm) },
        Column(name: "executable") { .name($0.executable) },
        Column(name: "command") { .name($0.command) },
        Column(name: "user") { .name($0.user) },
        Column(name: "cgroup") { .name($0.cgroup) },
        Column(name: "unit") { .name($0.unit) },
        Column(name: "container") { .name($0.container) },
        Column(name: "labels") { .labels($0.labels) },
        Column(name: "runs") { .unsigned(UInt64($0.runs)) },
        Column(name: "peak_rss_bytes") { .unsigned($0.peak?.bytes) },
        Column(name: "peak_source") { .text($0.peak?.sourceWord(isTold: $0.isPeakTold)) },
        Column(name: "peak_not_before") { .time($0.peak?.bracket?.notBeforeMilliseconds) },
        Column(name: "peak_not_after") { .time($0.peak?.bracket?.notAfterMilliseconds) },
        Column(name: "peak_is_lower_bound") { .boolean($0.isPeakLowerBound) },
        Column(name: "peak_is_inherited") { .boolean($0.isPeakInherited) },
        Column(name: "peak_p95_bytes") { .unsigned($0.peakP95Bytes) },
        Column(name: "peak_median_bytes") { .unsigned($0.peakMedianBytes) },
        Column(name: "peak_of_sum_bytes") { .unsigned($0.peakOfSumBytes) },
        Column(name: "sum_of_peaks_bytes") { .unsigned($0.sumOfPeaksBytes) },
        Column(name: "peak_swap_bytes") { .unsigned($0.peakSwapBytes) },
        Column(name: "current_rss_bytes") { .unsigned($0.currentResidentBytes) },
        Column(name: "cpu_seconds") { .milliseconds($0.processorMilliseconds) },
        Column(name: "exit_code") { .integer($0.exitCode) },
        Column(name: "exit_signal") { .integer($0.exitSignal) },
        Column(name: "oom_killed") { .boolean($0.wasOutOfMemoryKilled) },
        Column(name: "peak_of_sum_is_upper_bound") { .boolean($0.isPeakOfSumUpperBound) },
        Column(name: "host_used_peak_bytes") { .unsigned($0.hostUsedPeakBytes) },
        Column(name: "host_used_peak_is_upper_bound") { .boolean($0.isHostUsedPeakUpperBound) },
        Column(name: "folded_runs") { .unsigned(UInt64($0.foldedRuns)) },
        Column(name: "hosts") { .unsigned(UInt64($0.hosts)) },
        Column(name: "oom_killed_runs") { .unsigned(UInt64($0.killedRuns)) },
        Column(name: "peak_is_upper_bound") { .boolean($0.isPeakUpperBound) },
        Column(name: "group") { .name($0.group) },
        Column(name: "peak_of_sum_is_lower_bound") { .boolean($0.isPeakOfSumLowerBound) },
    ]
}
