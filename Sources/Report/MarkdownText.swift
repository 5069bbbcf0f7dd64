/// Text in Markdown, in which no name can begin markup or end a cell.
enum MarkdownText {
    private static let special = Set("\\`*_{}[]<>#|~&".unicodeScalars)

    /// `text` with a backslash before all that could be markup.
    static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            if special.contains(scalar) { escaped += "\\" }
            escaped.unicodeScalars.append(scalar)
        }
        return escaped
    }
}

extension TextStyle {
    /// The same for text that is as wide as it gets.
    var withoutWidth: TextStyle {
        var style = self
        style.width = nil
        return style
    }
}

extension TextTable {
    /// The table as Markdown has it, with every column that a pipe gets.
    func markdown(style: TextStyle) -> String {
        let plain = style.withoutWidth
        let shown = columns.indices.filter { shows($0, style: plain) }
        func line(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |" }
        let titles = shown.map { MarkdownText.escaped(trimmed(columns[$0].title)) }
        let rules = shown.map { columns[$0].isRightAligned ? "---:" : "---" }
        let cells = rows.map { row in shown.map { MarkdownText.escaped(trimmed(row[$0].text)) } }
        // Markdown has no table without a header: without it these are rows for one that is there.
        let header = style.hasHeader ? [titles, rules] : []
        return (header + cells).map(line).joined(separator: "\n")
    }

    private func trimmed(_ text: String) -> String {
        let space = Character(" ")
        let end = text.lastIndex { $0 != space }
        return end.map { String(text[...$0]) } ?? ""
    }
}
