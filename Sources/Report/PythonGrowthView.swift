public import MemoryModel

/// Which lines of a Python program ran while its memory grew, as text or JSON.
public struct PythonGrowthView: Hashable, Sendable {
    /// What the rows mean, wherever they are shown.
    public static let label = "memory grew while this ran"

    /// What was found.
    public var growth: PythonGrowth
    /// The most lines, functions and frames that the text shows.
    public var top: Int

    /// Takes what was found.
    public init(_ growth: PythonGrowth, top: Int = 15) {
        self.growth = growth
        self.top = max(1, top)
    }

    /// The page as text; one of several that stand together needs what is to be known of all of
    /// them but once (`hasCaution`).
    public func text(style: TextStyle, hasCaution: Bool = true) -> String {
        var page = TextPage(style: style)
        let names = FileNames(
            (growth.lines + growth.sleepingLines).map(\.line) + growth.peakStack
                + growth.functionPeaks.map(\.function))
        page.addHeading(heading(style), facts: facts)
        page.addFact("Resident", resident(style))
        page.addFact("Grew", grew(style))
        if let known = growth.atPeakBytes {
            page.addFact(
                "At peak",
                "\(style.size(known)) of it in pages that are known by what ran when they came")
        }
        page.addFact("Found by", method)
        page.addBlankLine()
        addLines(to: &page, names)
        addSleepers(to: &page, names)
        addPeakStack(to: &page, names)
        addFunctions(to: &page, names)
        page.addBlankLine()
        page.add(coverage, role: .secondary)
        if hasCaution { page.add(PythonGrowthView.caution, role: .secondary) }
        return page.text
    }

    private static let caution =
        "'Grew while this ran' is not 'allocated by': memory that was freed and is used again "
        + "does not grow, and the line that takes a fresh page need not be the one that keeps it."

    private func heading(_ style: TextStyle) -> String {
        let name = growth.processName.map { style.name($0) + " " } ?? ""
        return "\(name)(pid \(growth.pid))"
    }

    private var facts: [String] {
        var facts: [String] = []
        if !growth.pythonVersion.isEmpty { facts.append("CPython \(growth.pythonVersion)") }
        let time = DurationText.approximate(milliseconds: growth.watchedMilliseconds)
        facts.append("watched for \(time)")
        if growth.hasEnded { facts.append("has ended") }
        return facts
    }

    private func resident(_ style: TextStyle) -> String {
        var text = "\(style.size(growth.lastBytes)) at the last look"
        if let first = growth.firstBytes { text += ", \(style.size(first)) at the first" }
        text += ", \(style.size(growth.peakBytes)) at most"
        if let mark = growth.markBytes {
            text += "; the kernel's mark of its whole life is \(style.size(mark))"
        }
        return text
    }

    private func grew(_ style: TextStyle) -> String {
        var text = "\(style.size(growth.grownBytes)) in all"
        if let first = growth.firstBytes, growth.peakBytes >= first,
            growth.grownBytes.subtractingClamped(growth.unwatchedBytes) / 5
                > (growth.peakBytes - first) / 4
        {
            text += ", as memory came and went"
        }
        return text
    }

    private var method: String {
        switch growth.method {
        case .faultSamples:
            let count = growth.faultsPerSample ?? 1
            let rest = growth.isUserOnly ? ", but not those within the kernel" : ""
            return "page-fault samples, one in \(count)\(rest), and looks at what is resident"
        case .ticks:
            let reason = growth.methodReason.map { ": \($0)" } ?? ""
            return "looks at what is resident\(reason)"
        }
    }

    private func addLines(to page: inout TextPage, _ names: FileNames) {
        guard growth.grownBytes > 0 || !growth.lines.isEmpty else {
            page.add("It has not grown since.")
            return
        }
        let style = page.style
        page.addHeading("Memory grew while this ran")
        var rows = growth.lines.prefix(top).map {
            Row(bytes: $0.grownBytes, atPeak: $0.atPeakBytes, text: names.text($0.line, style))
        }
        let others = growth.lines.dropFirst(top)
        let rest = Row(
            bytes: others.reduce(growth.otherLineBytes) { $0.addingClamped($1.grownBytes) },
            atPeak: others.reduce(growth.otherLineAtPeakBytes) {
                $0.addingClamped($1.atPeakBytes ?? 0)
            }, text: "(other lines)")
        if rest.bytes > 0 || rest.atPeak != 0 { rows.append(rest) }
        let unread = growth.unattributedBytes.subtractingClamped(
            growth.sleepingBytes.addingClamped(growth.unwatchedBytes))
        rows += [
            Row(bytes: growth.sleepingBytes, text: "(before a thread slept, as below)"),
            Row(
                bytes: growth.unwatchedBytes,
                text: "(before it was watched, or between looks that were too far apart)"),
            Row(bytes: unread, text: "(no stack could be read)"),
        ].filter { $0.bytes > 0 }
        page.add(table(of: rows, hasPeak: growth.atPeakBytes != nil, style))
    }

    /// What grew in bursts, where looks found its thread asleep behind them.
    private func addSleepers(to page: inout TextPage, _ names: FileNames) {
        guard !growth.sleepingLines.isEmpty else { return }
        let style = page.style
        page.addBlankLine()
        page.addHeading("Memory grew before a thread slept here")
        var rows = growth.sleepingLines.prefix(top).map {
            Row(bytes: $0.grownBytes, text: names.text($0.line, style))
        }
        let rest = rows.reduce(growth.sleepingBytes) { $0.subtractingClamped($1.bytes) }
        if rest > 0 { rows.append(Row(bytes: rest, text: "(other lines)")) }
        page.add(table(of: rows, hasPeak: false, style))
    }

    /// A size, what was left of it at the peak, and what it is of.
    private struct Row {
        var bytes: UInt64
        var atPeak: UInt64?
        var text: String
    }

    private func table(of rows: [Row], hasPeak: Bool, _ style: TextStyle) -> TextTable {
        var table = TextTable(columns: [
            TextTable.Column(title: "GREW", isRightAligned: true, importance: 100),
            TextTable.Column(title: "SHARE", isRightAligned: true, importance: 60),
            TextTable.Column(title: "LINE", minimumWidth: 16, importance: 100),
        ])
        if hasPeak {
            table.columns.insert(
                TextTable.Column(title: "AT PEAK", isRightAligned: true, importance: 70), at: 2)
        }
        table.rows = rows.map { row in
            let share = Permille.of(row.bytes, growth.grownBytes).map {
                DecimalText.tenths($0) + " %"
            }
            let atPeak = TextTable.Cell(row.atPeak.map { style.size($0) } ?? "")
            return [TextTable.Cell(style.size(row.bytes), .emphasis), TextTable.Cell(share ?? "")]
                + (hasPeak ? [atPeak] : []) + [TextTable.Cell(row.text)]
        }
        return table
    }

    private func addPeakStack(to page: inout TextPage, _ names: FileNames) {
        guard !growth.peakStack.isEmpty else { return }
        let style = page.style
        page.addBlankLine()
        page.addHeading(
            "Stack when most was resident",
            facts: [
                style.size(growth.peakStackBytes), style.fullTime(growth.peakStackAtMilliseconds),
            ])
        var table = TextTable(columns: [
            TextTable.Column(title: "LINE, AND WHAT CALLED IT", minimumWidth: 16, importance: 100)
        ])
        table.rows = growth.peakStack.prefix(top).map { [TextTable.Cell(names.text($0, style))] }
        page.add(table)
        if growth.peakStack.count > top {
            page.add("and \(growth.peakStack.count - top) more callers", role: .secondary)
        }
    }

    private func addFunctions(to page: inout TextPage, _ names: FileNames) {
        guard !growth.functionPeaks.isEmpty else { return }
        let style = page.style
        page.addBlankLine()
        page.addHeading("Most resident while a function was on a stack that grew")
        var table = TextTable(columns: [
            TextTable.Column(title: "RESIDENT", isRightAligned: true, importance: 100),
            TextTable.Column(title: "FUNCTION", minimumWidth: 16, importance: 100),
        ])
        table.rows = growth.functionPeaks.prefix(top).map {
            [
                TextTable.Cell(style.size($0.residentBytes)),
                TextTable.Cell(names.text($0.function, style)),
            ]
        }
        page.add(table)
    }

    /// What the figures rest on.
    private var coverage: String {
        var parts = [
            "\(DecimalText.grouped(growth.lookCount)) looks",
            "\(DecimalText.grouped(growth.stackCount)) stacks read",
        ]
        if growth.failedStackCount > 0 {
            parts.append("\(DecimalText.grouped(growth.failedStackCount)) not readable")
        }
        if growth.otherThreadCount > 0 {
            parts.append(
                "\(DecimalText.grouped(growth.otherThreadCount)) of another thread, because the "
                    + "one that grew runs no Python")
        }
        if growth.cutStackCount > 0 {
            parts.append("\(DecimalText.grouped(growth.cutStackCount)) without outermost callers")
        }
        if growth.faultSampleCount > 0 {
            parts.append("\(DecimalText.grouped(growth.faultSampleCount)) page-fault samples")
        }
        if growth.lostFaultSampleCount > 0 {
            let lost = DecimalText.grouped(Int(clamping: growth.lostFaultSampleCount))
            parts.append("\(lost) samples lost")
        }
        if growth.mergedPageCount > 0 {
            parts.append("\(DecimalText.grouped(growth.mergedPageCount)) pages counted with others")
        }
        if growth.otherStackCount > 0 {
            parts.append("\(DecimalText.grouped(growth.otherStackCount)) not kept")
        }
        let wrong = growth.faults.reduce(0) { $0 + $1.count }
        if wrong > 0 { parts.append("\(DecimalText.grouped(wrong)) wrong reads noticed") }
        let text = "Coverage: " + parts.joined(separator: "; ")
        guard growth.watchedMilliseconds > 0 else { return text + "." }
        let permille = Permille.of(
            UInt64(max(0, growth.ownMicroseconds)), UInt64(growth.watchedMilliseconds) * 1_000)
        return text + "; watching took \(DecimalText.tenths(permille ?? 0)) % of a processor."
    }
}

/// Files by their last part, and by their last two where several have the same.
struct FileNames {
    private var ambiguous: Set<[UInt8]> = []

    init(_ lines: [PythonLine]) {
        var files: [[UInt8]: RawText] = [:]
        for line in lines {
            let name = Array(FileNames.last(1, of: line.file))
            if let other = files[name], other != line.file { ambiguous.insert(name) }
            files[name] = line.file
        }
    }

    /// `file.py:42 function`.
    func text(_ line: PythonLine, _ style: TextStyle) -> String {
        if line.file.isEmpty { return style.name(line.function) }
        let name = FileNames.last(1, of: line.file)
        let shown = ambiguous.contains(Array(name)) ? FileNames.last(2, of: line.file) : name
        return "\(style.name(RawText(shown))):\(line.line) \(style.name(line.function))"
    }

    private static func last(_ count: Int, of file: RawText) -> ArraySlice<UInt8> {
        var start = file.bytes.endIndex
        for _ in 0..<count {
            guard start > 0,
                let slash = file.bytes[..<(start - 1)].lastIndex(of: UInt8(ascii: "/"))
            else { return file.bytes[...] }
            start = slash + 1
        }
        return file.bytes[start...]
    }
}
