public import MemoryModel

/// What monitoring is told: the hosts, the largest programs, the agents, and the collector itself.
///
/// How many series there are is bounded by `maximumHosts` and by the number of programs that was
/// asked for, whatever the fleet runs.
public struct FleetMetrics: Sendable {
    /// A host and what is known of it now.
    public struct Host: Sendable {
        /// The host.
        public var host: ReportedHost
        /// The most that was in use in this hour and the one before, in bytes.
        public var usedPeakBytes: UInt64?
        /// Its processes that live.
        public var processCount: Int
        /// Its gaps by reason, of all of time.
        public var gaps: [GapReason: UInt64]

        /// Takes the parts as they are.
        public init(
            host: ReportedHost, usedPeakBytes: UInt64?, processCount: Int,
            gaps: [GapReason: UInt64]
        ) {
            self.host = host
            self.usedPeakBytes = usedPeakBytes
            self.processCount = processCount
            self.gaps = gaps
        }
    }

    /// A program over all hosts.
    public struct Program: Hashable, Sendable {
        /// The largest peak of one of its runs, in bytes.
        public var peakBytes: UInt64 = 0
        /// Its processes that live.
        public var processCount = 0
        /// What these hold together, in bytes; a shared page counts once for each.
        public var residentBytes: UInt64 = 0

        /// A program of which nothing is known.
        public init() {}

        /// Counts `run` in; `isAlive` is false for one whose host is gone.
        public mutating func add(_ run: RunRecord, isAlive: Bool) {
            if let peak = run.peak, !run.isPeakInherited { peakBytes = max(peakBytes, peak.bytes) }
            guard isAlive, run.end == nil else { return }
            processCount += 1
            residentBytes = residentBytes.addingClamped(run.current?.residentBytes ?? 0)
        }

        /// Both programs as one.
        public func adding(_ other: Program) -> Program {
            var sum = self
            sum.peakBytes = max(peakBytes, other.peakBytes)
            sum.processCount += other.processCount
            sum.residentBytes = residentBytes.addingClamped(other.residentBytes)
            return sum
        }
    }

    /// Every host, in any order.
    public var hosts: [Host]
    /// The programs by their names, all or only the largest.
    public var programs: [RawText: Program]
    /// The most programs that get series of their own.
    public var top: Int
    /// The collector itself.
    public var collector: CollectorFigures

    /// The most hosts that get series of their own; the latest heard of do.
    public static let maximumHosts = 10_000
    /// How many programs may be asked for.
    public static let topRange = 0...10_000
    /// The longest part of a name that is in a label, in bytes.
    static let maximumLabelBytes = 256

    /// Takes the parts as they are.
    public init(
        hosts: [Host], programs: [RawText: Program], top: Int, collector: CollectorFigures
    ) {
        self.hosts = hosts
        self.programs = programs
        self.top = top
        self.collector = collector
    }

    /// The metrics as text.
    public func text(as format: MetricsFormat) -> String {
        var text = MetricsText(format: format)
        addFleet(to: &text)
        let shown = hosts.count <= FleetMetrics.maximumHosts ? hosts : latestHosts
        addHosts(shown, to: &text)
        addAgents(shown, to: &text)
        addPrograms(to: &text)
        collector.add(to: &text)
        return text.finished()
    }

    private var latestHosts: [Host] {
        let order = hosts.sorted { left, right in
            let (mine, theirs) = (left.host, right.host)
            return (theirs.lastHeardAtMilliseconds, mine.id)
                < (mine.lastHeardAtMilliseconds, theirs.id)
        }
        return Array(order.prefix(FleetMetrics.maximumHosts))
    }

    // MARK: Hosts

    private typealias Sample = MetricsText.Sample

    private static func labels(_ host: ReportedHost) -> [MetricsText.Label] {
        [("host", label(host.description.name)), ("host_id", host.id.text)]
    }

    private static func label(_ name: RawText) -> String {
        DisplayText.escaped(name.clamped(toBytes: maximumLabelBytes))
    }

    private func addFleet(to text: inout MetricsText) {
        let states = HostState.allCases.map { state in
            Sample(
                .integer(UInt64(hosts.count { $0.host.state == state && $0.host.isAwaited })),
                [("state", state.rawValue)])
        }
        text.add("highwater_hosts", .gauge, "Hosts by state: up, late or gone.", states)
        let beyond = max(0, hosts.count - FleetMetrics.maximumHosts)
        text.add(
            "highwater_hosts_without_series", .gauge,
            "Hosts that have no series of their own here, as there are too many.",
            [Sample(.integer(UInt64(beyond)))])
    }

    private func addHosts(_ hosts: [Host], to text: inout MetricsText) {
        func add(
            _ name: String, unit: String? = nil, _ help: String,
            _ value: (Host) -> MetricValue?
        ) {
            text.add(
                "highwater_host_" + name, .gauge, unit: unit, help,
                hosts.compactMap { host in
                    value(host).map { Sample($0, FleetMetrics.labels(host.host)) }
                })
        }
        add("up", "Whether the host's agent reports.") {
            $0.host.isAwaited ? .integer($0.host.state == .up ? 1 : 0) : nil
        }
        add(
            "last_heard_timestamp_seconds", unit: "seconds",
            "When the host was last heard of, since the epoch."
        ) { .thousandths(UInt64(clamping: $0.host.lastHeardAtMilliseconds)) }
        add("memory_size_bytes", unit: "bytes", "Memory that the host has.") {
            let size = $0.host.description.memoryTotalBytes
            return size > 0 ? .integer(size) : nil
        }
        add("memory_used_bytes", unit: "bytes", "Memory in use now (MemTotal - MemAvailable).") {
            $0.host.memoryUsedBytes.map { .integer($0) }
        }
        add(
            "memory_used_peak_bytes", unit: "bytes",
            "The most memory that was in use in this hour of UTC and the one before."
        ) { $0.usedPeakBytes.map { .integer($0) } }
        add("processes", "Processes that live.") { host in
            host.host.state == .gone ? nil : .integer(UInt64(host.processCount))
        }
    }

    // MARK: Agents

    private func addAgents(_ hosts: [Host], to text: inout MetricsText) {
        func samples(_ value: (AgentHealth) -> MetricValue?) -> [Sample] {
            hosts.compactMap { host in
                host.host.health.flatMap(value)
                    .map { Sample($0, FleetMetrics.labels(host.host)) }
            }
        }
        text.add(
            "highwater_agent_cpu_seconds", .counter, unit: "seconds",
            "Processor time of the agent since its start.",
            samples { .thousandths($0.processorMilliseconds) })
        text.add(
            "highwater_agent_resident_bytes", .gauge, unit: "bytes",
            "Resident memory of the agent.", samples { $0.residentBytes.map { .integer($0) } })
        text.add(
            "highwater_agent_interval_seconds", .gauge, unit: "seconds",
            "Time between two looks of the agent at all processes.",
            samples { .thousandths(UInt64($0.intervalMilliseconds)) })
        text.add(
            "highwater_agent_missed", .counter,
            "What agents could not see or keep, by reason, over all of their starts.",
            hosts.flatMap(FleetMetrics.missed))
        text.add(
            "highwater_agent_gaps", .counter,
            "Stretches of time in which an agent may have missed something, by reason.",
            hosts.flatMap(FleetMetrics.gaps))
    }

    /// The counters that alarms are for are there also while they are zero.
    private static let constantCounters: Set<CounterReason> = [.exitRecordsLost, .runsDropped]

    private static func missed(_ host: Host) -> [Sample] {
        CounterReason.allCases.compactMap { reason in
            let count = host.host.counters[reason] ?? 0
            guard count > 0 || constantCounters.contains(reason) else { return nil }
            return Sample(.integer(count), labels(host.host) + [("reason", reason.key)])
        }
    }

    private static func gaps(_ host: Host) -> [Sample] {
        GapReason.allCases.map { reason in
            Sample(
                .integer(host.gaps[reason] ?? 0), labels(host.host) + [("reason", reason.word)])
        }
    }

    // MARK: Programs

    /// The largest programs, those whose names are the same as labels put together.
    private var largestPrograms: [(name: String, program: Program)] {
        let largest = programs.sorted {
            ($1.value.peakBytes, $0.key) < ($0.value.peakBytes, $1.key)
        }
        var shown: [(name: String, program: Program)] = []
        var places: [String: Int] = [:]
        for (name, program) in largest.prefix(top) {
            let label = FleetMetrics.label(name)
            if let place = places[label] {
                shown[place].program = shown[place].program.adding(program)
            } else {
                places[label] = shown.count
                shown.append((label, program))
            }
        }
        return shown
    }

    private func addPrograms(to text: inout MetricsText) {
        let largest = largestPrograms
        func add(
            _ name: String, unit: String? = nil, _ help: String,
            _ value: (Program) -> UInt64
        ) {
            text.add(
                "highwater_program_" + name, .gauge, unit: unit, help,
                largest.map { Sample(.integer(value($0.program)), [("program", $0.name)]) })
        }
        add(
            "peak_bytes", unit: "bytes",
            "The largest peak of a process of the program that lived within the last hour, on "
                + "any host.", \.peakBytes)
        add(
            "resident_bytes", unit: "bytes",
            "What the processes of the program hold now on all hosts; a shared page counts once "
                + "for each.", \.residentBytes)
        add("processes", "Processes of the program that live, on all hosts.") {
            UInt64($0.processCount)
        }
    }
}

extension GapReason {
    /// The word for it in labels.
    fileprivate var word: String {
        switch self {
        case .exitRecordsLost: "exit_records_lost"
        case .processEventsLost: "process_events_lost"
        case .agentDown: "agent_down"
        case .dropped: "dropped"
        }
    }
}
