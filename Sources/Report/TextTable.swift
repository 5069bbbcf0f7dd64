/// A table that fits itself to a width by leaving out what matters least.
///
/// Names are cut first, as far as that is comfortable; then columns below an importance of
/// `nameImportance` go; then names are cut to the least that makes sense; then other columns go.
/// Of columns, those of least importance go first.
struct TextTable {
    struct Column {
        var title: String
        var isRightAligned = false
        /// The least that a cell can be cut to; nil for columns that are never cut.
        var minimumWidth: Int?
        /// The least that a cell is cut to while there are columns that matter less than names.
        var comfortableWidth = 0
        /// Columns with less of it go first.
        var importance: Int
        /// Whether it only shows what another column says, and is not for pipes.
        var isOrnament = false
        /// Whether it is left out, also in pipes, where no row has an entry.
        var isLeftOutWhenEmpty = false
        /// Whether the end of a name says more than its beginning, as with paths.
        var keepsEnd = false
    }

    struct Cell {
        var text: String
        var role: TextRole = .plain

        init(_ text: String, _ role: TextRole = .plain) {
            self.text = text
            self.role = role
        }
    }

    var columns: [Column]
    var rows: [[Cell]] = []

    /// Columns below this importance go before names are cut to their minimum.
    private static let nameImportance = 50
    /// Beyond this width a cell in a pipe pushes the rest of its line aside: names of cgroups and
    /// paths are shorter, and one that is not shall not make all lines so long.
    private static let pipePaddingLimit = 256

    func lines(style: TextStyle) -> [String] {
        let layout = fittedLayout(style: style)
        let header = style.hasHeader ? [columns.map { Cell($0.title, .heading) }] : []
        return (header + rows).map { line($0, layout, style) }
    }

    /// Whether the column of this title stays when the table is fitted.
    func shows(_ title: String, style: TextStyle) -> Bool {
        fittedLayout(style: style).contains { columns[$0.index].title == title }
    }

    /// Whether the column with this number stays when the table is fitted.
    func shows(_ index: Int, style: TextStyle) -> Bool {
        fittedLayout(style: style).contains { $0.index == index }
    }

    private typealias Layout = [(index: Int, width: Int)]

    private func fittedLayout(style: TextStyle) -> Layout {
        var natural = columns.map { DisplayWidth.of($0.title) }
        for row in rows {
            for (index, cell) in row.enumerated() {
                natural[index] = max(natural[index], DisplayWidth.of(cell.text))
            }
        }
        guard let width = style.width else {
            let kept = columns.indices.filter { index in
                !columns[index].isOrnament
                    && (!columns[index].isLeftOutWhenEmpty || hasEntry(index))
            }
            return kept.map { ($0, min(natural[$0], TextTable.pipePaddingLimit)) }
        }
        // A column without a single entry says nothing.
        var kept = columns.indices.filter { index in
            columns[index].importance >= 100 || hasEntry(index)
        }
        natural = natural.map { min($0, width) }
        while true {
            let isComfortable = kept.contains {
                columns[$0].importance < TextTable.nameImportance
            }
            let least = kept.map { leastWidth($0, natural[$0], isComfortable) }
            let total = least.reduce(2 * (kept.count - 1), +)
            if total <= width {
                return zip(kept, shared(kept.map { natural[$0] }, least, width)).map { ($0, $1) }
            }
            guard kept.count > 1,
                let dropped = kept.min(by: { columns[$0].importance < columns[$1].importance })
            else {
                return kept.map { ($0, width) }
            }
            kept.removeAll { $0 == dropped }
        }
    }

    private func hasEntry(_ index: Int) -> Bool { rows.contains { !$0[index].text.isEmpty } }

    private func leastWidth(_ index: Int, _ natural: Int, _ isComfortable: Bool) -> Int {
        guard let minimum = columns[index].minimumWidth else { return natural }
        return min(natural, isComfortable ? max(minimum, columns[index].comfortableWidth) : minimum)
    }

    /// The widths between `least` and `natural` that use `width` up, the widest cut first.
    private func shared(_ natural: [Int], _ least: [Int], _ width: Int) -> [Int] {
        var widths = natural
        var excess = widths.reduce(2 * (widths.count - 1), +) - width
        while excess > 0 {
            let candidates = widths.indices.filter { widths[$0] > least[$0] }
            guard let widest = candidates.max(by: { widths[$0] < widths[$1] }) else { break }
            widths[widest] -= 1
            excess -= 1
        }
        return widths
    }

    private func line(_ cells: [Cell], _ layout: Layout, _ style: TextStyle) -> String {
        var line = ""
        var padding = 0
        for (position, (index, width)) in layout.enumerated() {
            let cell = cells[index]
            let text = style.width == nil ? cell.text : fitted(cell.text, index, width, style)
            let missing = max(0, width - DisplayWidth.of(text))
            if position > 0 { padding += 2 }
            let before = columns[index].isRightAligned ? missing : 0
            if !text.isEmpty {
                line += String(repeating: " ", count: padding + before)
                line += style.paint(text, cell.role)
                padding = missing - before
            } else {
                padding += width
            }
        }
        return line
    }

    private func fitted(
        _ text: String, _ index: Int, _ width: Int, _ style: TextStyle
    ) -> String {
        guard columns[index].keepsEnd, DisplayWidth.of(text) > width else {
            return DisplayWidth.clamped(text, toColumns: width, ellipsis: style.ellipsis)
        }
        let room = width - DisplayWidth.of(style.ellipsis)
        guard room > 0 else {
            return DisplayWidth.clamped(text, toColumns: width, ellipsis: "")
        }
        return style.ellipsis + DisplayWidth.suffix(of: text, columns: room)
    }
}
