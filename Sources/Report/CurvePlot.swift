import MemoryModel

/// A curve drawn in a terminal, over the time since its start.
struct CurvePlot {
    var curve: MemoryCurve
    var elapsedMicroseconds: UInt64
    var rowCount = 8

    /// The width of a plot that goes into a pipe.
    private static let pipeColumns = 78
    /// With less room there is no plot.
    private static let leastColumns = 16
    /// The least that lies between the beginnings of two times below it, in columns.
    private static let spacing = 10

    /// The lines; none where there is no room or nothing to draw.
    func lines(style: TextStyle) -> [String] {
        guard let largest = curve.steps.compactMap({ $0 }).max(), largest > 0 else { return [] }
        let scale = HistoryPlot.scale(atLeast: largest)
        let labels = [0: ByteSize(scale).text, rowCount / 2: ByteSize(scale / 2).text]
        let labelWidth = labels.values.map { DisplayWidth.of($0) }.max() ?? 0
        let count = (style.width ?? CurvePlot.pipeColumns) - labelWidth - 2
        guard count >= CurvePlot.leastColumns else { return [] }
        let columns = self.columns(count)
        let symbols = PlotSymbols(isUnicode: style.unicode)
        var lines: [String] = []
        for row in 0..<rowCount {
            let label = labels[row] ?? ""
            let padding = String(repeating: " ", count: labelWidth - DisplayWidth.of(label))
            let axis = labels[row] == nil ? symbols.side : symbols.sideTick
            lines.append(
                style.paint(padding + label + " " + axis, .secondary)
                    + style.paint(drawn(row, columns, scale, symbols), .bar))
        }
        let (edge, times) = time(count, style)
        let zero = String(repeating: " ", count: max(0, labelWidth - 1)) + "0 "
        let margin = String(repeating: " ", count: labelWidth + 2)
        lines.append(style.paint(zero + symbols.corner + edge, .secondary))
        lines.append(style.paint(margin + times, .secondary))
        return lines
    }

    /// The time that is shown, in milliseconds.
    private var length: Int64 {
        let steps = Int64(curve.steps.count) * curve.stepMilliseconds
        return max(1, Int64(clamping: elapsedMicroseconds / 1_000), steps)
    }

    /// The greatest figure of each column; where no look fell into one, that of the look before.
    private func columns(_ count: Int) -> [UInt64] {
        var columns = [UInt64?](repeating: nil, count: count)
        for (index, bytes) in curve.steps.enumerated() {
            guard let bytes else { continue }
            let begin = Int64(index) * curve.stepMilliseconds
            let column = min(count - 1, Int(Double(begin) / Double(length) * Double(count)))
            columns[column] = max(columns[column] ?? 0, bytes)
        }
        var last: UInt64 = 0
        return columns.map { bytes in
            last = bytes ?? last
            return last
        }
    }

    private func drawn(
        _ row: Int, _ columns: [UInt64], _ scale: UInt64, _ symbols: PlotSymbols
    ) -> String {
        var line = columns.map { bytes in
            let share = Double(min(bytes, scale)) / Double(scale)
            let eighths = Int((share * Double(rowCount * 8)).rounded())
            let filled = max(eighths, bytes > 0 ? 1 : 0) - (rowCount - 1 - row) * 8
            return filled > 0 ? symbols.filled(eighths: min(filled, 8)) : " "
        }.joined()
        while line.last == " " { line.removeLast() }
        return line
    }

    /// The lower edge, and the times below it.
    private func time(_ count: Int, _ style: TextStyle) -> (edge: String, times: String) {
        var edge = [String](repeating: style.unicode ? "\u{2500}" : "-", count: count)
        var text = ""
        let rough = Double(length) / Double(count) * Double(CurvePlot.spacing)
        let step = CurvePlot.step(atLeast: rough)
        var time: Int64 = 0
        while time <= length {
            let column = min(count - 1, Int(Double(time) / Double(length) * Double(count)))
            edge[column] = style.unicode ? "\u{252C}" : "+"
            let label = DurationText.format(milliseconds: time)
            let start = max(0, min(column, count - label.utf8.count))
            if text.isEmpty || start > text.utf8.count {
                text += String(repeating: " ", count: start - text.utf8.count) + label
            }
            let (next, overflow) = time.addingReportingOverflow(step)
            guard !overflow else { break }
            time = next
        }
        return (edge.joined(), text)
    }

    /// The next round length of time, in milliseconds.
    private static func step(atLeast rough: Double) -> Int64 {
        let tens: [Int64] = [1, 10, 100, 1_000]
        let units = tens.flatMap { unit in [1, 2, 5].map { $0 * unit } }
        let minutes: [Int64] = [10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600].map { $0 * 1_000 }
        let hours: [Int64] = [2, 3, 6, 12, 24, 48, 168].map { $0 * 3_600_000 }
        let steps = units + minutes + hours
        if let step = steps.first(where: { Double($0) >= rough }) { return step }
        return Int64(min(rough, Double(DurationText.maximumMilliseconds)))
    }
}
