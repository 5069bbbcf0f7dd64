public import MemoryModel

/// What a view rests on and what it leaves out, so that a maximum never looks complete when it
/// is not.
public struct Coverage: Hashable, Sendable {
    /// Hosts that were ever heard of and pass the filters.
    public var hostCount = 0
    /// Those of them whose agent is waited for: all but those of which only commands were told.
    public var awaitedHostCount = 0
    /// Those of these that report now.
    public var upHostCount = 0
    /// Those that should have reported by now.
    var lateHosts = NamedHosts()
    /// Those that have not reported for long.
    var goneHosts = NamedHosts()
    /// Hosts whose agent cannot see every process.
    var restrictedHosts = NamedHosts()
    /// Hosts whose kernel gives their agent no records of exits.
    var withoutExitRecordsHosts = NamedHosts()
    /// Agents that look less often than they were asked to, because looking costs too much.
    public var stretchedAgentCount = 0
    /// Hosts whose clock is more than five minutes ahead of the collector's.
    var suspectClockHosts = NamedHosts()
    /// Hosts whose id two machines claimed within the last hour.
    public var claimedTwiceHostCount = 0
    /// The first few of those in words, each with both addresses.
    var claimedTwiceHosts: [String] = []
    /// The shortest time between two samples of a host, in milliseconds; nil without hosts.
    public var shortestIntervalMilliseconds: UInt32?
    /// The longest, likewise.
    public var longestIntervalMilliseconds: UInt32?
    /// What the agents could not see, summed over the hosts.
    public var counters: [CounterReason: UInt64] = [:]
    /// What was missed in the range of the view; nil where the view has no range.
    public var gaps: GapSummary?
    /// What was watched in the range of the view; nil where nobody asked.
    public var watched: WatchedHosts?
    /// Runs that are not shown because their peak is only what they inherited.
    public var inheritedRunCount = 0
    /// Small runs that are folded and so have no row of their own in a view of single runs.
    public var unlistedFoldedRunCount = 0
    /// Small runs that are folded without the name that was asked for, and so are left out.
    public var untoldFoldedRunCount = 0
    /// Rows that are not shown because fewer were asked for.
    public var hiddenRowCount = 0
    /// Runs that are left out because the store gives no more at once.
    public var unreadRunCount = 0
    /// What its hosts are called in tables.
    var hostNames = HostNames()
    /// Facts of some hosts that the view itself adds.
    var furtherHostFacts: [HostFact] = []
    /// Whether there is more than could be read at once.
    public var isCut = false
    /// Whether sums are not shown because there are more than can be read at once.
    public var areTotalsCut = false

    /// Something that is true of some hosts.
    struct HostFact: Hashable, Sendable {
        var hosts: NamedHosts
        /// What is said of one, after its number, and of several.
        var one: String
        var many: String
    }

    /// How many of the hosts that are claimed twice are told of.
    private static let claimedTwiceLimit = 3

    /// The coverage of a view of `hosts`, with nothing left out.
    ///
    /// `gaps` is what was missed in the range of the view; nil where it has none.
    public init(hosts: [ReportedHost], gaps: GapSummary? = nil) {
        self.gaps = gaps
        hostCount = hosts.count
        hostNames = HostNames(hosts)
        func named(_ isIncluded: (ReportedHost) -> Bool) -> NamedHosts {
            NamedHosts(hosts.filter(isIncluded), hostNames)
        }
        awaitedHostCount = hosts.count(where: \.isAwaited)
        upHostCount = hosts.count { $0.isAwaited && $0.state == .up }
        lateHosts = named { $0.isAwaited && $0.state == .late }
        goneHosts = named { $0.isAwaited && $0.state == .gone }
        restrictedHosts = named(\.isViewRestricted)
        withoutExitRecordsHosts = named { !$0.hasExitRecords }
        stretchedAgentCount = hosts.count { $0.state != .gone && $0.isAgentStretched }
        suspectClockHosts = named(\.isClockSuspect)
        let claimedTwice = hosts.filter { $0.claimants != nil }.sorted { $0.id < $1.id }
        claimedTwiceHostCount = claimedTwice.count
        claimedTwiceHosts = claimedTwice.prefix(Coverage.claimedTwiceLimit).map(\.claimText)
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
        if withoutExitRecordsHosts.count > 0 || areExitRecordsLost {
            notes.append("What lived and died between two samples is not included.")
        }
        if unlistedFoldedRunCount > 0 {
            let isOne = unlistedFoldedRunCount == 1
            notes.append(
                "\(DecimalText.grouped(unlistedFoldedRunCount)) small \(isOne ? "run" : "runs")"
                    + " \(isOne ? "is" : "are") folded and not listed; by program, user, cgroup or"
                    + " host \(isOne ? "it counts" : "they count").")
        }
        if untoldFoldedRunCount > 0 {
            let isOne = untoldFoldedRunCount == 1
            notes.append(
                "\(DecimalText.grouped(untoldFoldedRunCount)) small \(isOne ? "run" : "runs")"
                    + " \(isOne ? "is" : "are") folded with program, user and cgroup alone and left"
                    + " out.")
        }
        return notes
    }

    private var areExitRecordsLost: Bool {
        guard let gaps else { return counters[.exitRecordsLost] ?? 0 > 0 }
        return gaps.sums[.exitRecordsLost] != nil
    }
}

extension Coverage {
    /// The facts in words, the most important first.
    func facts(ascii: Bool) -> [String] {
        var facts = [hostFact]
        if let fact = watched?.fact { facts.append(fact) }
        facts += hostList(lateHosts, "late", ascii: ascii)
        facts += hostList(goneHosts, "gone", ascii: ascii)
        let views = restrictedHosts.count == 1 ? "restricted view" : "restricted views"
        facts += hostList(restrictedHosts, views, ascii: ascii)
        let without = withoutExitRecordsHosts.count == 1 ? "host" : "hosts"
        facts += hostList(
            withoutExitRecordsHosts, "\(without) without exit records", ascii: ascii
        ).map { "\($0): what lived shorter than a sample is missed there" }
        facts += suspectClocks(ascii: ascii)
        facts += claimedTwiceHosts
        if claimedTwiceHostCount > claimedTwiceHosts.count {
            let more = claimedTwiceHostCount - claimedTwiceHosts.count
            facts.append(
                "\(DecimalText.grouped(more)) more host \(more == 1 ? "id is" : "ids are")"
                    + " claimed by two machines")
        }
        if let shortest = shortestIntervalMilliseconds, let longest = longestIntervalMilliseconds {
            let text = DurationText.format(milliseconds: Int64(shortest))
            facts.append(
                shortest == longest
                    ? "sampled every \(text)"
                    : "sampled every \(text) to "
                        + DurationText.format(milliseconds: Int64(longest)))
        }
        if stretchedAgentCount > 0 {
            let agents = stretchedAgentCount == 1 ? "agent looks" : "agents look"
            facts.append(
                "\(DecimalText.grouped(stretchedAgentCount)) \(agents) less often than asked to"
                    + " save processor time")
        }
        facts += gaps?.facts ?? []
        // What the gaps of the range say is not said again for all of time.
        let said: Set<CounterReason> =
            gaps == nil ? [] : [.exitRecordsLost, .processEventsLost, .runsDropped]
        for reason in CounterReason.allCases
        where !said.contains(reason) && !PythonCoverage.reasons.contains(reason) {
            if let count = counters[reason], count > 0 { facts.append(reason.fact(count)) }
        }
        for fact in furtherHostFacts {
            let noun = fact.hosts.count == 1 ? fact.one : fact.many
            facts += hostList(fact.hosts, noun, ascii: ascii)
        }
        if isCut { facts.append("not all could be read (a shorter range gives a complete view)") }
        if areTotalsCut {
            facts.append("no sums, as there are too many to read (a shorter range gives them)")
        }
        facts += leftOut
        return facts
    }

    /// The same of an earlier range beside another one; nil where nothing is known of it.
    var earlierLine: String? {
        var facts = [watched?.fact].compactMap { $0 } + (gaps?.facts ?? [])
        if isCut { facts.append("not all could be read") }
        return facts.isEmpty ? nil : "Coverage before: \(facts.joined(separator: "; "))."
    }

    private var hostFact: String {
        if hostCount == 0 { return "no hosts" }
        let count = awaitedHostCount
        guard count > 0 else { return "no host has an agent" }
        let which = count < hostCount ? " with an agent" : ""
        let noun = count == 1 ? "host\(which) reports" : "hosts\(which) report"
        return upHostCount == count
            ? "\(count == 1 ? "1" : "all \(DecimalText.grouped(count))") \(noun)"
            : "\(DecimalText.grouped(upHostCount)) of \(DecimalText.grouped(count)) hosts\(which)"
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
        let count = suspectClockHosts.count
        guard count > 0 else { return [] }
        let noun =
            count == 1
            ? "clock of 1 host is" : "clocks of \(DecimalText.grouped(count)) hosts are"
        let names = suspectClockHosts.list(ascii: ascii)
        return ["\(noun) more than 5 minutes ahead (\(names)): times unknown"]
    }

    private func hostList(_ hosts: NamedHosts, _ word: String, ascii: Bool) -> [String] {
        guard hosts.count > 0 else { return [] }
        return ["\(DecimalText.grouped(hosts.count)) \(word) (\(hosts.list(ascii: ascii)))"]
    }

    var json: JSONValue {
        typealias Member = JSONValue.Member
        let names = { (hosts: NamedHosts) in JSONValue.array(hosts.names.map { .name($0) }) }
        return .object([
            Member("hosts", .count(hostCount)),
            Member("hosts_up", .count(upHostCount)),
            Member("hosts_late", .count(lateHosts.count)),
            Member("hosts_late_names", names(lateHosts)),
            Member("hosts_gone", .count(goneHosts.count)),
            Member("hosts_gone_names", names(goneHosts)),
            Member("restricted_views", .count(restrictedHosts.count)),
            Member("restricted_view_names", names(restrictedHosts)),
            Member("suspect_clocks", .count(suspectClockHosts.count)),
            Member("suspect_clock_names", names(suspectClockHosts)),
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
            Member("hosts_without_exit_records", .count(withoutExitRecordsHosts.count)),
            Member("hosts_without_exit_records_names", names(withoutExitRecordsHosts)),
            Member("agents_stretched", .count(stretchedAgentCount)),
            Member("gaps", gapsJSON),
            Member("is_cut", .boolean(isCut || gaps?.isCut == true)),
            Member("host_ids_claimed_twice", .count(claimedTwiceHostCount)),
            Member("sums_not_read", .boolean(areTotalsCut)),
            Member("folded_runs_left_out", .count(untoldFoldedRunCount)),
            Member("hosts_without_agent", .count(hostCount - awaitedHostCount)),
        ])
    }

    /// By reason; null where the view has no range, or a count or time that nobody knows whole.
    private var gapsJSON: JSONValue {
        guard let gaps else { return .null }
        typealias Member = JSONValue.Member
        func missed(_ reason: GapReason) -> JSONValue {
            guard let sum = gaps.sums[reason] else { return .unsigned(0) }
            return sum.hasUnknownCount ? .null : .unsigned(sum.missedCount)
        }
        let down = gaps.sums[.agentDown]
        return .object([
            Member("exit_records_lost", missed(.exitRecordsLost)),
            Member("process_events_lost", missed(.processEventsLost)),
            Member("runs_dropped", missed(.dropped)),
            Member(
                "seconds_without_agent",
                down?.hasUnknownTime == true
                    ? .null : .thousandths(UInt64(clamping: down?.milliseconds ?? 0))),
            Member("processes_missed_without_agent", missed(.agentDown)),
        ])
    }
}

extension ReportedHost {
    /// Which machines claim its id, and what to do; empty where only one does.
    fileprivate var claimText: String {
        guard let claimants else { return "" }
        return "two machines claim the host id \(id.text) (\(claimants.present) and"
            + " \(claimants.refused)): the peaks of one are missed until it has another --host-id"
    }
}
