import MemoryModel

extension CommandReport {
    /// One block, the first line with the name of the program that says it.
    ///
    /// With `hasPlot` memory over time is drawn below it.
    public func text(style: TextStyle, hasPlot: Bool) -> String {
        var page = TextPage(style: style)
        let command = run.arguments.map { style.name($0) }.joined(separator: " ")
        page.addHeading(
            "memagent: "
                + DisplayWidth.clamped(
                    command, toColumns: CommandReport.commandColumns, ellipsis: style.ellipsis),
            facts: [
                "pid \(run.pid)", endText(run.end),
                "ran \(CommandReport.seconds(run.elapsedMicroseconds)) s",
            ])
        addLargest(to: &page)
        addTogether(to: &page)
        addCgroup(to: &page)
        page.addFact(
            "CPU",
            "\(CommandReport.seconds(userMicroseconds)) s user, "
                + "\(CommandReport.seconds(systemMicroseconds)) s system, of all waited for"
        )
        let minor = DecimalText.grouped(Int(clamping: faults.minor))
        page.addFact(
            "Faults",
            "\(minor) without reading, \(DecimalText.grouped(Int(clamping: faults.major))) with")
        if let swap = swapPeakBytes, swap > 0 {
            page.addFact("Swap", ">=\(style.size(swap)) of one process, sampled")
        }
        addKills(to: &page)
        addLeftBehind(to: &page)
        if !run.labels.isEmpty {
            page.addFact(
                "Labels",
                run.labels.map { "\(style.name($0.key))=\(style.name($0.value))" }
                    .joined(separator: " "))
        }
        if let delivery = run.delivery { addDelivery(delivery, to: &page) }
        if hasPlot {
            let plot = CurvePlot(curve: run.curve, elapsedMicroseconds: run.elapsedMicroseconds)
            let lines = plot.lines(style: style)
            if !lines.isEmpty {
                page.addBlankLine()
                page.addHeading("Resident memory of all together over time")
                page.add(lines: lines)
            }
        }
        addProcesses(to: &page)
        return page.text + pythonText(style)
    }

    /// The most columns that a command takes where lines have no end.
    private static let commandColumns = 120

    private func addLargest(to page: inout TextPage) {
        guard let largest else {
            page.addFact("Largest", "nothing was measured", role: .secondary)
            return
        }
        var size = largest.text(page.style)
        if let most = largest.atMostBytes { size += " <=\(page.style.size(most))" }
        page.addFact("Largest", size, role: .emphasis)
        if let key = largest.key, let program = largest.program {
            page.addFact(
                "", "\(page.style.name(program)), pid \(key.pid), by \(sourceText(largest.source))")
        } else if largest.bound == .atMost {
            page.addFact(
                "",
                "no process was larger: the answer to waiting (wait) cannot be less than what this "
                    + "program's copy had in which the command was executed")
        } else {
            page.addFact(
                "",
                "of some process that was waited for, of any program that it executed, by the "
                    + "answer to waiting (wait)")
        }
        guard largest.bound == .atLeast else { return }
        let isLive = run.runs.contains { $0.key == largest.key && $0.end == nil }
        page.addFact(
            "",
            isLive
                ? "it still lives" : "at most that much by the answer to waiting (wait)",
            role: .warning)
    }

    private func addTogether(to page: inout TextPage) {
        guard let sum else { return }
        page.addFact("Together", sum.text(page.style), role: .emphasis)
        let looks = run.intervalsMilliseconds.map { DurationText.format(milliseconds: $0) }
        let often = "looked every \(looks.first ?? "?"), after a second every \(looks.last ?? "?")"
        guard let found = run.sum, found.bytes == sum.bytes else {
            page.addFact("", "the largest by itself; no look found more: \(often)")
            return
        }
        let after = CommandReport.seconds(UInt64(max(0, found.atMilliseconds)) * 1_000)
        let processes = found.processCount == 1 ? "1 process" : "\(found.processCount) processes"
        page.addFact(
            "",
            "\(processes), \(after) s after the start (sampled); \(often)")
    }

    private func addCgroup(to page: inout TextPage) {
        let style = page.style
        if let cgroup = run.cgroup {
            var text = cgroup.markBytes.map { "\(style.size($0)) with page cache" } ?? "no mark"
            if let file = cgroup.fileBytes {
                text += ", \(style.size(file)) of it cache or shared at the end"
            }
            if let limit = cgroup.limitBytes { text += "; limit \(style.size(limit))" }
            page.addFact("Cgroup", text + " (cgroup)")
        } else if let problem = run.cgroupProblem {
            page.addFact("Cgroup", "none of its own: \(problem)", role: .secondary)
        }
    }

    private func addKills(to page: inout TextPage) {
        for kill in run.kills {
            let record = run.runs.first { $0.key == kill.run }
            let name = (kill.comm ?? record?.description.program).map { page.style.name($0) }
            let pid = kill.pid.map { ", pid \($0)," } ?? ""
            let limit = kill.limitBytes.map { " of \(page.style.size($0))" } ?? ""
            let whose =
                switch kill.constraint {
                case .host: "the host had no memory left"
                case .cgroup: "its cgroup was at its limit\(limit)"
                case .nodes: "its memory nodes were used up"
                case nil: "memory was wanting"
                }
            page.addFact(
                "OOM", "the kernel killed \(name ?? "a process")\(pid) because \(whose)",
                role: .problem)
        }
        if run.kills.isEmpty, let count = run.cgroup?.killCount, count > 0 {
            let limit = run.cgroup?.limitBytes.map { " of \(page.style.size($0))" } ?? ""
            page.addFact(
                "OOM",
                "the kernel killed \(count == 1 ? "a process" : "\(count) processes") because the "
                    + "cgroup was at its limit\(limit)",
                role: .problem)
        }
    }

    private func addLeftBehind(to page: inout TextPage) {
        guard !leftBehind.isEmpty else { return }
        let names = leftBehind.prefix(5).map {
            "\(page.style.name($0.description.program)) (pid \($0.key.pid))"
        }
        let rest = leftBehind.count > 5 ? " and \(leftBehind.count - 5) more" : ""
        page.addFact(
            "Left", "\(names.joined(separator: ", "))\(rest) still there; --wait-all waits",
            role: .warning)
    }

    private func addDelivery(_ delivery: CommandDelivery, to page: inout TextPage) {
        let count = DecimalText.grouped(Int(clamping: delivery.runCount))
        let runs = delivery.runCount == 1 ? "the run" : "all \(count) runs"
        switch delivery.outcome {
        case .told: page.addFact("Told", "\(delivery.collector) has \(runs)")
        case .toldByAgent:
            page.addFact("Told", "\(delivery.collector), by the agent of this host")
        case .untold(let reason):
            page.addFact(
                "Told", "not \(runs); \(DisplayText.escaped(RawText(reason)))", role: .warning)
        }
    }

    private func addProcesses(to page: inout TextPage) {
        page.addBlankLine()
        var table = TextTable(columns: CommandReport.columns)
        table.rows = rows.prefix(top).map { cells($0, page.style) }
        page.add(table)
        var notes: [String] = []
        if hiddenCount > 0 { notes.append("\(hiddenCount) more (--top).") }
        if let problem = run.recordProblem {
            notes.append(
                "What began and ended between two looks is not listed, and marks are those of the "
                    + "last look: \(problem).")
        }
        if run.lostCount > 0 { notes.append("The kernel dropped \(run.lostCount) of its records.") }
        let shown = rows.prefix(top)
        if shown.contains(where: \.isInherited) {
            notes.append("i: inherited from its parent at fork.")
        }
        if shown.contains(where: { $0.peak?.bound == .atLeast }) {
            notes.append(">=: at least, by the last look.")
        }
        if shown.contains(where: { $0.peak?.source == "wait" || $0.peak?.atMostBytes != nil }) {
            notes.append(
                "<=: at most, by the answer to waiting (wait); no less than "
                    + "\(page.style.size(run.floorBytes)).")
        }
        guard !notes.isEmpty else { return }
        page.add(notes.joined(separator: " "), role: .secondary)
    }

    /// The most Python processes that are told of in text, and the most lines of each.
    private static let maximumPython = (processes: 3, lines: 10)

    /// What ran in Python programs while they grew, in a paragraph for each that grew most.
    private func pythonText(_ style: TextStyle) -> String {
        guard let python = run.python else { return "" }
        var page = TextPage(style: style)
        let shown = python.processes.prefix(CommandReport.maximumPython.processes)
        var text = ""
        for (index, growth) in shown.enumerated() {
            let view = PythonGrowthView(growth, top: CommandReport.maximumPython.lines)
            text += "\n" + view.text(style: style, hasCaution: index == shown.count - 1)
        }
        if shown.isEmpty { page.add("No Python program was seen to grow.", role: .secondary) }
        let more = python.processes.count - shown.count + python.leftOutCount
        if more > 0 {
            page.add("\(more) more Python programs grew less (--json has them).", role: .secondary)
        }
        for problem in python.problems {
            page.add(
                "Of processes that grew, \(problem.count) \(problem.reason).", role: .secondary)
        }
        return text + (page.text.isEmpty ? "" : "\n" + page.text)
    }

    private static let columns: [TextTable.Column] = [
        TextTable.Column(title: "PEAK", isRightAligned: true, importance: 110),
        TextTable.Column(
            title: "AT MOST", isRightAligned: true, importance: 80, isLeftOutWhenEmpty: true),
        TextTable.Column(title: "SOURCE", importance: 70),
        TextTable.Column(
            title: "PROGRAM", minimumWidth: 8, comfortableWidth: 20, importance: 100),
        TextTable.Column(title: "PID", isRightAligned: true, importance: 90),
        TextTable.Column(title: "RAN", isRightAligned: true, importance: 60),
        TextTable.Column(title: "CPU", isRightAligned: true, importance: 50),
        TextTable.Column(
            title: "SWAP", isRightAligned: true, importance: 40, isLeftOutWhenEmpty: true),
        TextTable.Column(title: "FAULTS", isRightAligned: true, importance: 30),
        TextTable.Column(title: "END", importance: 65),
    ]

    private func cells(_ row: CommandRow, _ style: TextStyle) -> [TextTable.Cell] {
        let record = row.record
        let mark = row.isInherited ? "i" : " "
        let peak = row.peak.map { $0.text(style) + mark } ?? "- "
        let swap = record.swapPeakBytes.flatMap { $0 > 0 ? style.size($0) : nil } ?? ""
        let (end, role) = endCell(row)
        return [
            TextTable.Cell(peak, .emphasis),
            TextTable.Cell(row.peak?.atMostBytes.map { "<=" + style.size($0) } ?? "", .secondary),
            TextTable.Cell(row.peak?.source ?? "-", .secondary),
            TextTable.Cell(style.name(record.description.program)),
            TextTable.Cell("\(record.key.pid)"),
            duration(row.ranMilliseconds),
            duration(record.processorMilliseconds.map { Int64(clamping: $0) }),
            TextTable.Cell(swap),
            TextTable.Cell(
                record.faults.map { DecimalText.grouped(Int(clamping: $0.minor &+ $0.major)) }
                    ?? "-"),
            TextTable.Cell(end, role),
        ]
    }

    private func duration(_ milliseconds: Int64?) -> TextTable.Cell {
        guard let milliseconds else { return TableCell.unknown }
        // As exact as the heading, where that matters.
        guard (1_000..<60_000).contains(milliseconds) else {
            return TextTable.Cell(DurationText.approximate(milliseconds: milliseconds))
        }
        return TextTable.Cell(DecimalText.tenths(Int(milliseconds / 100)) + "s")
    }

    private func endCell(_ row: CommandRow) -> (String, TextRole) {
        if row.record.flags.contains(.killedForMemory) { return ("OOM", .problem) }
        guard let end = row.end else { return ("lives", .warning) }
        if let signal = end.exitSignal { return ("signal \(signal)", .problem) }
        if end.reason == .executed { return ("executed", .secondary) }
        guard let code = end.exitCode else { return ("ended", .secondary) }
        return ("exit \(code)", code == 0 ? .plain : .problem)
    }

    private func endText(_ end: CommandEnd) -> String {
        guard let signal = end.signal else { return "exit status \(end.exitCode ?? 0)" }
        return "killed by \(SignalName.text(signal))"
            + (end.hasDumpedCore ? " (core dumped)" : "")
    }

    private func sourceText(_ source: String) -> String {
        PeakSource.allCases.first { $0.word == source }?.phrase ?? "the answer to waiting (wait)"
    }

    /// Seconds with thousandths.
    static func seconds(_ microseconds: UInt64) -> String {
        DecimalText.thousandths(microseconds / 1_000)
    }
}
