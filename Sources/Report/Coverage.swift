public import MemoryModel

/// What a view rests on and what it leaves out, so that a maximum never looks complete when it
/// is not.
public struct Coverage: Hashable, Sendable {
    /// Hosts that were ever heard of and pass the filters.
    public var hostCount = 0
    /// Those of them that report now.
    public var upHostCount = 0
    /// Those that should have reported by now.
    public var lateHostCount = 0
    /// Those that have not reported for long.
    public var goneHostCount = 0
    /// Names of the first few that are late.
    public var lateHostNames: [RawText] = []
    /// Names of the first few that are gone.
    public var goneHostNames: [RawText] = []
    /// Hosts whose agent cannot see every process.
    public var restrictedHostCount = 0
    /// Names of the first few of those.
    public var restrictedHostNames: [RawText] = []
    /// Hosts whose clock is more than five minutes ahead of the collector's.
    public var suspectClockHostCount = 0
    /// Names of the first few of those.
    public var suspectClockHostNames: [RawText] = []
    /// The shortest time between two samples of a host, in milliseconds; nil without hosts.
    public var shortestIntervalMilliseconds: UInt32?
    /// The longest, likewise.
    public var longestIntervalMilliseconds: UInt32?
    /// What the agents could not see, summed over the hosts.
    public var counters: [CounterReason: UInt64] = [:]
    /// Runs that are not shown because their peak is only what they inherited.
    public var inheritedRunCount = 0
    /// Rows that are not shown because fewer were asked for.
    public var hiddenRowCount = 0
    /// Runs that are left out because the store gives no more at once.
    public var unreadRunCount = 0
    /// Whether the view is of a range of time.
    public var hasRange = false

    /// How many names of each kind are given.
    public static let namedHostLimit = 3

    /// The coverage of a view of `hosts`, with nothing left out.
    public init(hosts: [ReportedHost]) {
        hostCount = hosts.count
        func named(_ isIncluded: (ReportedHost) -> Bool) -> (Int, [RawText]) {
            let names = hosts.filter(isIncluded).map(\.description.name).sorted()
            return (names.count, Array(names.prefix(Coverage.namedHostLimit)))
        }
        upHostCount = named { $0.state == .up }.0
        (lateHostCount, lateHostNames) = named { $0.state == .late }
        (goneHostCount, goneHostNames) = named { $0.state == .gone }
        (restrictedHostCount, restrictedHostNames) = named { !$0.description.restrictions.isEmpty }
        (suspectClockHostCount, suspectClockHostNames) = named(\.isClockSuspect)
        let intervals = hosts.map(\.description.intervalMilliseconds)
        shortestIntervalMilliseconds = intervals.min()
        longestIntervalMilliseconds = intervals.max()
        for host in hosts {
            counters.merge(host.counters) { $0.addingClamped($1) }
        }
    }

    /// What is true of every view of this version, in whole sentences.
    public var notes: [String] {
        var notes: [String] = []
        if hasRange, hostCount > 0 {
            notes.append(
                "A range selects the runs that overlap it; the peaks are those of their whole"
                    + " life.")
        }
        if hostCount > 0 {
            notes.append("What lived and died between two samples is not included.")
        }
        return notes
    }
}

extension Coverage {
    /// The facts in words, the most important first.
    func facts(ascii: Bool) -> [String] {
        var facts = [hostFact]
        facts += hostList(lateHostCount, "late", lateHostNames, ascii: ascii)
        facts += hostList(goneHostCount, "gone", goneHostNames, ascii: ascii)
        if restrictedHostCount > 0 {
            let noun = restrictedHostCount == 1 ? "restricted view" : "restricted views"
            facts += hostList(restrictedHostCount, noun, restrictedHostNames, ascii: ascii)
        }
        facts += suspectClocks(ascii: ascii)
        if let shortest = shortestIntervalMilliseconds, let longest = longestIntervalMilliseconds {
            let text = DurationText.format(milliseconds: Int64(shortest))
            facts.append(
                shortest == longest
                    ? "sampled every \(text)"
                    : "sampled every \(text) to "
                        + DurationText.format(milliseconds: Int64(longest)))
        }
        for reason in CounterReason.allCases {
            if let count = counters[reason], count > 0 { facts.append(reason.fact(count)) }
        }
        facts += leftOut
        return facts
    }

    private var hostFact: String {
        if hostCount == 0 { return "no hosts" }
        let noun = hostCount == 1 ? "host reports" : "hosts report"
        return upHostCount == hostCount
            ? "\(hostCount == 1 ? "1" : "all \(DecimalText.grouped(hostCount))") \(noun)"
            : "\(DecimalText.grouped(upHostCount)) of \(DecimalText.grouped(hostCount)) hosts"
                + " \(upHostCount == 1 ? "reports" : "report")"
    }

    private var leftOut: [String] {
        var facts: [String] = []
        if inheritedRunCount > 0 {
            let noun = inheritedRunCount == 1 ? "run" : "runs"
            facts.append(
                "\(DecimalText.grouped(inheritedRunCount)) \(noun) not shown that only inherited"
                    + " \(inheritedRunCount == 1 ? "its" : "their") peak (--inherited)")
        }
        if hiddenRowCount > 0 {
            let noun = hiddenRowCount == 1 ? "row" : "rows"
            facts.append("\(DecimalText.grouped(hiddenRowCount)) more \(noun) (--top)")
        }
        if unreadRunCount > 0 {
            facts.append(
                "\(DecimalText.grouped(unreadRunCount)) runs with smaller peaks left out (min_peak"
                    + " or a shorter range gives a complete view)")
        }
        return facts
    }

    private func suspectClocks(ascii: Bool) -> [String] {
        let count = suspectClockHostCount
        guard count > 0 else { return [] }
        let noun =
            count == 1
            ? "clock of 1 host is" : "clocks of \(DecimalText.grouped(count)) hosts are"
        let names = nameList(count, suspectClockHostNames, ascii: ascii)
        return ["\(noun) more than 5 minutes ahead (\(names)): times unknown"]
    }

    private func hostList(
        _ count: Int, _ word: String, _ names: [RawText], ascii: Bool
    ) -> [String] {
        guard count > 0 else { return [] }
        return ["\(DecimalText.grouped(count)) \(word) (\(nameList(count, names, ascii: ascii)))"]
    }

    private func nameList(_ count: Int, _ names: [RawText], ascii: Bool) -> String {
        var shown = names.map { TextStyle.name($0, ascii: ascii) }
        if count > names.count { shown.append("and \(count - names.count) more") }
        return shown.joined(separator: ", ")
    }

    var json: JSONValue {
        typealias Member = JSONValue.Member
        let names = { (names: [RawText]) in JSONValue.array(names.map { .name($0) }) }
        return .object([
            Member("hosts", .count(hostCount)),
            Member("hosts_up", .count(upHostCount)),
            Member("hosts_late", .count(lateHostCount)),
            Member("hosts_late_names", names(lateHostNames)),
            Member("hosts_gone", .count(goneHostCount)),
            Member("hosts_gone_names", names(goneHostNames)),
            Member("restricted_views", .count(restrictedHostCount)),
            Member("restricted_view_names", names(restrictedHostNames)),
            Member("suspect_clocks", .count(suspectClockHostCount)),
            Member("suspect_clock_names", names(suspectClockHostNames)),
            Member(
                "shortest_interval_ms", .optional(shortestIntervalMilliseconds.map(UInt64.init))),
            Member("longest_interval_ms", .optional(longestIntervalMilliseconds.map(UInt64.init))),
            Member(
                "counters",
                .object(
                    CounterReason.allCases.map { reason in
                        Member(reason.key, .unsigned(counters[reason] ?? 0))
                    })),
            Member("inherited_runs_not_shown", .count(inheritedRunCount)),
            Member("rows_not_shown", .count(hiddenRowCount)),
            Member("runs_not_read", .count(unreadRunCount)),
            Member("notes", .array(notes.map { .text($0) })),
        ])
    }
}

extension CounterReason {
    /// The key of the counter in JSON.
    var key: String {
        switch self {
        case .vanished: "vanished"
        case .unreadable: "unreadable"
        case .malformed: "malformed"
        case .refused: "refused"
        case .skippedTicks: "skipped_ticks"
        case .runsOverLimit: "runs_over_limit"
        case .exitRecordsLost: "exit_records_lost"
        case .processEventsLost: "process_events_lost"
        case .namesNotRead: "names_not_read"
        case .stretchedTicks: "stretched_ticks"
        case .totalsOverLimit: "totals_over_limit"
        }
    }

    /// The counter in words, with the noun in the right number.
    func fact(_ count: UInt64) -> String {
        let number = DecimalText.grouped(Int(clamping: count))
        guard count == 1 else { return "\(number) \(phrase)" }
        return switch self {
        case .vanished: "1 process vanished before it could be read"
        case .unreadable: "1 read refused by the kernel"
        case .malformed: "1 malformed kernel file"
        case .refused: "1 impossible figure refused"
        case .skippedTicks: "1 sample skipped"
        case .runsOverLimit: "1 run over the limit of a host"
        case .exitRecordsLost: "1 exit record lost"
        case .processEventsLost: "1 process event lost"
        case .namesNotRead: "1 name not read in time"
        case .stretchedTicks: "1 sample left out to save processor time"
        case .totalsOverLimit: "1 sum or cgroup over the limit of a host"
        }
    }
}
