/// Where things stand on a screen.
enum ScreenLayout {
    /// Title, memory, movers, notes, tabs and the titles of the columns.
    static let headerRows = 6
    /// The hints, or the filter that is typed.
    static let footerRows = 1
    /// The smallest terminal that has room for all of it.
    static let smallest = GridSize(columns: 80, rows: 24)
    static let titleRow = 0
    static let memoryRow = 1
    static let moversRow = 2
    static let notesRow = 3
    static let tabsRow = 4
    static let columnsRow = 5
}

/// Text with the part that it plays.
struct StyledText: Hashable {
    var text: String
    var role: CellStyle.Role

    init(_ text: String, _ role: CellStyle.Role = .plain) {
        self.text = text
        self.role = role
    }

    static let unknown = StyledText("-", .secondary)
}

/// One column of a list.
struct ListColumn<Row> {
    var title: String
    /// The columns of the terminal that it takes; the last one of a list takes what is left.
    var width: Int
    var isRightAligned = false
    /// What goes first where there is no room; 100 always stays.
    var importance: Int
    /// What the list is ordered by when the title is marked.
    var order: ListOrder?
    var text: (Row) -> StyledText

    /// The columns that have room in `total`, with the width of each.
    static func fitted(
        _ columns: [ListColumn], total: Int
    ) -> [(column: ListColumn, width: Int)] {
        var chosen = Array(columns.indices)
        func width(_ places: [Int]) -> Int {
            places.reduce(0) { $0 + columns[$1].width } + max(0, places.count - 1)
        }
        while width(chosen) > total,
            let least = chosen.filter({ columns[$0].importance < 100 })
                .min(by: { columns[$0].importance < columns[$1].importance })
        {
            chosen.removeAll { $0 == least }
        }
        let rest = max(0, total - width(chosen))
        return chosen.map { place in
            let isLast = place == chosen.last
            return (columns[place], columns[place].width + (isLast ? rest : 0))
        }
    }
}
