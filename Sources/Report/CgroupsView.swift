public import MemoryModel

/// A cgroup as views take it in, with its times in UTC.
public struct ReportedCgroup: Hashable, Sendable {
    /// The host.
    public var host: HostID
    /// The name of that host.
    public var hostName: RawText
    /// Its boot.
    public var boot: BootID
    /// Everything known of it.
    public var record: CgroupRecord
    /// The systemd unit, as a run in it has it; nil where none is known.
    public var unit: RawText?
    /// The container, likewise.
    public var container: RawText?

    /// Takes the parts as they are.
    public init(
        host: HostID, hostName: RawText, boot: BootID, record: CgroupRecord, unit: RawText?,
        container: RawText?
    ) {
        self.host = host
        self.hostName = hostName
        self.boot = boot
        self.record = record
        self.unit = unit
        self.container = container
    }
}

/// The kernel's own peak of each cgroup, the largest first.
public struct CgroupsView: FleetView, Hashable {
    /// When the view was made, in milliseconds since the epoch in UTC.
    public var madeAtMilliseconds: Int64
    /// What was asked for.
    public var query: RangeQuery
    /// The cgroups.
    public var rows: [ReportedCgroup]
    /// What the view rests on.
    public var coverage: Coverage
    private var withoutCount: Int

    /// A view of `cgroups`.
    ///
    /// - Parameters:
    ///   - hosts: Every host.
    ///   - cgroups: Cgroups of the query's range in any order; those that do not pass its filters
    ///     are passed over.
    ///   - query: The range, filters on host, cgroup and smallest peak, and the most rows to show.
    ///   - gaps: What was missed in the range; nil where nobody asked.
    ///   - nowMilliseconds: Now, in milliseconds since the epoch in UTC.
    public init(
        hosts: [ReportedHost], cgroups: some Sequence<ReportedCgroup>, query: RangeQuery,
        gaps: GapSummary?, nowMilliseconds: Int64
    ) {
        let chosen = query.matching(hosts)
        let allowed = Set(chosen.map(\.id))
        let matched = cgroups.filter { allowed.contains($0.host) && $0.matches(query) }
            .sorted(by: CgroupsView.isLarger)
        coverage = Coverage(hosts: chosen, gaps: gaps)
        let without = NamedHosts(chosen.filter { !$0.readsCgroups }, coverage.hostNames)
        withoutCount = without.count
        coverage.hiddenRowCount = max(0, matched.count - query.top)
        coverage.furtherHostFacts.append(
            Coverage.HostFact(
                hosts: without, one: "host without cgroups", many: "hosts without cgroups"))
        rows = Array(matched.prefix(query.top))
        madeAtMilliseconds = nowMilliseconds
        self.query = query
    }

    private static func isLarger(_ left: ReportedCgroup, _ right: ReportedCgroup) -> Bool {
        let bytes = (left.record.peak?.bytes ?? 0, right.record.peak?.bytes ?? 0)
        if bytes.0 != bytes.1 { return bytes.0 > bytes.1 }
        if left.host != right.host { return left.host < right.host }
        let (mine, theirs) = (left.record.key, right.record.key)
        if mine.path != theirs.path { return mine.path < theirs.path }
        if mine.inode != theirs.inode { return mine.inode < theirs.inode }
        return (left.boot.high, left.boot.low) < (right.boot.high, right.boot.low)
    }

    /// A table, what its columns mean, and the coverage.
    public func text(style: TextStyle) -> String {
        var page = TextPage(style: style)
        page.addHeading(
            "Largest peaks of cgroups",
            facts: [
                query.rangeText(style, nowMilliseconds: madeAtMilliseconds),
                "times are \(style.zone)",
            ])
        page.addBlankLine()
        if rows.isEmpty, coverage.hostCount == 0, query.host == nil {
            page.addEmptyFleet()
        } else if rows.isEmpty {
            page.add(
                coverage.hostCount == 0
                    ? HostFilter.emptySentence(for: style) : emptySentence(style))
        } else {
            page.add(
                CgroupsTable(
                    rows: rows, hostNames: coverage.hostNames, nowMilliseconds: madeAtMilliseconds
                ).table(style))
            page.addBlankLine()
            page.add(legend, role: .secondary)
        }
        page.add(coverage)
        if query.hasRange, coverage.hostCount > 0 {
            page.add(
                "A range selects the cgroups that were there in it; the peaks are those of their"
                    + " whole life.", role: .secondary)
        }
        return page.text
    }

    private var legend: String {
        let limit =
            rows.contains(where: \.record.isPeakAtLimit)
            ? "at limit: it would have used more" : nil
        return [
            "A peak holds page cache, too, which the kernel takes back when it needs the memory;"
                + " ANON and CACHE are what it was when the peak was noticed",
            limit, PeakMark.legend(rows.map(\.peakMark)),
        ].compactMap { $0 }.joined(separator: "; ")
    }

    private func emptySentence(_ style: TextStyle) -> String {
        guard withoutCount == coverage.hostCount else {
            return LoosenedFilters.sentence(
                "cgroup", filters: query.filterKeys, hasRange: query.hasRange, style: style)
        }
        return "No agent reads the memory controller of cgroups here: mount cgroup v2 (or v1 with"
            + " the memory controller) and use a current agent."
    }

    /// Rows that were left out because fewer were asked for.
    public var hiddenRowCount: Int { coverage.hiddenRowCount }

    /// `since`, `until`, `coverage` and `rows`.
    public var json: String {
        JSONValue.object([
            JSONValue.Member("since", .time(query.sinceMilliseconds)),
            JSONValue.Member("until", .time(query.untilMilliseconds ?? madeAtMilliseconds)),
            JSONValue.Member("hosts_without_cgroups", .count(withoutCount)),
            JSONValue.Member("coverage", coverage.json),
            JSONValue.Member("rows", .array(rows.map { $0.json })),
        ]).document()
    }

    /// One line a cgroup.
    public var csv: String {
        CSVText.document(header: ReportedCgroup.columns, rows: rows.map { $0.csv })
    }
}
