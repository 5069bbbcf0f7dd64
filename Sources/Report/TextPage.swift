/// A page of text that is being put together, no line of it wider than its style allows.
struct TextPage {
    let style: TextStyle
    private var lines: [String] = []

    init(style: TextStyle) {
        self.style = style
    }

    /// All lines, each with its newline.
    var text: String { lines.reduce(into: "") { $0 += $1 + "\n" } }

    mutating func addBlankLine() {
        if let last = lines.last, !last.isEmpty { lines.append("") }
    }

    mutating func add(_ table: TextTable) {
        lines += table.lines(style: style)
    }

    /// Lines that are put together already.
    mutating func add(lines more: [String]) {
        lines += more
    }

    /// A plot below its title, or a sentence where there is nothing to draw.
    mutating func add(_ plot: HistoryPlot, title: String, facts: [String], otherwise: String) {
        let drawn = plot.lines(style: style)
        if !drawn.isEmpty {
            addBlankLine()
            addHeading(title, facts: facts)
            lines += drawn
        } else if !plot.hasWindows, !otherwise.isEmpty {
            addBlankLine()
            add(otherwise, role: .secondary)
        }
    }

    /// A title with facts of less weight behind it, on one line where there is room.
    mutating func addHeading(_ title: String, facts: [String] = []) {
        let rest = facts.joined(separator: style.separator)
        let width = DisplayWidth.of(title) + 2 + DisplayWidth.of(rest)
        if rest.isEmpty || width <= style.width ?? .max {
            let end = rest.isEmpty ? "" : "  " + style.paint(rest, .secondary)
            lines.append(fitted(title, .heading) + end)
        } else {
            lines.append(fitted(title, .heading))
            add(rest, role: .secondary)
        }
    }

    /// A short word, then what it is about, aligned with others like it.
    ///
    /// With `barPermille` a bar of so many thousandths follows where there is room for it.
    mutating func addFact(
        _ label: String, _ text: String, barPermille: Int? = nil, role: TextRole = .plain
    ) {
        let columns = 11
        let padded = label + String(repeating: " ", count: max(1, columns - label.utf8.count))
        let room = style.width.map { max(1, $0 - columns) }
        for (index, line) in TextPage.wrapped(text, columns: room).enumerated() {
            let start =
                index == 0
                ? style.paint(padded, .secondary) : String(repeating: " ", count: columns)
            lines.append(start + style.paint(line, role))
        }
        let barColumns = 20
        guard let barPermille, let room, let last = lines.last,
            DisplayWidth.of(text) + 2 + barColumns <= room
        else { return }
        let bar = style.bar(UInt64(max(0, barPermille)), of: 1_000, columns: barColumns)
        let track = String(
            repeating: style.unicode ? "\u{2591}" : ".",
            count: barColumns - DisplayWidth.of(bar))
        lines[lines.count - 1] =
            last + "  " + style.paint(bar, .bar) + style.paint(track, .secondary)
    }

    /// A paragraph, wrapped at words.
    mutating func add(_ text: String, role: TextRole = .plain) {
        for line in TextPage.wrapped(text, columns: style.width) {
            lines.append(style.paint(line, role))
        }
    }

    /// The lines that every view ends with.
    mutating func add(_ coverage: Coverage) {
        addBlankLine()
        add(coverage.line(ascii: !style.unicode), role: .secondary)
        if !coverage.notes.isEmpty {
            add(coverage.notes.joined(separator: " "), role: .secondary)
        }
    }

    /// `text` in lines of at most `columns`; a word that is wider than that is taken apart.
    static func wrapped(_ text: String, columns: Int?) -> [String] {
        guard let columns else { return [text] }
        var lines: [String] = []
        var line = ""
        var width = 0
        for word in text.split(separator: " ") {
            var word = word
            var wordWidth = DisplayWidth.of(String(word))
            if width > 0, width + 1 + wordWidth <= columns {
                line += " " + word
                width += 1 + wordWidth
                continue
            }
            if width > 0 { lines.append(line) }
            while wordWidth > columns {
                let (taken, rest) = DisplayWidth.prefix(of: String(word), columns: columns)
                lines.append(taken)
                word = rest
                wordWidth = DisplayWidth.of(String(word))
            }
            line = String(word)
            width = wordWidth
        }
        if width > 0 || lines.isEmpty { lines.append(line) }
        return lines
    }

    private func fitted(_ text: String, _ role: TextRole) -> String {
        let shown = style.width.map {
            DisplayWidth.clamped(text, toColumns: $0, ellipsis: style.ellipsis)
        }
        return style.paint(shown ?? text, role)
    }
}
