import MemoryModel

extension ProgramPage {
    /// One page.
    public func text(style: TextStyle) -> String {
        var page = TextPage(style: style)
        let since = style.minute(range.lowerBound)
        page.addHeading(
            style.name(program),
            facts: [
                "program",
                "on \(DecimalText.grouped(hostCount)) "
                    + (hostCount == 1 ? "host" : "hosts"),
                "\(since) to \(style.minute(range.upperBound))", "times are \(style.zone)",
            ])
        page.addBlankLine()
        guard let row else {
            page.add(
                "No run of it overlaps this range; ask for a longer one (since).",
                role: .secondary)
            page.add(coverage)
            return page.text
        }
        addPeak(row, to: &page)
        addRuns(row, to: &page)
        addPlot(to: &page)
        addSizes(to: &page)
        addTables(to: &page)
        page.add(coverage)
        page.addWholeLives()
        return page.text
    }

    private func addPeak(_ row: ReportRow, to page: inout TextPage) {
        let style = page.style
        if let peak = row.peak {
            let bound = row.isPeakLowerBound == true ? ">= " : ""
            page.addFact("Peak", bound + ByteSize(peak.bytes).text, role: .emphasis)
            if let holder = row.peakHolder {
                let process = holder.pid.map { ", pid \($0)" } ?? ", folded with others"
                let run = largest.first.flatMap { $0.peak == peak ? $0.runID : nil }
                page.addFact(
                    "",
                    "on \(style.name(holder.hostName))\(process)"
                        + (run.map { ", run \($0)" } ?? ""))
            }
            let source = peak.sourcePhrase(isTold: row.isPeakTold)
            page.addFact("", "\(peak.timeText(style)), by \(source)")
        } else {
            page.addFact("Peak", "nothing was measured", role: .secondary)
        }
        let mark = row.areQuantilesUpperBounds ? "~" : ""
        let quantiles = [
            row.peakP95Bytes.map { "\(mark)\(ByteSize($0).text) for 95 % of the runs" },
            row.peakMedianBytes.map { "\(mark)\(ByteSize($0).text) for half of them" },
        ].compactMap { $0 }
        if !quantiles.isEmpty {
            page.addFact("At most", quantiles.joined(separator: ", "))
        }
        if row.areQuantilesUpperBounds {
            page.addFact(
                "", "~ up to 9 % too great, as small runs are folded", role: .secondary)
        }
    }

    private func addRuns(_ row: ReportRow, to page: inout TextPage) {
        var runs = DecimalText.grouped(row.runs)
        if row.liveRuns > 0 { runs += ", \(DecimalText.grouped(row.liveRuns)) of them live" }
        if row.foldedRuns > 0 {
            runs += ", \(DecimalText.grouped(row.foldedRuns)) small ones folded"
        }
        page.addFact("Runs", runs)
        if let bytes = row.currentResidentBytes {
            page.addFact("Now", "\(ByteSize(bytes).text) resident of those that live")
        }
        let phrases = ends.phrases
        if !phrases.isEmpty {
            page.addFact(
                "Ended", phrases.joined(separator: ", "),
                role: ends.outOfMemoryKills > 0 ? .problem : .plain)
        }
        if let time = row.processorMilliseconds {
            let length = DurationText.approximate(milliseconds: Int64(clamping: time))
            page.addFact("CPU", "\(length) of processor time")
        }
    }

    private func addPlot(to page: inout TextPage) {
        var plot =
            isHistoryOfPeaks
            ? HistoryPlot(points: history, range: range)
            : HistoryPlot(trimming: history, to: range)
        plot.mark = row?.peak.flatMap { peak in
            peak.bracket.map {
                HistoryPlot.Mark(
                    atMilliseconds: $0.notAfterMilliseconds, bytes: peak.bytes,
                    text: "PEAK \(ByteSize(peak.bytes).text)")
            }
        }
        let length = history.first?.length == .day ? "day" : "hour"
        page.add(
            plot,
            title: isHistoryOfPeaks
                ? "Largest peak that a run reached, by \(length)"
                : "Largest run over time",
            facts: plot.facts(asked: range, page.style),
            otherwise: "When its peaks were reached is not known in this range.")
    }

    private func addSizes(to page: inout TextPage) {
        let bars = SizeBars(sizes)
        guard bars.rows.count > 1 else { return }
        page.addSection("How many runs peaked at which size", bars.table(page.style))
    }

    private func addTables(to page: inout TextPage) {
        let style = page.style
        func add(_ title: String, _ rows: [ReportRow], _ grouping: ReportQuery.Grouping) {
            guard !rows.isEmpty else { return }
            page.addSection(
                title,
                ReportTable(
                    rows: rows, grouping: grouping, hostNames: coverage.hostNames,
                    nowMilliseconds: madeAtMilliseconds
                ).table(style: style))
        }
        if hostCount > 1 { add("By host, the largest peaks", hosts, .host) }
        if hostCount > hosts.count {
            page.add(
                "\(DecimalText.grouped(hostCount - hosts.count)) more; memcollector report --by"
                    + " host --program shows all.", role: .secondary)
        }
        add("Largest runs", largest, .run)
        if Set(latest.map(\.runID)) != Set(largest.map(\.runID)) {
            add("Latest peaks", latest, .run)
        }
        if !kills.isEmpty {
            page.addSection(
                "Killed for want of memory",
                KillsTable(
                    rows: kills, hostNames: coverage.hostNames, nowMilliseconds: madeAtMilliseconds
                ).table(style))
        }
        let marks = (hosts + largest + latest).map(\.peakMark) + kills.map(\.peakMark)
        if let legend = PeakMark.legend(marks) { page.add(legend, role: .secondary) }
    }

    /// `kind`, `at`, `since`, `until`, `program` (a row of a report), `host_count`, `ends`,
    /// `sizes`, `history`, `hosts`, `largest_runs`, `latest_runs`, `kills` and `coverage`.
    public var json: String {
        typealias Member = JSONValue.Member
        let whole = row ?? ReportRow(runs: 0)
        return JSONValue.object([
            Member("kind", .text("program")),
            Member("at", .time(madeAtMilliseconds)),
            Member("since", .time(range.lowerBound)),
            Member("until", .time(range.upperBound)),
            Member("name", .name(program)),
            Member("program", ReportColumns.json(whole)),
            Member("host_count", .count(hostCount)),
            Member("ends", ends.json),
            Member("sizes", SizeBars(sizes).json),
            Member("history_is_of_peaks", .boolean(isHistoryOfPeaks)),
            Member("history", HistoryText.json(history)),
            Member("hosts", .array(hosts.map(ReportColumns.json))),
            Member("largest_runs", .array(largest.map(ReportColumns.json))),
            Member("latest_runs", .array(latest.map(ReportColumns.json))),
            Member("kills", .array(kills.map { $0.json })),
            Member("coverage", coverage.json),
        ]).document()
    }

    /// What it held over time, one line a window.
    public var csv: String { HistoryText.csv(history) }
}

extension EndCounts {
    /// How many ended how, most first; what lives is not in it.
    var phrases: [String] {
        var counts: [(Int, String)] = [(outOfMemoryKills, "killed for want of memory")]
        counts += codes.map { ($0.value, "exit \($0.key)") }
        counts += signals.map { ($0.value, SignalName.text($0.key)) }
        counts += [
            (executed, "went on as another program"), (unknown, "nobody knows how"),
            (foldedFailures, "of the folded ones failed"),
        ]
        return counts.filter { $0.0 > 0 }
            .sorted { $0.0 == $1.0 ? $0.1 < $1.1 : $0.0 > $1.0 }
            .map { "\(DecimalText.grouped($0.0)) \($0.1)" }
    }

    var json: JSONValue {
        typealias Member = JSONValue.Member
        func counts(_ counts: [Int32: Int]) -> JSONValue {
            .object(
                counts.sorted { $0.key < $1.key }.map { Member(String($0.key), .count($0.value)) })
        }
        return .object([
            Member("live", .count(live)), Member("exit_codes", counts(codes)),
            Member("exit_signals", counts(signals)), Member("oom_killed", .count(outOfMemoryKills)),
            Member("executed", .count(executed)), Member("unknown", .count(unknown)),
            Member("folded", .count(folded)), Member("folded_failures", .count(foldedFailures)),
        ])
    }
}
