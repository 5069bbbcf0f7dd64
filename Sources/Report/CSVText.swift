import MemoryModel

/// Tables as RFC 4180 has them: a header line, fields in quotation marks where they need them,
/// lines that end with CR LF.
///
/// Names are written as `DisplayText` shows them, so that a table may be looked at in a terminal.
/// A name that a spreadsheet would take for a formula gets an apostrophe in front.
enum CSVText {
    /// One field.
    enum Field {
        case empty
        case name(RawText)
        case text(String)
        /// A number or a word of the program's own, which is never a formula.
        case literal(String)

        static func number(_ value: (some BinaryInteger)?) -> Field {
            value.map { .literal(String($0)) } ?? .empty
        }
        static func boolean(_ value: Bool?) -> Field {
            value.map { .literal($0 ? "true" : "false") } ?? .empty
        }
        static func name(_ value: RawText?) -> Field { value.map { .name($0) } ?? .empty }
        static func literal(_ value: String?) -> Field { value.map { .literal($0) } ?? .empty }
        static func thousandths(_ value: UInt64?) -> Field {
            literal(value.map(DecimalText.thousandths))
        }
        static func time(_ milliseconds: Int64?) -> Field {
            literal(milliseconds.flatMap(Timestamp.text))
        }
        /// `a=1 b=2`, escaped part by part.
        static func labels(_ labels: [HostLabel]?) -> Field {
            guard let labels else { return .empty }
            return .text(LabelText.joined(labels))
        }

        var text: String {
            switch self {
            case .empty: ""
            case .name(let name): CSVText.quoted(CSVText.defused(DisplayText.escaped(name)))
            case .text(let text): CSVText.quoted(CSVText.defused(text))
            case .literal(let text): CSVText.quoted(text)
            }
        }
    }

    /// The whole table; nil for no header line.
    static func document(header: [String]?, rows: [[Field]]) -> String {
        var text = header.map { $0.joined(separator: ",") + "\r\n" } ?? ""
        for row in rows {
            for (index, field) in row.enumerated() {
                if index > 0 { text += "," }
                text += field.text
            }
            text += "\r\n"
        }
        return text
    }

    private static func defused(_ text: String) -> String {
        switch text.unicodeScalars.first {
        case "=", "+", "-", "@", "\t", "\r", "\n", "\u{FF1D}", "\u{FF0B}", "\u{FF0D}", "\u{FF20}":
            "'" + text
        default: text
        }
    }

    private static func quoted(_ text: String) -> String {
        let needsQuotes = text.utf8.contains { byte in
            byte == UInt8(ascii: ",") || byte == UInt8(ascii: "\"") || byte < 0x20
        }
        guard needsQuotes else { return text }
        var quoted = "\""
        for scalar in text.unicodeScalars {
            if scalar == "\"" { quoted += "\"" }
            quoted.unicodeScalars.append(scalar)
        }
        return quoted + "\""
    }
}

/// Labels of a host in one line.
enum LabelText {
    static func joined(_ labels: [HostLabel], ascii: Bool = false) -> String {
        labels.map { label in
            DisplayText.escaped(label.key, ascii: ascii) + "="
                + DisplayText.escaped(label.value, ascii: ascii)
        }.joined(separator: " ")
    }
}
