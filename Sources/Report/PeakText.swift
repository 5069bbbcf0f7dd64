import MemoryModel

/// A peak in a table: its size, and a mark where that is not the whole truth.
enum PeakMark: CaseIterable {
    case atMostInRange
    case atLeastInRange
    case sampled
    case told
    case lowerBound
    case inherited

    /// `isUpperBound` and `isOfWindows` are of a peak in a range.
    init?(
        _ peak: Peak?, isLowerBound: Bool?, isInherited: Bool?, isTold: Bool = false,
        isUpperBound: Bool? = false, isOfWindows: Bool = false
    ) {
        guard let peak else { return nil }
        if isInherited == true {
            self = .inherited
        } else if isUpperBound == true {
            self = .atMostInRange
        } else if isOfWindows {
            guard isLowerBound == true else { return nil }
            self = .atLeastInRange
        } else if isLowerBound == true {
            self = isTold ? .told : peak.source == .sampled ? .sampled : .lowerBound
        } else {
            return nil
        }
    }

    /// What stands before the size.
    var prefix: String {
        switch self {
        case .atMostInRange: "<="
        case .atLeastInRange: ">="
        case .sampled, .told, .lowerBound, .inherited: ""
        }
    }

    /// What stands behind the size, where there is always one column for it.
    var character: String {
        switch self {
        case .atMostInRange, .atLeastInRange: " "
        case .sampled: "~"
        case .told: "t"
        case .lowerBound: "+"
        case .inherited: "i"
        }
    }

    var meaning: String {
        switch self {
        case .atMostInRange: "at most this in the range: the peak of a whole life"
        case .atLeastInRange: "at least this in the range: the largest sample there"
        case .sampled: "largest sample, the true peak may be higher"
        case .told: "told by the program itself, which resets the kernel's mark; at least this"
        case .lowerBound: "at least this, as what came after the last reading is not known"
        case .inherited: "inherited from its parent at fork"
        }
    }

    /// The line that explains the marks that occur; nil where none does.
    static func legend(_ marks: [PeakMark?]) -> String? {
        let entries = allCases.filter { marks.contains($0) }.map {
            "\($0.prefix.isEmpty ? $0.character : $0.prefix) \($0.meaning)"
        }
        return entries.isEmpty ? nil : entries.joined(separator: "; ")
    }
}

/// Cells that several views have in common.
enum TableCell {
    /// A size, or a dash where it is not known.
    static func size(_ bytes: UInt64?, _ role: TextRole = .plain) -> TextTable.Cell {
        bytes.map { TextTable.Cell(ByteSize($0).text, role) } ?? unknown
    }

    /// A size as the style has it, or a dash where it is not known.
    static func size(_ bytes: UInt64?, _ style: TextStyle) -> TextTable.Cell {
        bytes.map { TextTable.Cell(style.size($0)) } ?? unknown
    }

    /// A peak with its mark, which has a column of its own behind the size.
    static func peak(
        _ peak: Peak?, _ mark: PeakMark?, _ role: TextRole, _ style: TextStyle = TextStyle()
    ) -> TextTable.Cell {
        guard let peak else { return TextTable.Cell("- ", .secondary) }
        return TextTable.Cell(
            (mark?.prefix ?? "") + style.size(peak.bytes) + (mark?.character ?? " "), role)
    }

    /// Tenths of a percent as `12.3`.
    static func permille(_ value: Int?) -> TextTable.Cell {
        value.map { TextTable.Cell(DecimalText.tenths($0)) } ?? unknown
    }

    static func name(_ name: RawText?, _ style: TextStyle, _ role: TextRole = .plain)
        -> TextTable.Cell
    {
        name.map { TextTable.Cell(style.name($0), role) } ?? unknown
    }

    /// When a peak was reached: a point, or the point by which it was.
    static func time(of peak: Peak?, _ style: TextStyle, now: Int64) -> TextTable.Cell {
        guard let bracket = peak?.bracket else { return unknown }
        let end = style.time(bracket.notAfterMilliseconds, now: now)
        let length = bracket.notAfterMilliseconds.subtractingClamped(bracket.notBeforeMilliseconds)
        // Within a minute is a point in time to whoever reads a table.
        return TextTable.Cell(length > 60_000 ? "by \(end)" : end, .secondary)
    }

    static let unknown = TextTable.Cell("-", .secondary)
}

/// Shares as whole tenths of a percent.
enum Permille {
    /// More than this is not believed but shown as this: a million percent.
    static let maximum = 10_000_000

    /// `part` of `whole`; nil where the whole is nothing.
    static func of(_ part: UInt64, _ whole: UInt64) -> Int? {
        guard whole > 0 else { return nil }
        let share = Double(part) / Double(whole) * 1_000
        return Int(min(share, Double(maximum)).rounded())
    }
}
