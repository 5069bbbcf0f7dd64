import Report

// What covers the lists: the help, and the page of one run.

extension ScreenRenderer {
    /// How many lines the page has that is shown.
    var pageLineCount: Int { pageLines.count }

    func drawPage(_ grid: inout Grid, _ now: Int64) {
        let lines = pageLines
        let offset =
            switch screen.page {
            case .help(let offset): offset
            case .run(let run): run.offset
            case nil: 0
            }
        for (index, line) in lines.dropFirst(offset).prefix(screen.pageHeight).enumerated() {
            grid.put(
                clamped(line.text, screen.size.columns), row: index + 1, column: 0,
                CellStyle(line.role))
        }
    }

    private var pageLines: [StyledText] {
        switch screen.page {
        case .help: ScreenRenderer.helpLines
        case .run(let page): lines(of: page)
        case nil: []
        }
    }

    static let helpLines: [StyledText] =
        [StyledText("Keys", .heading)]
        + [
            ("1 2 3 4, Tab", "hosts, processes, programs, OOM kills"),
            ("arrows, PgUp PgDn, Home End", "choose a row; so do mouse and wheel"),
            ("Enter", "a host's processes, the page of a process"),
            ("Esc", "back; clears the filter first"),
            ("/", "filter as you type: part of a name, or * ? [ ]"),
            ("s S", "next and previous order; r reverses it"),
            ("p", "pause: rows stay as they are until p again"),
            ("?", "this help"),
            ("q, Ctrl-C", "quit; Ctrl-Z stops for a while"),
        ].map { StyledText("  \(ScreenRenderer.padded($0.0, 29))\($0.1)") }
        + [
            StyledText(""), StyledText("Columns", .heading),
            StyledText("  RSS          what is resident now"),
            StyledText("  PEAK         the most that ever was; where it is not the whole truth:"),
            StyledText("               + at least  ~ largest sample  t told  i inherited at fork"),
            StyledText("  AGE          how long ago the peak was reached; > at least so long"),
            StyledText(
                "  SOURCE       exit, hwm: the kernel's mark; told: by itself; sampled: at a look"),
            StyledText("  LAST MINUTES RSS between its least and greatest, 5 s a step"),
            StyledText("  %CPU         average over the life of the process"),
            StyledText("  TOGETHER     the most that all runs of a program held at one time"),
            StyledText("Movers are the processes that changed most within a minute."),
        ]

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }

    // MARK: One run

    private func lines(of page: Screen.RunPage) -> [StyledText] {
        var lines: [StyledText] = [StyledText("")]
        if let row = page.process { lines += self.lines(of: row) }
        if let kill = page.kill { lines += self.lines(of: kill) }
        if let text = page.text, !text.isEmpty {
            lines.append(StyledText(""))
            lines += text.map { StyledText(escaped($0)) }
        }
        return lines
    }

    private func fact(_ name: String, _ value: String) -> StyledText {
        StyledText("  \(ScreenRenderer.padded(name, 12))\(value)")
    }

    private func lines(of row: ProcessRow) -> [StyledText] {
        let now = screen.atMilliseconds ?? 0
        let isThere = screen.processes.contains { $0.runID == row.runID }
        var lines = [
            StyledText(
                "\(text.name(row.program)), process \(row.pid) on \(text.name(row.host))",
                .heading),
            StyledText(
                isThere ? "" : "It is not among the living processes that are shown any more.",
                .warning),
            fact("run", row.runID),
            fact("user", text.name(row.user)),
            fact("command", text.name(row.command ?? row.program)),
            fact("running", text.age(row.elapsedMilliseconds).text),
            fact("RSS", text.size(row.residentBytes).text + share(row.memoryPermille)),
            fact("swap", text.size(row.swapBytes).text),
        ]
        if row.proportionalBytes != nil {
            lines.append(fact("PSS", text.size(row.proportionalBytes).text))
        }
        lines.append(fact("CPU", "\(text.permille(row.processorPermille).text) % of one"))
        lines += self.lines(of: row.peak, now)
        return lines + plot(of: row)
    }

    private func share(_ permille: Int?) -> String {
        permille.map { ", \(DecimalText.tenths($0)) % of the host's memory" } ?? ""
    }

    private func lines(of peak: PeakCell?, _ now: Int64) -> [StyledText] {
        guard let peak else { return [fact("peak", "not known yet")] }
        var lines = [fact("peak", "\(ByteSize(peak.bytes).text)\(peak.mark)")]
        let source =
            switch peak.source {
            case "hwm": "the kernel's own mark while it lives (hwm)"
            case "told": "what its program told of itself, or its mark if that was more (told)"
            case "exit": "the kernel's record of its exit (exit)"
            case "cgroup": "the mark of its cgroup (cgroup)"
            default: "the largest sample (\(escaped(peak.source)))"
            }
        lines.append(fact("source", source))
        let style = TextStyle(utcOffsetSeconds: text.utcOffsetSeconds)
        if let end = peak.notAfterMilliseconds {
            let from = peak.notBeforeMilliseconds.map { style.fullTime($0) + " to " } ?? "by "
            lines.append(
                fact("when", "\(from)\(style.fullTime(end)), \(text.age(now - end).text) ago"))
        }
        if peak.isInherited {
            lines.append(fact("", "no more than what its parent had when it was forked"))
        } else if peak.isLowerBound {
            lines.append(fact("", "the true peak may be higher"))
        }
        return lines
    }

    /// The last minutes of its resident memory as bars of several rows.
    private func plot(of row: ProcessRow) -> [StyledText] {
        let steps = screen.history.steps(of: row.runID, count: RunHistory.stepCount)
        guard steps.count > 1, let greatest = steps.max(), greatest > 0 else { return [] }
        let height = max(4, min(12, screen.size.rows / 4))
        let full = text.isUnicode ? "\u{2588}" : "#"
        let part = text.isUnicode ? "\u{2584}" : "."
        let length = text.age(Int64(steps.count) * RunHistory.stepMilliseconds).text
        var lines = [StyledText(""), StyledText("RSS of the last \(length)", .heading)]
        for line in (0..<height).reversed() {
            let label =
                line == height - 1
                ? ByteSize(UInt64(greatest) << 10).text : line == 0 ? "0" : ""
            let bars = steps.map { value in
                let halves = Int(UInt64(value) * UInt64(height * 2) / UInt64(greatest))
                return halves >= line * 2 + 2 ? full : halves == line * 2 + 1 ? part : " "
            }
            let margin = String(repeating: " ", count: max(0, 10 - label.count))
            lines.append(StyledText(margin + label + " " + bars.joined(), .bar))
        }
        return lines
    }

    private func lines(of kill: KillRow) -> [StyledText] {
        let (victim, host) = (text.name(kill.victim), text.name(kill.host))
        return [
            StyledText("\(victim) was killed for want of memory on \(host)", .heading),
            StyledText(""),
            fact(
                "when",
                kill.atMilliseconds.map {
                    TextStyle(utcOffsetSeconds: text.utcOffsetSeconds).fullTime($0)
                } ?? "not known"),
            fact("process", kill.pid.map(String.init) ?? "not known"),
            fact("user", text.name(kill.user)),
            fact("peak", text.size(kill.peakBytes).text),
            fact("held", text.size(kill.residentBytes).text),
            fact("limit", text.size(kill.limitBytes).text + " of " + text.name(kill.limitOwner)),
            fact("known by", escaped(kill.evidence)),
        ]
    }
}
