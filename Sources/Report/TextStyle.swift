import MemoryModel

/// For what kind of terminal, file or pipe a view is written.
public struct TextStyle: Hashable, Sendable {
    /// The columns that a line may take; nil for a pipe or file: nothing is cut, and points in
    /// time are written in full.
    public var width: Int?
    /// Whether colours and bold type may be used.
    ///
    /// `NO_COLOR` is the caller's to heed.
    public var colour: Bool
    /// Whether characters beyond ASCII may be used.
    public var unicode: Bool
    /// Seconds east of UTC of the times that are shown.
    public var utcOffsetSeconds: Int
    /// Whether tables, CSV and Markdown have a heading.
    public var hasHeader = true
    /// Whether sizes are whole bytes, without a unit.
    public var hasBytes = false

    /// The widths that are taken.
    public static let widthRange = 20...1_000
    /// The largest offset either way: 18 hours.
    public static let maximumOffsetSeconds = 64_800

    /// Takes the parts; a width or offset beyond the limits is cut to them.
    public init(
        width: Int? = nil, colour: Bool = false, unicode: Bool = true, utcOffsetSeconds: Int = 0
    ) {
        let widths = TextStyle.widthRange
        self.width = width.map { min(max($0, widths.lowerBound), widths.upperBound) }
        self.colour = colour
        self.unicode = unicode
        let limit = TextStyle.maximumOffsetSeconds
        self.utcOffsetSeconds = min(max(utcOffsetSeconds, -limit), limit)
    }

    /// Whether whoever reads it typed options of a command line, and not the keys of a query.
    public var usesOptions = false

    /// A key of a query as whoever reads it types it.
    public func key(_ key: String) -> String {
        usesOptions ? "--" + key.replacing("_", with: "-") : key
    }

    /// Every key of a style in a query: `width`, `colour`, `unicode`, `utc_offset` (seconds),
    /// `header` and `bytes`, which only reports heed.
    public static let keys = ["width", "colour", "unicode", "utc_offset", "header", "bytes"]

    /// Reads a style; what has no pair is as for a pipe.
    ///
    /// - Parameter pairs: Keys of `keys`, each at most once.
    /// - Throws: The key that could not be taken, why, and what could.
    public init(pairs: [QueryPair]) throws(QueryError) {
        let reader = try QueryReader(pairs, keys: TextStyle.keys)
        let limit = TextStyle.maximumOffsetSeconds
        self.init(
            width: try reader.number("width", in: TextStyle.widthRange),
            colour: try reader.flag("colour") ?? false,
            unicode: try reader.flag("unicode") ?? true,
            utcOffsetSeconds: try reader.number("utc_offset", in: -limit...limit) ?? 0)
        hasHeader = try reader.flag("header") ?? true
        hasBytes = try reader.flag("bytes") ?? false
    }

    /// The pairs that `init(pairs:)` reads as this style.
    public var pairs: [QueryPair] {
        var pairs: [QueryPair] = []
        if let width { pairs.append(QueryPair("width", String(width))) }
        if colour { pairs.append(QueryPair("colour", "1")) }
        if !unicode { pairs.append(QueryPair("unicode", "0")) }
        if !hasHeader { pairs.append(QueryPair("header", "0")) }
        if hasBytes { pairs.append(QueryPair("bytes", "1")) }
        if utcOffsetSeconds != 0 {
            pairs.append(QueryPair("utc_offset", String(utcOffsetSeconds)))
        }
        return pairs
    }
}

/// What part a piece of text plays, which decides its colour.
enum TextRole {
    case plain
    case heading
    case secondary
    case emphasis
    case good
    case warning
    case problem
    case bar
}

extension TextStyle {
    /// What stands for text that was cut off.
    public var ellipsis: String { unicode ? "\u{2026}" : "..." }

    /// What separates facts of a heading.
    public var separator: String { unicode ? " \u{00B7} " : ", " }

    /// A size with a unit, or in whole bytes.
    func size(_ bytes: UInt64) -> String { hasBytes ? String(bytes) : ByteSize(bytes).text }

    /// `text` in the colour of `role`, where colours may be used.
    func paint(_ text: String, _ role: TextRole) -> String {
        guard colour, !text.isEmpty, let code = TextStyle.code(role) else { return text }
        return "\u{1B}[\(code)m\(text)\u{1B}[0m"
    }

    /// A name, safe to show; in quotation marks where its end could not be seen.
    func name(_ name: RawText) -> String { TextStyle.name(name, ascii: !unicode) }

    static func name(_ name: RawText, ascii: Bool) -> String {
        let text = DisplayText.escaped(name, ascii: ascii)
        let space = UInt8(ascii: " ")
        let isClear = text.utf8.first.map { $0 != space } ?? false
        return isClear && text.utf8.last != space ? text : "\"\(text)\""
    }

    /// A bar of at most `columns` columns, as long as `part` of `whole`.
    public func bar(_ part: UInt64, of whole: UInt64, columns: Int) -> String {
        guard whole > 0, part > 0 else { return "" }
        let eighths = Int(
            (Double(min(part, whole)) / Double(whole) * Double(columns * 8)).rounded())
        guard unicode else {
            return String(repeating: "#", count: max(1, (eighths + 4) / 8))
        }
        let partials = [
            "", "\u{258F}", "\u{258E}", "\u{258D}", "\u{258C}", "\u{258B}", "\u{258A}", "\u{2589}",
        ]
        let shown = max(1, eighths)
        return String(repeating: "\u{2588}", count: shown / 8) + partials[shown % 8]
    }

    /// A point in time: short and with regard to `now` for a terminal, in full for a pipe.
    public func time(_ milliseconds: Int64, now: Int64) -> String {
        guard
            let time = CivilTime(milliseconds: milliseconds, utcOffsetSeconds: utcOffsetSeconds)
        else { return "?" }
        let today = CivilTime(milliseconds: now, utcOffsetSeconds: utcOffsetSeconds)
        if width == nil { return "\(time.date) \(time.clock)" }
        if time.date == today?.date { return time.clock }
        if time.year == today?.year {
            let day = (time.day < 10 ? " " : "") + String(time.day)
            return "\(TextStyle.months[Int(time.month) - 1]) \(day) \(time.clock.prefix(5))"
        }
        return time.date
    }

    /// A point in time in full, to the minute.
    func minute(_ milliseconds: Int64) -> String {
        CivilTime(milliseconds: milliseconds, utcOffsetSeconds: utcOffsetSeconds)
            .map { "\($0.date) \($0.clock.prefix(5))" } ?? "?"
    }

    /// A point in time in full, to the second.
    public func fullTime(_ milliseconds: Int64) -> String {
        CivilTime(milliseconds: milliseconds, utcOffsetSeconds: utcOffsetSeconds)
            .map { "\($0.date) \($0.clock)" } ?? "?"
    }

    /// `UTC` or `UTC+01:00`.
    public var zone: String {
        guard utcOffsetSeconds != 0 else { return "UTC" }
        let minutes = Int64(utcOffsetSeconds.magnitude / 60)
        return "UTC" + (utcOffsetSeconds < 0 ? "-" : "+") + Timestamp.padded(minutes / 60, 2)
            + ":" + Timestamp.padded(minutes % 60, 2)
    }

    static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Parameters of `SGR`, `console_codes(4)`.
    private static func code(_ role: TextRole) -> String? {
        switch role {
        case .plain: nil
        case .heading, .emphasis: "1"
        case .secondary: "2"
        case .good: "32"
        case .warning: "33"
        case .problem: "31"
        case .bar: "36"
        }
    }
}
