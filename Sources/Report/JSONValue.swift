import MemoryModel

/// A JSON document (RFC 8259) that is about to be written, keys in the order given.
enum JSONValue {
    case null
    case boolean(Bool)
    case integer(Int64)
    case unsigned(UInt64)
    /// A number given in thousandths of it.
    case thousandths(UInt64)
    case text(String)
    /// A number that is written already.
    case number(String)
    /// A name: as it is where it is UTF-8, else as `DisplayText` writes it.
    case name(RawText)
    case array([JSONValue])
    case object([Member])

    struct Member {
        var key: String
        var value: JSONValue

        init(_ key: String, _ value: JSONValue) {
            self.key = key
            self.value = value
        }
    }

    static func optional(_ value: Int64?) -> JSONValue { value.map { .integer($0) } ?? .null }
    static func optional(_ value: Int32?) -> JSONValue {
        value.map { .integer(Int64($0)) } ?? .null
    }
    static func optional(_ value: UInt64?) -> JSONValue { value.map { .unsigned($0) } ?? .null }
    static func optional(_ value: String?) -> JSONValue { value.map { .text($0) } ?? .null }
    static func optional(_ value: RawText?) -> JSONValue { value.map { .name($0) } ?? .null }
    static func optional(_ value: Bool?) -> JSONValue { value.map { .boolean($0) } ?? .null }
    static func optional(thousandths value: UInt64?) -> JSONValue {
        value.map { .thousandths($0) } ?? .null
    }
    static func count(_ value: Int) -> JSONValue { .integer(Int64(value)) }

    /// A time as RFC 3339 in UTC; null where it is not known or that format cannot say it.
    static func time(_ milliseconds: Int64?) -> JSONValue {
        optional(milliseconds.flatMap(Timestamp.text))
    }

    /// Labels as an object; of labels with one key the last counts.
    static func labels(_ labels: [HostLabel]) -> JSONValue {
        var members: [Member] = []
        for label in labels {
            let member = Member(JSONText.content(of: label.key), .name(label.value))
            members.removeAll { $0.key == member.key }
            members.append(member)
        }
        return .object(members)
    }

    /// The document with a newline at its end; each object in an array has a line of its own.
    func document() -> String {
        var text = ""
        write(to: &text)
        return text + "\n"
    }

    private func write(to text: inout String) {
        switch self {
        case .null: text += "null"
        case .boolean(let value): text += value ? "true" : "false"
        case .integer(let value): text += String(value)
        case .unsigned(let value): text += String(value)
        case .thousandths(let value): text += DecimalText.thousandths(value)
        case .text(let value): JSONText.writeQuoted(value, to: &text)
        case .number(let digits): text += digits
        case .name(let value): JSONText.writeQuoted(JSONText.content(of: value), to: &text)
        case .array(let values): JSONValue.write(array: values, to: &text)
        case .object(let members):
            text += "{"
            for (index, member) in members.enumerated() {
                if index > 0 { text += "," }
                JSONText.writeQuoted(member.key, to: &text)
                text += ":"
                member.value.write(to: &text)
            }
            text += "}"
        }
    }

    private static func write(array values: [JSONValue], to text: inout String) {
        text += "["
        var hasLines = false
        for (index, value) in values.enumerated() {
            if index > 0 { text += "," }
            if case .object = value {
                text += "\n"
                hasLines = true
            }
            value.write(to: &text)
        }
        text += hasLines ? "\n]" : "]"
    }
}

/// Strings of JSON.
enum JSONText {
    /// What a name is in JSON: itself where it is UTF-8, so that scripts can compare it; else
    /// what `DisplayText` makes of it, since JSON has no bytes.
    static func content(of name: RawText) -> String {
        String(validating: name.bytes, as: UTF8.self) ?? DisplayText.escaped(name)
    }

    /// Writes `value` in quotation marks.
    ///
    /// Everything that `DisplayText` would not show is written as `\uNNNN`, so that the document
    /// may be looked at in a terminal, and so is `<`, so that no browser finds a tag in it.
    static func writeQuoted(_ value: String, to text: inout String) {
        text += "\""
        let isPlain = value.utf8.allSatisfy { byte in
            (0x20..<0x7F).contains(byte) && byte != UInt8(ascii: "\"")
                && byte != UInt8(ascii: "\\") && byte != UInt8(ascii: "<")
        }
        if isPlain {
            text += value
        } else {
            for scalar in value.unicodeScalars { write(scalar, to: &text) }
        }
        text += "\""
    }

    private static func write(_ scalar: Unicode.Scalar, to text: inout String) {
        switch scalar {
        case "\"": text += "\\\""
        case "\\": text += "\\\\"
        case "\n": text += "\\n"
        case "\r": text += "\\r"
        case "\t": text += "\\t"
        case "<": writeEscape(scalar, to: &text)
        default:
            if DisplayText.isShown(scalar) {
                text.unicodeScalars.append(scalar)
            } else {
                writeEscape(scalar, to: &text)
            }
        }
    }

    private static func writeEscape(_ scalar: Unicode.Scalar, to text: inout String) {
        for unit in UTF16.encode(scalar).map({ Array($0) }) ?? [] {
            let digits = String(unit, radix: 16, uppercase: true)
            text += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
        }
    }
}

/// Numbers with a fraction, without floating point.
public enum DecimalText {
    /// 12345 is `12.345`.
    static func thousandths(_ value: UInt64) -> String {
        let fraction = String(value % 1_000)
        return "\(value / 1_000)." + String(repeating: "0", count: 3 - fraction.utf8.count)
            + fraction
    }

    /// 123 is `12.3`.
    public static func tenths(_ value: Int) -> String { "\(value / 10).\(value % 10)" }

    /// -123 is `-12.3`.
    static func signedTenths(_ value: Int) -> String {
        (value < 0 ? "-" : "") + tenths(Int(value.magnitude))
    }

    /// 1234567 is `1,234,567`.
    public static func grouped(_ value: Int) -> String {
        let digits = Array(String(value.magnitude))
        var text = value < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text += "," }
            text.append(digit)
        }
        return text
    }
}
