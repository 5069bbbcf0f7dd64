import CNcurses
import Report

/// The one place that speaks to ncurses: cells go out, keys come in.
///
/// One a program, on one thread. ncurses itself sends only what has changed.
struct TerminalDevice {
    private var shown: Grid?

    /// What came from the terminal or its signals.
    enum Input: Equatable {
        case event(ScreenInput)
        case resize
        case suspend
        case resume
        case redraw
        case end(signal: Int32)
    }

    /// An event of a screen that comes from the terminal.
    enum ScreenInput: Equatable {
        case key(Key)
        case wheel(rows: Int)
        case click(row: Int)
    }

    /// How many rows a notch of the wheel is.
    private static let wheelRows = 3

    /// The size that the terminal has, or the usual one where it does not say.
    static var size: GridSize {
        var rows: Int32 = 0
        var columns: Int32 = 0
        guard cncurses_size(&rows, &columns) else { return GridSize(columns: 80, rows: 24) }
        // More than a thousand either way is a mistake, and would cost a grid of its size.
        return GridSize(columns: min(Int(columns), 1_000), rows: min(Int(rows), 1_000))
    }

    /// Draws for another size from now on.
    mutating func resize(to size: GridSize) {
        cncurses_resize(Int32(size.rows), Int32(size.columns))
        shown = nil
    }

    /// Draws everything anew, because somebody else wrote on the terminal.
    mutating func redraw() {
        cncurses_resume()
        shown = nil
    }

    /// Shows cells; rows that are as they were are passed over.
    mutating func show(_ grid: Grid) {
        for (index, row) in grid.rows.enumerated() {
            if let shown, shown.size == grid.size, shown.rows[index] == row { continue }
            put(row, at: index)
        }
        cncurses_show()
        shown = grid
    }

    private func put(_ row: [Cell], at index: Int) {
        var start = 0
        while start < row.count {
            let style = row[start].style
            var end = start
            var characters: [UInt32] = []
            while end < row.count, row[end].style == style {
                characters += row[end].text.unicodeScalars.map(\.value)
                end += 1
            }
            cncurses_put(
                Int32(index), Int32(start), characters, Int32(characters.count),
                TerminalDevice.attributes(style))
            start = end
        }
    }

    /// The attributes of a style for the number of colours that there are.
    private static func attributes(_ style: CellStyle) -> UInt32 {
        let colours = cncurses_colours()
        func colour(_ number: UInt32) -> UInt32 {
            colours == 0 ? 0 : (number + 1) << UInt32(CNCURSES_COLOUR_SHIFT)
        }
        let bold = UInt32(CNCURSES_BOLD)
        var attributes: UInt32 =
            switch style.role {
            case .plain: 0
            case .title: colour(4) | bold
            case .heading: bold
            case .secondary: colours >= 16 ? colour(8) : UInt32(CNCURSES_DIM)
            case .emphasis: bold
            case .good: colour(2)
            case .warning: colours == 0 ? bold : colour(3)
            case .problem: colours == 0 ? bold : colour(1) | bold
            case .bar: colour(6)
            }
        if style.isReversed { attributes |= UInt32(CNCURSES_REVERSE) }
        return attributes
    }

    // MARK: Input

    /// The next thing that came; nil if nothing is left.
    func nextInput() -> Input? {
        var character: UInt32 = 0
        var row: Int32 = 0
        switch cncurses_read(&character, &row) {
        case CNCURSES_NOTHING: return nil
        case CNCURSES_CHARACTER: return TerminalDevice.input(character)
        case CNCURSES_WHEEL_UP: return .event(.wheel(rows: -TerminalDevice.wheelRows))
        case CNCURSES_WHEEL_DOWN: return .event(.wheel(rows: TerminalDevice.wheelRows))
        case CNCURSES_CLICK: return .event(.click(row: Int(row)))
        case CNCURSES_UP: return .event(.key(.up))
        case CNCURSES_DOWN: return .event(.key(.down))
        case CNCURSES_LEFT: return .event(.key(.left))
        case CNCURSES_RIGHT: return .event(.key(.right))
        case CNCURSES_PAGE_UP: return .event(.key(.pageUp))
        case CNCURSES_PAGE_DOWN: return .event(.key(.pageDown))
        case CNCURSES_HOME: return .event(.key(.home))
        case CNCURSES_END: return .event(.key(.end))
        case CNCURSES_ENTER: return .event(.key(.enter))
        case CNCURSES_BACKSPACE: return .event(.key(.backspace))
        case CNCURSES_BACK_TAB: return .event(.key(.backTab))
        // A key that means nothing here; there may be more behind it.
        default: return .event(.key(.character("\u{0}")))
        }
    }

    private static func input(_ character: UInt32) -> Input {
        switch character {
        case 0x09: .event(.key(.tab))
        case 0x0C: .redraw
        case 0x1B: .event(.key(.escape))
        // Ctrl-C and Ctrl-D, where the terminal makes no signal of them.
        case 0x03, 0x04: .end(signal: 0)
        default: .event(.key(.character(Unicode.Scalar(character) ?? "\u{FFFD}")))
        }
    }
}
