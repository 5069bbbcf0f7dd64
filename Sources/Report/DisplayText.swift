public import MemoryModel

/// Names as they are shown: every byte that could steer a terminal, hide or reorder text is
/// written out.
///
/// Written out are C0, DEL and C1 controls, bytes that are not UTF-8, line and paragraph
/// separators, format characters (bidirectional controls, zero-width characters, tags), all
/// else that Unicode calls ignorable, private and unassigned characters, and combining marks
/// that have no base or are more than four on one. Bytes and characters below U+0080 become
/// `\xNN`, all others `\u{NNNN}`. A backslash is doubled only where it would otherwise read as
/// the beginning of an escape: before `x`, `u` or another backslash of the output. So every name
/// has a text of its own, and most names with backslashes stay as they are.
public enum DisplayText {
    /// The text of `name`, free of control characters.
    ///
    /// With `ascii` everything beyond ASCII is written out, for terminals without UTF-8.
    public static func escaped(_ name: RawText, ascii: Bool = false) -> String {
        escaped(name.bytes, ascii: ascii)
    }

    /// The same for a name that is given as its bytes.
    public static func escaped(_ bytes: [UInt8], ascii: Bool = false) -> String {
        let isPlain = bytes.allSatisfy { (0x20..<0x7F).contains($0) && $0 != backslash }
        if isPlain { return String(decoding: bytes, as: UTF8.self) }
        var writer = EscapingWriter(ascii: ascii)
        for piece in UTF8Pieces(bytes) { writer.append(piece) }
        return writer.finished()
    }

    /// Whether `scalar` is shown as it is.
    static func isShown(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return (0x20..<0x7F).contains(scalar.value) }
        let properties = scalar.properties
        if properties.isDefaultIgnorableCodePoint { return false }
        switch properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
            .paragraphSeparator:
            return false
        default: return true
        }
    }

    /// `byte` as `\xNN`.
    static func escape(byte: UInt8) -> String {
        let digits = String(byte, radix: 16, uppercase: true)
        return byte < 16 ? "\\x0\(digits)" : "\\x\(digits)"
    }

    /// `scalar` as `\u{NNNN}`, or `\xNN` below U+0080.
    static func escape(scalar: Unicode.Scalar) -> String {
        if scalar.isASCII { return escape(byte: UInt8(truncatingIfNeeded: scalar.value)) }
        let digits = String(scalar.value, radix: 16, uppercase: true)
        return "\\u{" + String(repeating: "0", count: max(0, 4 - digits.utf8.count)) + digits + "}"
    }

    private static let backslash = UInt8(ascii: "\\")
}

/// A character, or a byte that belongs to none.
enum UTF8Piece {
    case scalar(Unicode.Scalar)
    case invalid(UInt8)
}

/// Bytes taken apart into characters, and into single bytes where they are not UTF-8.
struct UTF8Pieces: Sequence, IteratorProtocol {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func next() -> UTF8Piece? {
        guard position < bytes.count else { return nil }
        let first = bytes[position]
        if first < 0x80 {
            position += 1
            return .scalar(Unicode.Scalar(first))
        }
        if let (scalar, length) = decode(first) {
            position += length
            return .scalar(scalar)
        }
        position += 1
        return .invalid(first)
    }

    /// The character that begins here by table 3-7 of the Unicode standard: no overlong form, no
    /// surrogate, nothing beyond U+10FFFF.
    private func decode(_ first: UInt8) -> (Unicode.Scalar, Int)? {
        let length: Int
        var value: UInt32
        switch first {
        case 0xC2...0xDF: (length, value) = (2, UInt32(first & 0x1F))
        case 0xE0...0xEF: (length, value) = (3, UInt32(first & 0x0F))
        case 0xF0...0xF4: (length, value) = (4, UInt32(first & 0x07))
        default: return nil
        }
        guard position + length <= bytes.count else { return nil }
        for byte in bytes[(position + 1)..<(position + length)] {
            guard byte & 0xC0 == 0x80 else { return nil }
            value = value << 6 | UInt32(byte & 0x3F)
        }
        let smallest: UInt32 = length == 2 ? 0x80 : length == 3 ? 0x800 : 0x1_0000
        guard value >= smallest, let scalar = Unicode.Scalar(value) else { return nil }
        return (scalar, length)
    }
}

/// Puts the pieces of a name together, holding back each backslash until it is known whether it
/// must be doubled.
private struct EscapingWriter {
    private let ascii: Bool
    private var text = String.UnicodeScalarView()
    private var holdsBackslash = false
    /// Combining marks that the last base may still take.
    private var marksLeft = 0

    private static let marksPerBase = 4

    init(ascii: Bool) {
        self.ascii = ascii
    }

    mutating func append(_ piece: UTF8Piece) {
        switch piece {
        case .invalid(let byte): appendEscape(DisplayText.escape(byte: byte))
        case .scalar("\\"):
            releaseBackslash(before: "\\")
            holdsBackslash = true
            marksLeft = 0
        case .scalar(let scalar): append(scalar)
        }
    }

    mutating func finished() -> String {
        releaseBackslash(before: " ")
        return String(text)
    }

    private mutating func append(_ scalar: Unicode.Scalar) {
        guard DisplayText.isShown(scalar), scalar.isASCII || !ascii else {
            return appendEscape(DisplayText.escape(scalar: scalar))
        }
        if DisplayWidth.isZeroWidth(scalar) {
            guard marksLeft > 0 else {
                return appendEscape(DisplayText.escape(scalar: scalar))
            }
            marksLeft -= 1
        } else {
            marksLeft = scalar == " " ? 0 : EscapingWriter.marksPerBase
        }
        releaseBackslash(before: scalar)
        text.append(scalar)
    }

    private mutating func appendEscape(_ escape: String) {
        releaseBackslash(before: "\\")
        text.append(contentsOf: escape.unicodeScalars)
        marksLeft = 0
    }

    private mutating func releaseBackslash(before next: Unicode.Scalar) {
        guard holdsBackslash else { return }
        holdsBackslash = false
        text.append("\\")
        if next == "x" || next == "u" || next == "\\" { text.append("\\") }
    }
}
