import Report

/// How a cell looks: a part that it plays, and whether it is turned inside out.
struct CellStyle: Hashable, Sendable {
    /// What part a cell plays, which decides its colour.
    enum Role: Hashable, Sendable {
        case plain
        case title
        case heading
        case secondary
        case emphasis
        case good
        case warning
        case problem
        case bar
    }

    var role: Role = .plain
    var isReversed = false

    init(_ role: Role = .plain, reversed: Bool = false) {
        self.role = role
        isReversed = reversed
    }
}

/// One column of one row.
struct Cell: Hashable, Sendable {
    /// A character with its combining marks; empty behind a wide character.
    var text: String
    var style: CellStyle

    static let blank = Cell(text: " ", style: CellStyle())
}

/// A screen full of cells.
struct Grid: Equatable, Sendable {
    let size: GridSize
    private(set) var rows: [[Cell]]

    init(size: GridSize) {
        self.size = size
        rows = Array(
            repeating: Array(repeating: .blank, count: max(0, size.columns)),
            count: max(0, size.rows))
    }

    /// Puts text at a place, as much of it as fits into `width` columns and the row.
    ///
    /// The text must come from `DisplayText` or be the program's own. Gives the columns that it
    /// took.
    @discardableResult
    mutating func put(
        _ text: String, row: Int, column: Int, width: Int = .max, _ style: CellStyle = CellStyle()
    ) -> Int {
        guard rows.indices.contains(row), column >= 0 else { return 0 }
        let end = min(
            size.columns,
            column.addingReportingOverflow(width).overflow
                ? .max : column + max(0, width))
        var place = column
        for scalar in text.unicodeScalars {
            let width = DisplayWidth.of(scalar)
            if width == 0 {
                // A mark belongs to the character before it, also where that is a wide one.
                var base = place - 1
                while base >= column, rows[row][base].text.isEmpty { base -= 1 }
                if base >= column { rows[row][base].text.unicodeScalars.append(scalar) }
                continue
            }
            guard place + width <= end else { break }
            rows[row][place] = Cell(text: String(Character(scalar)), style: style)
            if width == 2 { rows[row][place + 1] = Cell(text: "", style: style) }
            place += width
        }
        return place - column
    }

    /// Gives all cells of a row a style, from a column on.
    mutating func fill(row: Int, from column: Int = 0, _ style: CellStyle) {
        guard rows.indices.contains(row) else { return }
        for place in rows[row].indices where place >= column { rows[row][place].style = style }
    }

    /// Turns a row inside out.
    mutating func reverse(row: Int) {
        guard rows.indices.contains(row) else { return }
        for place in rows[row].indices { rows[row][place].style.isReversed = true }
    }

    /// The characters of a row.
    func text(row: Int) -> String { rows[row].map(\.text).joined() }
}
