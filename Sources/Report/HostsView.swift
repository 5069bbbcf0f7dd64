public import MemoryModel

/// Every host, one row each.
public struct HostsView: FleetView, Hashable {
    /// What is shown of one host.
    public struct Row: Hashable, Sendable {
        /// The host as it was given.
        public var host: ReportedHost
        /// Runs that live.
        public var liveRunCount: Int
        /// The living run that holds most memory now; nil where none is known.
        public var largestNow: LargestRun?
        /// The largest peak that is known of the host, whoever lives.
        public var largestPeak: LargestRun?
        /// Its used memory in the last hours, oldest first; nil where that is not known.
        public var usedByHour: [UInt64?] = []

        /// Takes the parts as they are.
        public init(
            host: ReportedHost, liveRunCount: Int, largestNow: LargestRun?,
            largestPeak: LargestRun?
        ) {
            self.host = host
            self.liveRunCount = liveRunCount
            self.largestNow = largestNow
            self.largestPeak = largestPeak
        }
    }

    /// A run that is the largest of several.
    public struct LargestRun: Hashable, Sendable {
        /// Its program.
        public var program: RawText
        /// Its process.
        public var pid: Int32
        /// Resident memory, in bytes.
        public var bytes: UInt64

        /// Takes the parts as they are.
        public init(program: RawText, pid: Int32, bytes: UInt64) {
            self.program = program
            self.pid = pid
            self.bytes = bytes
        }
    }

    /// When the view was made, in milliseconds since the epoch in UTC.
    public var madeAtMilliseconds: Int64
    /// The rows, ordered by host name.
    public var rows: [Row]
    /// What the view rests on.
    public var coverage: Coverage
    /// The most memory that was in use on all hosts together in the hours of the sparklines; nil
    /// where none is known.
    public var usedPeak: UsedPeak?

    /// The most memory that was in use on several hosts.
    public struct UsedPeak: Hashable, Sendable {
        /// In bytes.
        public var bytes: UInt64
        /// Whether it may have been less, as the hosts need not have been fullest at one time.
        public var isUpperBound: Bool
    }

    /// Takes the parts as they are.
    public init(madeAtMilliseconds: Int64, rows: [Row], coverage: Coverage) {
        self.madeAtMilliseconds = madeAtMilliseconds
        self.rows = rows
        self.coverage = coverage
    }

    /// A view of `hosts`.
    ///
    /// - Parameters:
    ///   - hosts: Every host, in any order.
    ///   - runs: Their runs as far as they are known: those that live, and others for the
    ///     largest peaks. Inherited peaks do not count.
    ///   - nowMilliseconds: Now, in milliseconds since the epoch in UTC.
    ///   - hourly: Their used memory by hour, of `sparkRange(nowMilliseconds:)`.
    public init(
        hosts: [ReportedHost], runs: some Sequence<ReportedRun>, nowMilliseconds: Int64,
        hourly: [ReportedTotal] = []
    ) {
        var figures: [HostID: Row] = [:]
        let used = HostsView.usedByHour(hourly, nowMilliseconds: nowMilliseconds)
        for host in hosts {
            var row = Row(host: host, liveRunCount: 0, largestNow: nil, largestPeak: nil)
            row.usedByHour = used[host.id] ?? []
            figures[host.id] = row
        }
        for run in runs { figures[run.host]?.add(run) }
        self.init(
            madeAtMilliseconds: nowMilliseconds,
            rows: figures.values.sorted { left, right in
                let (mine, theirs) = (left.host, right.host)
                return (mine.description.name, mine.id) < (theirs.description.name, theirs.id)
            },
            coverage: Coverage(hosts: hosts))
        usedPeak = HostsView.usedPeak(used.values)
    }

    /// A table and the coverage.
    public func text(style: TextStyle) -> String {
        var page = TextPage(style: style)
        page.addHeading(
            "Hosts", facts: [style.fullTime(madeAtMilliseconds), "times are \(style.zone)"])
        page.addBlankLine()
        if rows.isEmpty {
            page.addEmptyFleet()
        } else {
            page.add(
                HostsTable(
                    rows: rows, names: coverage.hostNames, nowMilliseconds: madeAtMilliseconds
                ).table(style: style))
        }
        page.add(coverage)
        return page.text
    }

    /// `at`, `memory_used_peak_bytes` of the last hours, whether that is an upper bound, `coverage`
    /// and `rows`.
    public var json: String {
        JSONValue.object([
            JSONValue.Member("at", .time(madeAtMilliseconds)),
            JSONValue.Member("memory_used_peak_bytes", .optional(usedPeak?.bytes)),
            JSONValue.Member(
                "memory_used_peak_is_upper_bound",
                usedPeak.map { .boolean($0.isUpperBound) } ?? .null),
            JSONValue.Member("memory_used_peak_hours", .count(HostsView.sparkHours)),
            JSONValue.Member("coverage", coverage.json),
            JSONValue.Member("rows", .array(rows.map { $0.json })),
        ]).document()
    }

    /// One line a host.
    public var csv: String {
        CSVText.document(header: Row.columns, rows: rows.map { $0.csv })
    }
}

extension HostsView.Row {
    /// Counts `run` in; a run of a host that is gone is not known to live.
    mutating func add(_ run: ReportedRun) {
        let record = run.record
        func largest(_ bytes: UInt64) -> HostsView.LargestRun {
            HostsView.LargestRun(
                program: record.description.program, pid: record.key.pid, bytes: bytes)
        }
        if record.end == nil, host.state != .gone {
            liveRunCount += 1
            if let bytes = record.current?.residentBytes, bytes > largestNow?.bytes ?? 0 {
                largestNow = largest(bytes)
            }
        }
        if let peak = record.peak, !record.isPeakInherited, peak.bytes > largestPeak?.bytes ?? 0 {
            largestPeak = largest(peak.bytes)
        }
    }

    static let columns = [
        "host", "host_id", "state", "last_heard_at", "agent_version", "kernel", "processors",
        "memory_total_bytes", "memory_used_bytes", "swap_total_bytes", "live_runs",
        "largest_program", "largest_pid", "largest_rss_bytes", "peak_program", "peak_pid",
        "peak_rss_bytes", "interval_ms", "is_restricted", "labels", "agent_cpu_percent",
        "agent_rss_bytes", "agent_anonymous_bytes", "agent_peak_bytes", "agent_interval_ms",
        "agent_asked_interval_ms", "agent_look_ms", "agent_sources",
        "store_bytes", "is_commands_only",
    ]

    private var health: AgentHealth? { host.health }

    var json: JSONValue {
        let values: [JSONValue] = [
            .name(host.description.name), .text(host.id.text), .text(host.state.rawValue),
            .time(host.lastHeardAtMilliseconds), .name(host.agentVersion),
            .name(host.description.kernelRelease),
            .unsigned(UInt64(host.description.processorCount)),
            .unsigned(host.description.memoryTotalBytes), .optional(host.memoryUsedBytes),
            .unsigned(host.description.swapTotalBytes), .count(liveRunCount),
            .optional(largestNow?.program), .optional(largestNow?.pid),
            .optional(largestNow?.bytes),
            .optional(largestPeak?.program), .optional(largestPeak?.pid),
            .optional(largestPeak?.bytes),
            .unsigned(UInt64(host.description.intervalMilliseconds)),
            .boolean(host.isViewRestricted), .labels(host.description.labels),
            .optional(thousandths: health?.processorThousandths), .optional(health?.residentBytes),
            .optional(health?.anonymousBytes), .optional(health?.peakBytes),
            .optional((health?.intervalMilliseconds).map { UInt64($0) }),
            .optional((health?.askedIntervalMilliseconds).map { UInt64($0) }),
            .optional(thousandths: health?.lookMicroseconds),
            (health?.sources.words).map { .array($0.map { .text($0) }) } ?? .null,
            .optional(host.storeBytes), .boolean(!host.isAwaited),
        ]
        return .object(zip(HostsView.Row.columns, values).map { JSONValue.Member($0, $1) })
    }

    var csv: [CSVText.Field] {
        [
            .name(host.description.name), .text(host.id.text), .literal(host.state.rawValue),
            .time(host.lastHeardAtMilliseconds), .name(host.agentVersion),
            .name(host.description.kernelRelease), .number(host.description.processorCount),
            .number(host.description.memoryTotalBytes), .number(host.memoryUsedBytes),
            .number(host.description.swapTotalBytes), .number(liveRunCount),
            .name(largestNow?.program), .number(largestNow?.pid), .number(largestNow?.bytes),
            .name(largestPeak?.program), .number(largestPeak?.pid), .number(largestPeak?.bytes),
            .number(host.description.intervalMilliseconds),
            .boolean(host.isViewRestricted), .labels(host.description.labels),
            .thousandths(health?.processorThousandths), .number(health?.residentBytes),
            .number(health?.anonymousBytes), .number(health?.peakBytes),
            .number(health?.intervalMilliseconds), .number(health?.askedIntervalMilliseconds),
            .thousandths(health?.lookMicroseconds),
            .literal((health?.sources.words).map { $0.joined(separator: " ") }),
            .number(host.storeBytes), .boolean(!host.isAwaited),
        ]
    }
}
