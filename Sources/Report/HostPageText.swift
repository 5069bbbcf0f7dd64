import MemoryModel

extension HostPage {
    private var known: ReportedHost { host.host }
    private var description: HostDescription { host.host.description }

    /// One page.
    public func text(style: TextStyle) -> String {
        var page = TextPage(style: style)
        let silence = madeAtMilliseconds.subtractingClamped(known.lastHeardAtMilliseconds)
        let heard = DurationText.approximate(milliseconds: max(0, silence) / 1_000 * 1_000)
        page.addHeading(
            style.name(description.name),
            facts: [
                known.stateWord, "heard \(heard) ago", "id \(known.id.text)",
                "\(style.minute(range.lowerBound)) to \(style.minute(range.upperBound))",
            ])
        page.addBlankLine()
        addMemory(to: &page)
        addSystem(to: &page)
        addAgent(to: &page)
        addPlot(to: &page)
        addTables(to: &page)
        page.add(coverage)
        page.addWholeLives()
        return page.text
    }

    private func addMemory(to page: inout TextPage) {
        let total = description.memoryTotalBytes
        if let used = known.memoryUsedBytes {
            page.addUse("Memory", used, of: total, suffix: " in use")
        } else {
            page.addFact("Memory", "not known now", role: .secondary)
        }
        if let peak = composition?.total.peak {
            let at = peak.atMilliseconds.map(page.style.fullTime) ?? "an unknown time"
            page.addUse("Most used", peak.bytes, of: total, suffix: "")
            page.addFact("", "at \(at), by the host's own figure")
        }
        if let largest = host.largestPeak {
            page.addFact(
                "Largest",
                "\(ByteSize(largest.bytes).text) by one run, "
                    + "\(page.style.name(largest.program)) (pid \(largest.pid))")
        }
        var runs = "\(DecimalText.grouped(host.liveRunCount)) live"
        if let now = host.largestNow {
            runs +=
                "; the largest now is \(page.style.name(now.program)) (pid \(now.pid)) with"
                + " \(ByteSize(now.bytes).text)"
        }
        page.addFact("Runs", runs)
    }

    private func addSystem(to page: inout TextPage) {
        let style = page.style
        let processors =
            description.processorCount == 1
            ? "1 processor" : "\(description.processorCount) processors"
        let swap =
            description.swapTotalBytes == 0
            ? "no swap" : "\(ByteSize(description.swapTotalBytes).text) of swap"
        page.addFact(
            "System",
            "Linux \(style.name(description.kernelRelease)), \(processors), \(swap)")
        if description.wallMinusBootMilliseconds > 0, !known.isClockSuspect, known.state == .up {
            let boot = description.wallMinusBootMilliseconds
            let length = madeAtMilliseconds.subtractingClamped(boot)
            page.addFact(
                "Up",
                "\(DurationText.approximate(milliseconds: length)), since"
                    + " \(style.fullTime(boot))")
        }
        let labels = LabelText.joined(description.labels, ascii: !style.unicode)
        if !labels.isEmpty { page.addFact("Labels", labels) }
        if let bound = CounterBound(description) {
            page.addFact(
                "Accuracy", "of its processes' peaks: \(bound.words(source: .hwm))",
                role: .secondary)
        }
    }

    private func addAgent(to page: inout TextPage) {
        let style = page.style
        var facts = ["version \(style.name(known.agentVersion))"]
        if let health = known.health {
            if let share = health.processorThousandths {
                facts.append(
                    "\(DecimalText.tenths(Int(clamping: (share + 50) / 100))) % of a processor")
            }
            if let bytes = health.residentBytes {
                let anonymous = health.anonymousBytes.map { " (\(ByteSize($0).text) anonymous)" }
                facts.append("\(ByteSize(bytes).text) resident\(anonymous ?? "")")
            }
            let interval = Int64(health.intervalMilliseconds)
            facts.append(
                "looks every \(DurationText.format(milliseconds: interval)),"
                    + " \(DecimalText.thousandths(health.lookMicroseconds)) ms each")
        }
        let isWell = !known.isAgentOverBudget && !known.isAgentStretched
        page.addFact("Agent", facts.joined(separator: ", "), role: isWell ? .plain : .warning)
        if known.isAgentStretched {
            page.addFact("", "looks less often than asked, to save processor time", role: .warning)
        }
        for phrase in restrictions { page.addFact("", phrase, role: .warning) }
        for phrase in PythonCoverage.phrases(known) {
            page.addFact("", phrase, role: .secondary)
        }
    }

    /// What the agent cannot see, a phrase each.
    private var restrictions: [String] {
        let all: [(ViewRestrictions, String)] = [
            (.hiddenProcesses, "other users' processes may be hidden (hidepid)"),
            (.pidNamespace, "sees only the processes of its own pid namespace"),
            (.foreignTree, "reads a tree that is not this host's own /proc"),
            (.commandsOnly, "only what 'memagent run' ran is known, and no agent was ever there"),
        ]
        var phrases = all.filter { description.restrictions.contains($0.0) }.map(\.1)
        if !known.hasExitRecords {
            phrases.append("has no exit records: what lives shorter than a look is missed")
        }
        if !known.seesKills { phrases.append("cannot see kills for want of memory") }
        return phrases
    }

    private func addPlot(to page: inout TextPage) {
        var plot = HistoryPlot(trimming: history, to: range)
        if let watched { plot.keep(to: watched) }
        plot.mark = composition.flatMap { row in
            row.total.peak.atMilliseconds.map {
                HistoryPlot.Mark(
                    atMilliseconds: $0, bytes: row.total.peak.bytes,
                    text: "PEAK \(ByteSize(row.total.peak.bytes).text)")
            }
        }
        page.add(
            plot, title: "Memory used, the most of each hour",
            facts: plot.facts(asked: range, page.style),
            otherwise: "What it used over time is not known in this range.")
    }

    private func addTables(to page: inout TextPage) {
        let style = page.style
        if let composition, !composition.shares.isEmpty {
            page.addSection("What held the memory when most was used", composition.table(style))
        }
        if !largest.isEmpty {
            page.addSection(
                "Largest runs",
                ReportTable(
                    rows: largest, grouping: .run, hostNames: coverage.hostNames,
                    nowMilliseconds: madeAtMilliseconds
                ).table(style: style))
        }
        if !cgroups.isEmpty {
            page.addSection(
                "Largest cgroups, page cache included",
                CgroupsTable(
                    rows: cgroups, hostNames: coverage.hostNames,
                    nowMilliseconds: madeAtMilliseconds
                ).table(style))
        }
        if !kills.isEmpty {
            page.addSection(
                "Killed for want of memory",
                KillsTable(
                    rows: kills, hostNames: coverage.hostNames, nowMilliseconds: madeAtMilliseconds
                ).table(style))
        }
        let marks = largest.map(\.peakMark) + cgroups.map(\.peakMark) + kills.map(\.peakMark)
        if let legend = PeakMark.legend(marks) { page.add(legend, role: .secondary) }
    }

    /// `kind`, `at`, `since`, `until`, `host` (as in the view of hosts), `peak` (as in that of
    /// compositions), `history`, `largest_runs`, `cgroups`, `kills` and `coverage`.
    public var json: String {
        typealias Member = JSONValue.Member
        let bound = CounterBound(description)?.bytes
        return JSONValue.object([
            Member("kind", .text("host")),
            Member("at", .time(madeAtMilliseconds)),
            Member("since", .time(range.lowerBound)),
            Member("until", .time(range.upperBound)),
            Member("host", host.json),
            Member("peak_error_bound_bytes", .optional(bound)),
            Member("peak", composition?.json ?? .null),
            Member("history", HistoryText.json(history)),
            Member("largest_runs", .array(largest.map(ReportColumns.json))),
            Member("cgroups", .array(cgroups.map { $0.json })),
            Member("kills", .array(kills.map { $0.json })),
            Member("coverage", coverage.json),
        ]).document()
    }

    /// What it used over time, one line a window.
    public var csv: String { HistoryText.csv(history) }
}

extension TextPage {
    /// Says which runs a page of a range has, and of when their peaks are.
    mutating func addWholeLives() {
        add(
            "The runs are those that overlap this time; their peaks are those of their whole life.",
            role: .secondary)
    }

    /// A table below its title.
    mutating func addSection(_ title: String, _ table: TextTable) {
        addBlankLine()
        addHeading(title)
        add(table)
    }

    /// A part of a whole as sizes, a share and a bar.
    mutating func addUse(_ label: String, _ bytes: UInt64, of total: UInt64, suffix: String) {
        let share = Permille.of(bytes, total)
        var text = ByteSize(bytes).text
        if let share {
            text += " of \(ByteSize(total).text)\(suffix) (\(DecimalText.tenths(share)) %)"
        }
        let isTight = share.map { $0 >= SummaryView.tightPermille } ?? false
        addFact(label, text, barPermille: share, role: isTight ? .warning : .plain)
    }
}
