import MemoryModel

/// What a subject held over time, drawn in a terminal.
///
/// What it held at least is filled up to an eighth of a row; what it held at most stands above
/// that in a lighter shade. Time that nobody watched is hatched in the last row; time in which the
/// subject was not there, and time of which nothing was told yet, is empty.
struct HistoryPlot {
    /// A moment that is marked above the plot.
    struct Mark: Hashable {
        var atMilliseconds: Int64
        var bytes: UInt64
        var text: String
    }

    var points: [HistoryPoint]
    /// The time that it shows, in milliseconds since the epoch in UTC.
    var range: ClosedRange<Int64>
    var mark: Mark?
    /// When somebody watched, where that is known finer than the windows are.
    private var watched: WatchedTime?
    var rowCount = 10

    /// The width of a plot that goes into a pipe.
    private static let pipeColumns = 78
    /// With less room there is no plot.
    private static let leastColumns = 16

    /// A plot of `points` that begins where the first of them does that says anything.
    ///
    /// What is older was never told, or is not kept any more.
    init(trimming points: [HistoryPoint], to range: ClosedRange<Int64>) {
        let known = points.drop { $0.window == nil && !$0.isWatched }
        self.points = Array(known)
        let first = known.first?.startsAtMilliseconds ?? range.lowerBound
        self.range = min(max(range.lowerBound, first), range.upperBound)...range.upperBound
    }

    /// Draws the parts of windows in which nobody watched as that, and nothing before the first in
    /// which somebody did.
    mutating func keep(to watched: WatchedTime) {
        guard let first = watched.stretches.first?.lowerBound, range.contains(first) else { return }
        self.watched = watched
        range = first...range.upperBound
    }

    /// A plot of all of `range`.
    init(points: [HistoryPoint], range: ClosedRange<Int64>) {
        self.points = points
        self.range = range
    }

    /// What a heading says of its time: from when on, where that is not the beginning of `asked`.
    func facts(asked: ClosedRange<Int64>, _ style: TextStyle) -> [String] {
        let span = asked.upperBound.subtractingClamped(asked.lowerBound)
        let isTrimmed = range.lowerBound.subtractingClamped(asked.lowerBound) > span / 20
        let zone = "times are \(style.zone)"
        return isTrimmed ? ["known since \(style.minute(range.lowerBound))", zone] : [zone]
    }

    /// Whether anything is known of the time.
    var hasWindows: Bool { points.contains { $0.window != nil } }

    /// The lines; none where there is no room or nothing to draw.
    func lines(style: TextStyle) -> [String] {
        guard hasWindows else { return [] }
        let width = style.width ?? HistoryPlot.pipeColumns
        let largest = max(points.compactMap { $0.window?.mostKnownBytes }.max() ?? 0, markedBytes)
        guard largest > 0, range.upperBound > range.lowerBound else { return [] }
        let scale = HistoryPlot.scale(atLeast: largest)
        let labels = self.labels(scale)
        let labelWidth = labels.values.map { DisplayWidth.of($0) }.max() ?? 0
        let count = width - labelWidth - 2
        guard count >= HistoryPlot.leastColumns else { return [] }
        var columns = HistoryColumns(points, in: range, count: count)
        if let watched { columns.keep(to: watched) }
        let margin = String(repeating: " ", count: labelWidth + 2)
        var lines: [String] = []
        if let line = markLine(columns, style) { lines.append(margin + line) }
        let symbols = PlotSymbols(isUnicode: style.unicode)
        for row in 0..<rowCount {
            let label = labels[row] ?? ""
            let padding = String(repeating: " ", count: labelWidth - DisplayWidth.of(label))
            let axis = labels[row] == nil ? symbols.side : symbols.sideTick
            lines.append(
                style.paint(padding + label + " " + axis, .secondary)
                    + drawn(row, columns, scale, style))
        }
        let time = TimeAxis(range: range, columnCount: count, style: style)
        let zero = String(repeating: " ", count: max(0, labelWidth - 1)) + "0 "
        lines.append(style.paint(zero + symbols.corner + time.line, .secondary))
        lines.append(style.paint(margin + time.labels, .secondary))
        if let legend = legend(columns, symbols) {
            for line in TextPage.wrapped(legend, columns: style.width) {
                lines.append(style.paint(line, .secondary))
            }
        }
        return lines
    }

    /// The next of few round sizes: a power of two times 5 to 8, or so.
    static func scale(atLeast bytes: UInt64) -> UInt64 {
        guard bytes > 8 else { return 8 }
        let step = UInt64(1) << UInt64(60 - bytes.leadingZeroBitCount)
        let (rounded, overflow) = bytes.addingReportingOverflow(step - 1)
        return overflow ? bytes : rounded / step * step
    }

    /// What the top of a row stands for, at the top and in the middle.
    private func labels(_ scale: UInt64) -> [Int: String] {
        [0: ByteSize(scale).text, rowCount / 2: ByteSize(scale / 2).text]
    }

    private var markedBytes: UInt64 { isMarkInRange ? mark?.bytes ?? 0 : 0 }

    private var isMarkInRange: Bool { mark.map { range.contains($0.atMilliseconds) } ?? false }

    /// Where the mark is, its text on the side on which there is room.
    private func markLine(_ columns: HistoryColumns, _ style: TextStyle) -> String? {
        guard let mark, isMarkInRange else { return nil }
        let column = columns.index(of: mark.atMilliseconds)
        let arrow = style.unicode ? "\u{25BC}" : "v"
        let width = DisplayWidth.of(mark.text)
        if column + 2 + width <= columns.columns.count {
            return String(repeating: " ", count: column)
                + style.paint("\(arrow) \(mark.text)", .emphasis)
        }
        if column - 1 - width >= 0 {
            return String(repeating: " ", count: column - 1 - width)
                + style.paint("\(mark.text) \(arrow)", .emphasis)
        }
        return String(repeating: " ", count: column) + style.paint(arrow, .emphasis)
    }

    private func drawn(
        _ row: Int, _ columns: HistoryColumns, _ scale: UInt64, _ style: TextStyle
    ) -> String {
        let symbols = PlotSymbols(isUnicode: style.unicode)
        var line = ""
        var piece = ""
        var role = TextRole.plain
        for column in columns.columns {
            let (symbol, its) = cell(column, row, scale, symbols)
            if its != role {
                line += style.paint(piece, role)
                piece = ""
                role = its
            }
            piece += symbol
        }
        while piece.last == " " { piece.removeLast() }
        return line + style.paint(piece, role)
    }

    private func cell(
        _ column: HistoryColumns.Column, _ row: Int, _ scale: UInt64, _ symbols: PlotSymbols
    ) -> (String, TextRole) {
        guard let atLeast = column.atLeast else {
            let isHatched = column.isUnwatched && row == rowCount - 1
            return isHatched ? (symbols.unwatched, .secondary) : (" ", .plain)
        }
        let below = (rowCount - 1 - row) * 8
        let filled = max(eighths(atLeast, scale), atLeast > 0 ? 1 : 0) - below
        if filled > 0 { return (symbols.filled(eighths: min(filled, 8)), .bar) }
        let shaded = eighths(column.atMost ?? atLeast, scale) - below
        return shaded >= 4 ? (symbols.shaded, .secondary) : (" ", .plain)
    }

    private func eighths(_ bytes: UInt64, _ scale: UInt64) -> Int {
        let share = Double(min(bytes, scale)) / Double(scale)
        return Int((share * Double(rowCount * 8)).rounded())
    }

    /// What the signs mean; nil where only what is filled occurs.
    private func legend(_ columns: HistoryColumns, _ symbols: PlotSymbols) -> String? {
        var parts: [String] = []
        if columns.columns.contains(where: { $0.atMost ?? 0 > $0.atLeast ?? 0 }) {
            parts += ["\(symbols.filled(eighths: 8)) at least", "\(symbols.shaded) at most"]
        }
        if columns.columns.contains(where: \.isUnwatched) {
            parts.append("\(symbols.unwatched) nobody watched")
        }
        return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }
}

/// The signs of a plot.
struct PlotSymbols {
    var isUnicode: Bool

    var side: String { isUnicode ? "\u{2502}" : "|" }
    var sideTick: String { isUnicode ? "\u{2524}" : "+" }
    var corner: String { isUnicode ? "\u{2514}" : "+" }
    var shaded: String { isUnicode ? "\u{2591}" : "." }
    var unwatched: String { isUnicode ? "\u{2571}" : "/" }

    /// 1 to 8 eighths from below; without Unicode none or all.
    func filled(eighths: Int) -> String {
        guard isUnicode else { return "#" }
        return PlotSymbols.blocks[min(max(eighths, 1), 8) - 1]
    }

    private static let blocks = [
        "\u{2581}", "\u{2582}", "\u{2583}", "\u{2584}", "\u{2585}", "\u{2586}", "\u{2587}",
        "\u{2588}",
    ]
}

extension Window {
    /// The upper bound, or the lower one where that is all that is known.
    var mostKnownBytes: UInt64 { atMostBytes ?? atLeastBytes }
}
