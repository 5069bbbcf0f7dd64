public import MemoryModel

/// A kill for want of memory as views take it in.
public struct ReportedKill: Hashable, Sendable {
    /// The host.
    public var host: HostID
    /// The name of that host.
    public var hostName: RawText
    /// Its boot.
    public var boot: BootID
    /// The kill.
    public var kill: OutOfMemoryKill
    /// When it was, in milliseconds since the epoch in UTC; nil where the clock of the host could
    /// not be trusted.
    public var atMilliseconds: Int64?
    /// The victim's run; nil if it was not followed or is not kept any more.
    public var run: RunRecord?

    /// Takes the parts as they are.
    public init(
        host: HostID, hostName: RawText, boot: BootID, kill: OutOfMemoryKill,
        atMilliseconds: Int64?, run: RunRecord?
    ) {
        self.host = host
        self.hostName = hostName
        self.boot = boot
        self.kill = kill
        self.atMilliseconds = atMilliseconds
        self.run = run
    }

    /// The name of the victim's run; nil if it was not followed.
    public var runKey: RunKey? {
        kill.run.map { RunKey(host: host, boot: boot, process: $0) }
    }
}

/// Which processes the kernel killed for want of memory, the latest first.
public struct KillsView: FleetView, Hashable {
    /// When the view was made, in milliseconds since the epoch in UTC.
    public var madeAtMilliseconds: Int64
    /// What was asked for.
    public var query: RangeQuery
    /// The kills.
    public var rows: [ReportedKill]
    /// What the view rests on.
    public var coverage: Coverage
    private var blind: NamedHosts

    /// A view of `kills`.
    ///
    /// - Parameters:
    ///   - hosts: Every host.
    ///   - kills: Kills in any order; those that do not match are passed over.
    ///   - query: The range, filters on host, program and user, and the most rows to show.
    ///   - gaps: What was missed in the range; nil where nobody asked.
    ///   - nowMilliseconds: Now, in milliseconds since the epoch in UTC.
    public init(
        hosts: [ReportedHost], kills: some Sequence<ReportedKill>, query: RangeQuery,
        gaps: GapSummary?, nowMilliseconds: Int64
    ) {
        let chosen = query.matching(hosts)
        let allowed = Set(chosen.map(\.id))
        let matched = kills.filter { allowed.contains($0.host) && $0.matches(query) }
            .sorted(by: KillsView.isLater)
        coverage = Coverage(hosts: chosen, gaps: gaps)
        coverage.hiddenRowCount = max(0, matched.count - query.top)
        // Their agents cannot see who is killed for want of memory.
        blind = NamedHosts(chosen.filter { !$0.seesKills }, coverage.hostNames)
        coverage.furtherHostFacts.append(
            Coverage.HostFact(
                hosts: blind, one: "host cannot see such kills",
                many: "hosts cannot see such kills"))
        rows = Array(matched.prefix(query.top))
        madeAtMilliseconds = nowMilliseconds
        self.query = query
    }

    private static func isLater(_ left: ReportedKill, _ right: ReportedKill) -> Bool {
        if left.atMilliseconds != right.atMilliseconds {
            return left.atMilliseconds ?? .min > right.atMilliseconds ?? .min
        }
        if left.host != right.host { return left.host < right.host }
        return (left.kill.atMilliseconds, left.kill.pid ?? 0)
            > (right.kill.atMilliseconds, right.kill.pid ?? 0)
    }

    /// A table and the coverage.
    public func text(style: TextStyle) -> String {
        var page = TextPage(style: style)
        page.addHeading(
            "Killed for want of memory",
            facts: [
                query.rangeText(style, nowMilliseconds: madeAtMilliseconds),
                "times are \(style.zone)",
            ])
        page.addBlankLine()
        if rows.isEmpty, coverage.hostCount == 0, query.host == nil {
            page.addEmptyFleet()
        } else if rows.isEmpty {
            page.add(coverage.hostCount == 0 ? HostFilter.emptySentence(for: style) : emptySentence)
        } else {
            let table = KillsTable(
                rows: rows, hostNames: coverage.hostNames, nowMilliseconds: madeAtMilliseconds
            ).table(style)
            page.add(table)
            let legend = legend(of: table, style)
            if !legend.isEmpty {
                page.addBlankLine()
                page.add(legend, role: .secondary)
            }
        }
        page.add(coverage)
        return page.text
    }

    /// What the columns and marks mean that a table of this width has.
    private func legend(of table: TextTable, _ style: TextStyle) -> String {
        let meanings = [
            ("HELD", "HELD is what it had when it was killed"),
            (
                "KNOWN BY",
                "KNOWN BY the kernel's log, the count of its cgroup, the record of its exit"
            ),
        ]
        let shown = meanings.filter { table.shows($0.0, style: style) }.map(\.1)
        let marks = PeakMark.legend(rows.map(\.peakMark))
        return (shown + [marks].compactMap { $0 }).joined(separator: "; ")
    }

    private var emptySentence: String {
        let filtered = query.isFiltered ? " that matches" : ""
        let start = "No process\(filtered) is known to have been killed for want of memory"
        guard blind.count > 0 else { return start + "." }
        return start + ", but \(blind.count == 1 ? "1 host" : "\(blind.count) hosts") could not"
            + " tell: let the agent there read /dev/kmsg (CAP_SYSLOG) or its memory cgroups."
    }

    /// Rows that were left out because fewer were asked for.
    public var hiddenRowCount: Int { coverage.hiddenRowCount }

    /// `since`, `until`, `coverage` and `rows`.
    public var json: String {
        JSONValue.object([
            JSONValue.Member("since", .time(query.sinceMilliseconds)),
            JSONValue.Member("until", .time(query.untilMilliseconds ?? madeAtMilliseconds)),
            JSONValue.Member("hosts_that_cannot_see_kills", .count(blind.count)),
            JSONValue.Member("coverage", coverage.json),
            JSONValue.Member("rows", .array(rows.map { $0.json })),
        ]).document()
    }

    /// One line a kill.
    public var csv: String {
        CSVText.document(header: ReportedKill.columns, rows: rows.map { $0.csv })
    }
}
