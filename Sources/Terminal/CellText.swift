import Report

/// How values read in a cell, for one kind of terminal.
struct CellText {
    var isUnicode: Bool
    var utcOffsetSeconds: Int

    var ellipsis: String { isUnicode ? "\u{2026}" : "..." }
    var separator: String { isUnicode ? " \u{00B7} " : " - " }

    /// A name, safe to show, with its end in sight.
    func name(_ bytes: [UInt8]?) -> String {
        guard let bytes else { return "-" }
        let text = DisplayText.escaped(bytes, ascii: !isUnicode)
        let hasClearEnds = text.utf8.first.map { $0 != 0x20 } ?? false && text.utf8.last != 0x20
        return hasClearEnds ? text : "\"\(text)\""
    }

    func size(_ bytes: UInt64?) -> StyledText {
        bytes.map { StyledText(ByteSize($0).text) } ?? .unknown
    }

    func permille(_ value: Int?) -> StyledText {
        value.map { StyledText(DecimalText.tenths($0)) } ?? .unknown
    }

    func count(_ value: Int) -> StyledText { StyledText(DecimalText.grouped(value)) }

    /// A length of time: its largest unit, and the next where it has one digit.
    func age(_ milliseconds: Int64?) -> StyledText {
        guard let milliseconds else { return .unknown }
        let seconds = max(0, milliseconds) / 1_000
        let text =
            switch seconds {
            case ..<60: "\(seconds)s"
            case ..<3_600: "\(seconds / 60)m"
            case ..<36_000: "\(seconds / 3_600)h\(seconds % 3_600 / 60)m"
            case ..<86_400: "\(seconds / 3_600)h"
            case ..<864_000: "\(seconds / 86_400)d\(seconds % 86_400 / 3_600)h"
            default: "\(seconds / 86_400)d"
            }
        return StyledText(text, .secondary)
    }

    /// At least a length of time: its largest unit.
    func leastAge(_ milliseconds: Int64?) -> StyledText {
        guard let milliseconds else { return .unknown }
        let seconds = max(0, milliseconds) / 1_000
        let text =
            switch seconds {
            case ..<60: ">\(seconds)s"
            case ..<3_600: ">\(seconds / 60)m"
            case ..<86_400: ">\(seconds / 3_600)h"
            default: ">\(seconds / 86_400)d"
            }
        return StyledText(text, .secondary)
    }

    /// A change with its sign.
    func change(_ bytes: Int64) -> String {
        (bytes < 0 ? (isUnicode ? "\u{2212}" : "-") : "+") + ByteSize(bytes.magnitude).text
    }

    func time(_ milliseconds: Int64?, now: Int64) -> String {
        milliseconds.map {
            TextStyle(width: 80, utcOffsetSeconds: utcOffsetSeconds).time($0, now: now)
        } ?? "-"
    }

    /// A bar of so many columns, the part of `whole` full.
    func bar(_ part: UInt64, of whole: UInt64, columns: Int) -> String {
        TextStyle(unicode: isUnicode).bar(part, of: whole, columns: columns)
    }

    /// A line of so many columns that follows `values`, the latest at its right end.
    ///
    /// It stands between the least and the greatest; a change of less than a fiftieth is flat.
    func sparkline(_ values: [UInt32], columns: Int) -> String {
        let levels =
            isUnicode
            ? ["\u{2581}", "\u{2582}", "\u{2583}", "\u{2584}", "\u{2585}", "\u{2586}", "\u{2587}"]
                + ["\u{2588}"]
            : ["_", ".", "-", "=", "+", "*", "#"]
        let shown = values.suffix(columns)
        guard let least = shown.min(), let greatest = shown.max() else { return "" }
        let range = UInt64(greatest - least)
        let isFlat = range * 50 < UInt64(greatest) || range == 0
        let line = shown.map { value in
            isFlat
                ? levels[0] : levels[Int(UInt64(value - least) * UInt64(levels.count - 1) / range)]
        }
        return String(repeating: " ", count: columns - line.count) + line.joined()
    }
}
