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

    /// The page as text.
    public func text(style: TextStyle) -> String {
        var page = TextPage(style: style)
        let names = FileNames(growth)
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
        addPeakStack(to: &page, names)
        addFunctions(to: &page, names)
        page.addBlankLine()
        page.add(coverage, role: .secondary)
        page.add(PythonGrowthView.caution, role: .secondary)
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
            growth.grownBytes / 5 > (growth.peakBytes - first) / 4
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
        guard !growth.lines.isEmpty else {
            page.add("It has not grown since.")
            return
        }
        page.addHeading("Memory grew while this ran")
        let hasPeak = growth.atPeakBytes != nil
        var table = TextTable(columns: PythonGrowthView.lineColumns(hasPeak: hasPeak))
        let style = page.style
        func append(_ bytes: UInt64, _ atPeak: UInt64?, _ text: String) {
            let share = Permille.of(bytes, growth.grownBytes).map { DecimalText.tenths($0) + " %" }
            table.rows.append(
                [TextTable.Cell(style.size(bytes), .emphasis), TextTable.Cell(share ?? "")]
                    + (hasPeak ? [TextTable.Cell(atPeak.map { style.size($0) } ?? "")] : [])
                    + [TextTable.Cell(text)])
        }
        for line in growth.lines.prefix(top) {
            append(line.grownBytes, line.atPeakBytes, names.text(line.line, style))
        }
        let others = growth.lines.dropFirst(top)
        let rest = others.reduce(growth.otherLineBytes) { $0.addingClamped($1.grownBytes) }
        let restAtPeak = others.reduce(growth.otherLineAtPeakBytes) {
            $0.addingClamped($1.atPeakBytes ?? 0)
        }
        if rest > 0 || restAtPeak > 0 { append(rest, restAtPeak, "(other lines)") }
        if growth.unattributedBytes > 0 {
            append(growth.unattributedBytes, nil, "(no stack could be read)")
        }
        page.add(table)
    }

    private static func lineColumns(hasPeak: Bool) -> [TextTable.Column] {
        var columns = [
            TextTable.Column(title: "GREW", isRightAligned: true, importance: 100),
            TextTable.Column(title: "SHARE", isRightAligned: true, importance: 60),
            TextTable.Column(title: "LINE", minimumWidth: 16, importance: 100),
        ]
        if hasPeak {
            columns.insert(
                TextTable.Column(title: "AT PEAK", isRightAligned: true, importance: 70), at: 2)
        }
        return columns
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
private struct FileNames {
    private var ambiguous: Set<[UInt8]> = []

    init(_ growth: PythonGrowth) {
        var files: [[UInt8]: RawText] = [:]
        let lines =
            growth.lines.map(\.line) + growth.peakStack + growth.functionPeaks.map(\.function)
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
