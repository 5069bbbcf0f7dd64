public import MemoryModel

/// What made up the largest used memory of each host.
public struct CompositionView: FleetView, Hashable {
    /// One host in the moment of its largest used memory.
    public struct Row: Hashable, Sendable {
        /// The host.
        public var host: ReportedHost
        /// The moment; its kind is `hostUsed`.
        public var total: ReportedTotal
        /// Whether that moment is known to lie in the range.
        public var isInRange: Bool
        /// The runs that held most then, the largest first.
        public var shares: [Share]
    }

    /// A run in that moment.
    public struct Share: Hashable, Sendable {
        /// Which run.
        public var key: RunKey
        /// What is known of it; nil where the collector does not keep it any more.
        public var run: RunRecord?
        /// What it held then, in bytes.
        public var residentBytes: UInt64
    }

    /// When the view was made, in milliseconds since the epoch in UTC.
    public var madeAtMilliseconds: Int64
    /// What was asked for.
    public var query: RangeQuery
    /// The hosts, the fullest first.
    public var rows: [Row]
    /// What the view rests on.
    public var coverage: Coverage

    /// The totals that a view shows: of each host the greatest of the range.
    ///
    /// Of several, one whose moment is known to lie in the range goes before others: those of the
    /// hours at the ends of the range may lie outside.
    ///
    /// - Parameters:
    ///   - totals: Totals of the kind `hostUsed` in any order.
    ///   - hosts: Every host.
    ///   - query: The range, a filter on hosts and the most of them to show.
    /// - Returns: One total for each host that has one, the fullest host first.
    public static func selected(
        _ totals: some Sequence<ReportedTotal>, hosts: [ReportedHost], query: RangeQuery
    ) -> [ReportedTotal] {
        let chosen = query.matching(hosts)
        let memory = Dictionary(
            chosen.map { ($0.id, $0.description.memoryTotalBytes) }, uniquingKeysWith: max)
        var best: [HostID: ReportedTotal] = [:]
        for total in totals
        where total.subject.kind == .hostUsed && memory[total.host] != nil
            && total.overlaps(query.range)
        {
            if let known = best[total.host], !isBetter(total, than: known, query) { continue }
            best[total.host] = total
        }
        func fullness(_ total: ReportedTotal) -> Int {
            Permille.of(total.peak.bytes, memory[total.host] ?? 0) ?? 0
        }
        return best.values.sorted { left, right in
            let shares = (fullness(left), fullness(right))
            return shares.0 == shares.1 ? left.host < right.host : shares.0 > shares.1
        }
    }

    private static func isBetter(
        _ total: ReportedTotal, than known: ReportedTotal, _ query: RangeQuery
    ) -> Bool {
        let (mine, theirs) = (total.isMoment(in: query.range), known.isMoment(in: query.range))
        return mine == theirs ? known.peak < total.peak : mine
    }

    /// A view of what `selected` gave.
    ///
    /// - Parameters:
    ///   - hosts: Every host.
    ///   - selected: The totals in the order to show them.
    ///   - runs: The runs of their compositions, as far as they are known.
    ///   - query: The query that they were selected by.
    ///   - gaps: What was missed in the range; nil where nobody asked.
    ///   - nowMilliseconds: Now, in milliseconds since the epoch in UTC.
    public init(
        hosts: [ReportedHost], selected: [ReportedTotal], runs: [RunKey: RunRecord],
        query: RangeQuery, gaps: GapSummary?, nowMilliseconds: Int64
    ) {
        let known = Dictionary(hosts.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        coverage = Coverage(hosts: query.matching(hosts), gaps: gaps)
        coverage.hiddenRowCount = max(0, selected.count - query.top)
        madeAtMilliseconds = nowMilliseconds
        self.query = query
        rows = selected.prefix(query.top).compactMap { total in
            known[total.host].map { host in
                Row(
                    host: host, total: total, isInRange: total.isMoment(in: query.range),
                    shares: total.runKeys.map { key, bytes in
                        Share(key: key, run: runs[key], residentBytes: bytes)
                    })
            }
        }
    }

    /// A heading and a table for each host, and the coverage.
    public func text(style: TextStyle) -> String {
        var page = TextPage(style: style)
        page.addHeading(
            "What held the memory",
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
        }
        for row in rows {
            page.addBlankLine()
            add(row, to: &page)
        }
        if !rows.isEmpty {
            page.addBlankLine()
            page.add(
                "Each host in the moment of its largest used memory. Resident memory counts shared"
                    + " pages once for each process, so that shares can add up to more than was"
                    + " used.", role: .secondary)
        }
        page.add(coverage)
        return page.text
    }

    private func emptySentence(_ style: TextStyle) -> String {
        "No host has said what its memory was made of"
            + (query.hasRange
                ? " in this range; ask for a longer one (\(style.key("since")))," : " yet; wait,")
            + " or update agents that do not say it."
    }

    private func add(_ row: Row, to page: inout TextPage) {
        let style = page.style
        let host = row.host.description
        var facts = ["\(ByteSize(row.total.peak.bytes).text) used"]
        if let share = Permille.of(row.total.peak.bytes, host.memoryTotalBytes) {
            facts[0] +=
                " of \(ByteSize(host.memoryTotalBytes).text) (\(DecimalText.tenths(share)) %)"
        }
        let at = row.total.peak.atMilliseconds.map {
            style.time($0, now: madeAtMilliseconds)
        }
        facts.append(at ?? "time unknown")
        if !row.isInRange { facts.append("perhaps outside the range") }
        facts.append(
            "\(DecimalText.grouped(Int(clamping: row.total.peak.runCount))) "
                + (row.total.peak.runCount == 1 ? "process" : "processes"))
        page.addHeading(
            style.name(coverage.hostNames.text(host.name, row.host.id)), facts: facts)
        if row.shares.isEmpty {
            page.add("No process of that moment is known.", role: .secondary)
        } else {
            page.add(row.table(style))
        }
    }

    /// Rows that were left out because fewer were asked for.
    public var hiddenRowCount: Int { coverage.hiddenRowCount }

    /// `since`, `until`, `coverage` and `rows`, each row a host with its `runs`.
    public var json: String {
        JSONValue.object([
            JSONValue.Member("since", .time(query.sinceMilliseconds)),
            JSONValue.Member("until", .time(query.untilMilliseconds ?? madeAtMilliseconds)),
            JSONValue.Member("coverage", coverage.json),
            JSONValue.Member("rows", .array(rows.map { $0.json })),
        ]).document()
    }

    /// One line a run, with its host's figures in each; a host without runs has one line.
    public var csv: String {
        CSVText.document(header: Row.columns, rows: rows.flatMap { $0.csv })
    }
}

extension ReportedTotal {
    /// The runs of its composition with what they held.
    public var runKeys: [(key: RunKey, residentBytes: UInt64)] {
        peak.composition.prefix(TotalPeak.maximumShares).map { share in
            (RunKey(host: host, boot: boot, process: share.key), share.residentBytes)
        }
    }
}
