import MemoryModel

/// How the collector's store is.
public struct StoreStatus: Hashable, Sendable {
    /// When it last committed, in milliseconds since the epoch in UTC; nil if it has not yet.
    public var lastCommitAtMilliseconds: Int64?
    /// What it takes on disk with its log, in bytes; nil where that is not known.
    public var sizeBytes: UInt64?
    /// What of that is the log that it writes first, in bytes; nil where that is not known.
    public var logBytes: UInt64?
    /// What is wrong with it, a phrase each; empty when all is well.
    public var problems: [String]
    /// What of it takes how much, roughly; nil where nobody measured.
    public var parts: StoreParts?

    /// Takes the parts as they are.
    public init(lastCommitAtMilliseconds: Int64?, sizeBytes: UInt64?, problems: [String] = []) {
        self.lastCommitAtMilliseconds = lastCommitAtMilliseconds
        self.sizeBytes = sizeBytes
        self.problems = problems
    }
}

/// How much of the disk what a store keeps takes, roughly, in bytes.
public struct StoreParts: Hashable, Sendable {
    /// What runs held in each minute, packed.
    public var minutesBytes: UInt64
    /// What programs held in each hour.
    public var hoursBytes: UInt64
    /// What programs held in each day.
    public var daysBytes: UInt64
    /// Runs, and everything else.
    public var runsBytes: UInt64
    /// What is free within the file and will be used again.
    public var freeBytes: UInt64

    /// Takes the parts as they are.
    public init(
        minutesBytes: UInt64, hoursBytes: UInt64, daysBytes: UInt64, runsBytes: UInt64,
        freeBytes: UInt64
    ) {
        self.minutesBytes = minutesBytes
        self.hoursBytes = hoursBytes
        self.daysBytes = daysBytes
        self.runsBytes = runsBytes
        self.freeBytes = freeBytes
    }

    fileprivate var words: String {
        [
            ("minutes", minutesBytes), ("hours", hoursBytes), ("days", daysBytes),
            ("runs", runsBytes),
        ].map {
            // What is not packed yet is among the runs, and nobody knows how much it is.
            "\($0.0) \($0.1 == 0 ? "-" : ByteSize($0.1).text)"
        }.joined(separator: ", ")
    }
}

/// The fleet on one page.
public struct SummaryView: FleetView, Hashable {
    /// When the view was made, in milliseconds since the epoch in UTC.
    public var madeAtMilliseconds: Int64
    /// The hosts.
    public var hosts: [HostsView.Row]
    /// The largest peaks of the last 24 hours by program.
    public var largest: [ReportRow]
    /// How the store is.
    public var store: StoreStatus
    /// What the view rests on.
    public var coverage: Coverage

    /// How many programs are shown.
    public static let largestCount = 10
    /// Up to so many hosts each have a line of their own.
    public static let listedHostLimit = 10
    /// How far back peaks are taken in, in milliseconds: 24 hours.
    public static let rangeMilliseconds: Int64 = 86_400_000

    /// From this share of memory in use on, in tenths of a percent, it is shown as a warning.
    static let tightPermille = 900

    /// Takes the parts as they are.
    public init(
        madeAtMilliseconds: Int64, hosts: [HostsView.Row], largest: [ReportRow],
        store: StoreStatus, coverage: Coverage
    ) {
        self.madeAtMilliseconds = madeAtMilliseconds
        self.hosts = hosts
        self.largest = largest
        self.store = store
        self.coverage = coverage
    }

    /// The query for the runs that a summary takes in.
    public static func query(nowMilliseconds: Int64) -> ReportQuery {
        var query = ReportQuery()
        query.sinceMilliseconds = nowMilliseconds.subtractingClamped(rangeMilliseconds)
        query.grouping = .program
        query.top = largestCount
        return query
    }

    /// A summary of `hosts`.
    ///
    /// - Parameters:
    ///   - hosts: Every host.
    ///   - runs: Every run that matches `query(nowMilliseconds:)`, all that live among them.
    ///   - store: How the store is.
    ///   - nowMilliseconds: Now, in milliseconds since the epoch in UTC.
    ///   - gaps: What was missed in the range of the query; nil where nobody asked.
    ///   - folds: The folded runs of that range.
    ///   - hourly: Used memory by hour, of `HostsView.sparkRange(nowMilliseconds:)`.
    public init(
        hosts: [ReportedHost], runs: [ReportedRun], store: StoreStatus, nowMilliseconds: Int64,
        gaps: GapSummary? = nil, folds: [ReportedFold] = [], hourly: [ReportedTotal] = []
    ) {
        let query = SummaryView.query(nowMilliseconds: nowMilliseconds)
        let result = ReportBuilder(query: query, nowMilliseconds: nowMilliseconds)
            .result(of: runs, folds: folds, hosts: hosts, gaps: gaps)
        // That there are more programs goes without saying on one page.
        var coverage = result.coverage
        coverage.hiddenRowCount = 0
        self.init(
            madeAtMilliseconds: nowMilliseconds,
            hosts: HostsView(
                hosts: hosts, runs: runs, nowMilliseconds: nowMilliseconds, hourly: hourly
            ).rows,
            largest: result.rows, store: store, coverage: coverage)
    }

    /// Memory of all hosts that are not gone, in bytes.
    public var memoryTotalBytes: UInt64 {
        hosts.filter { $0.host.memoryUsedBytes != nil }
            .reduce(0) { $0.addingClamped($1.host.description.memoryTotalBytes) }
    }

    /// What of it is in use, in bytes.
    public var memoryUsedBytes: UInt64 {
        hosts.reduce(0) { $0.addingClamped($1.host.memoryUsedBytes ?? 0) }
    }

    /// Runs that live.
    public var liveRunCount: Int { hosts.reduce(0) { $0 + $1.liveRunCount } }

    /// The living run that holds most memory now, with its host; nil where none is known.
    private var largestNow: (host: HostsView.Row, run: HostsView.LargestRun)? {
        hosts.compactMap { row in row.largestNow.map { (row, $0) } }
            .max { $0.1.bytes < $1.1.bytes }
    }

    /// One page.
    public func text(style: TextStyle) -> String {
        var page = TextPage(style: style)
        page.addHeading(
            "Highwater",
            facts: [style.fullTime(madeAtMilliseconds), "times are \(style.zone)"])
        page.addBlankLine()
        guard !hosts.isEmpty else {
            page.addEmptyFleet()
            page.addBlankLine()
            addStore(to: &page)
            return page.text
        }
        addFleet(to: &page)
        addStore(to: &page)
        page.addBlankLine()
        addLargest(to: &page)
        page.addBlankLine()
        addHosts(to: &page)
        page.add(coverage)
        return page.text
    }

    private func addFleet(to page: inout TextPage) {
        let style = page.style
        var states = ["\(DecimalText.grouped(coverage.upHostCount)) up"]
        if coverage.lateHosts.count > 0 { states.append("\(coverage.lateHosts.count) late") }
        if coverage.goneHosts.count > 0 { states.append("\(coverage.goneHosts.count) gone") }
        let commands = coverage.hostCount - coverage.awaitedHostCount
        if commands > 0 { states.append("\(DecimalText.grouped(commands)) with commands only") }
        let isWell = coverage.upHostCount == coverage.awaitedHostCount
        page.addFact("Hosts", states.joined(separator: ", "), role: isWell ? .good : .warning)
        if let share = Permille.of(memoryUsedBytes, memoryTotalBytes) {
            let used = ByteSize(memoryUsedBytes).text
            let fact =
                "\(used) of \(ByteSize(memoryTotalBytes).text) in use"
                + " (\(DecimalText.tenths(share)) %)"
            page.addFact(
                "Memory", fact, barPermille: share,
                role: share >= SummaryView.tightPermille ? .warning : .plain)
        } else {
            page.addFact("Memory", "not known now", role: .secondary)
        }
        var runs = "\(DecimalText.grouped(liveRunCount)) live"
        if let (row, run) = largestNow {
            let host = coverage.hostNames.text(row.host.description.name, row.host.id)
            runs +=
                "; the largest now is \(style.name(run.program)) with \(ByteSize(run.bytes).text)"
                + " on \(style.name(host))"
        }
        page.addFact("Runs", runs)
        if let problem = agentProblem(style) { page.addFact("Agents", problem, role: .warning) }
    }

    /// Agents that cost more than they should, or look less often because of it; nil if none.
    private func agentProblem(_ style: TextStyle) -> String? {
        let present = hosts.map(\.host).filter { $0.state != .gone }
        func named(_ hosts: [ReportedHost], _ one: String, _ many: String) -> String? {
            guard let first = hosts.first else { return nil }
            let others = hosts.count > 1 ? " and \(hosts.count - 1) more" : ""
            return "\(DecimalText.grouped(hosts.count)) \(hosts.count == 1 ? one : many)"
                + " (\(style.name(first.description.name))\(others))"
        }
        let problems = [
            named(
                present.filter(\.isAgentOverBudget), "uses more than its share of a processor",
                "use more than their share of a processor"),
            named(
                present.filter(\.isAgentStretched), "looks less often than asked",
                "look less often than asked"),
        ].compactMap { $0 }
        return problems.isEmpty ? nil : problems.joined(separator: "; ")
    }

    private func addStore(to page: inout TextPage) {
        var facts: [String] = []
        if let size = store.sizeBytes {
            let log = min(store.logBytes ?? 0, size)
            let free = store.parts.map { " (\(ByteSize($0.freeBytes).text) of it free)" } ?? ""
            facts.append("\(ByteSize(size - log).text) on disk" + free)
            if log > 0 { facts.append("\(ByteSize(log).text) of write-ahead log") }
        }
        if let at = store.lastCommitAtMilliseconds {
            let age = max(0, madeAtMilliseconds.subtractingClamped(at)) / 1_000 * 1_000
            facts.append("last commit \(DurationText.approximate(milliseconds: age)) ago")
        } else {
            facts.append("nothing committed yet")
        }
        page.addFact("Store", facts.joined(separator: ", "))
        if let parts = store.parts { page.addFact("", parts.words, role: .secondary) }
        for problem in store.problems {
            page.addFact("", page.style.name(RawText(problem)), role: .problem)
        }
    }

    private func addLargest(to page: inout TextPage) {
        page.addHeading("Largest peaks of the last 24 hours, by program")
        guard !largest.isEmpty else {
            page.add("No run has been measured in the last 24 hours.", role: .secondary)
            return
        }
        let table = ReportTable(
            rows: largest, grouping: .program, hostNames: coverage.hostNames,
            nowMilliseconds: madeAtMilliseconds)
        let columns = table.table(style: page.style)
        page.add(columns)
        let legends = [
            PeakMark.legend(largest.map(\.peakMark)), table.quantileLegend(of: columns, page.style),
        ].compactMap { $0 }
        if !legends.isEmpty { page.add(legends.joined(separator: "; "), role: .secondary) }
    }

    private func addHosts(to page: inout TextPage) {
        let isShort = hosts.count <= SummaryView.listedHostLimit
        let listed = isShort ? hosts : hosts.filter { $0.host.isAwaited && $0.host.state != .up }
        if !listed.isEmpty {
            page.addHeading(isShort ? "Hosts" : "Hosts that do not report")
            let shown = Array(listed.prefix(SummaryView.listedHostLimit))
            page.add(
                HostsTable(
                    rows: shown, names: coverage.hostNames, nowMilliseconds: madeAtMilliseconds
                ).table(style: page.style))
        }
        let rest = hosts.count - min(listed.count, SummaryView.listedHostLimit)
        if rest > 0 {
            page.add(
                "\(DecimalText.grouped(rest)) more \(rest == 1 ? "host" : "hosts");"
                    + " memcollector hosts shows all.",
                role: .secondary)
        }
    }

    private typealias Figure = (name: String, value: UInt64?)

    private var figures: [Figure] {
        [
            ("hosts", UInt64(coverage.hostCount)),
            ("hosts_up", UInt64(coverage.upHostCount)),
            ("hosts_late", UInt64(coverage.lateHosts.count)),
            ("hosts_gone", UInt64(coverage.goneHosts.count)),
            ("memory_total_bytes", memoryTotalBytes),
            ("memory_used_bytes", memoryUsedBytes),
            ("live_runs", UInt64(liveRunCount)),
            ("largest_peak_bytes", largest.first?.peak?.bytes),
            ("store_size_bytes", store.sizeBytes),
            ("store_minutes_bytes", store.parts?.minutesBytes),
            ("store_hours_bytes", store.parts?.hoursBytes),
            ("store_days_bytes", store.parts?.daysBytes),
            ("store_runs_bytes", store.parts?.runsBytes),
            ("store_free_bytes", store.parts?.freeBytes),
            ("store_log_bytes", store.logBytes),
            ("store_problems", UInt64(store.problems.count)),
        ]
    }

    /// `at`, the fleet's figures, `store`, `coverage`, `largest_peaks` (rows as in a report) and
    /// `host_list` (rows as in the view of hosts).
    public var json: String {
        typealias Member = JSONValue.Member
        var members = [Member("at", .time(madeAtMilliseconds))]
        members += figures.map { Member($0.name, .optional($0.value)) }
        members += [
            Member("store_last_commit_at", .time(store.lastCommitAtMilliseconds)),
            Member("store_problem_list", .array(store.problems.map { .text($0) })),
            Member("coverage", coverage.json),
            Member("largest_peaks", .array(largest.map(ReportColumns.json))),
            Member("host_list", .array(hosts.map { $0.json })),
        ]
        return JSONValue.object(members).document()
    }

    /// The fleet's figures, one line each.
    public var csv: String {
        CSVText.document(
            header: ["name", "value"],
            rows: figures.map { [.literal($0.name), .number($0.value)] })
    }
}
