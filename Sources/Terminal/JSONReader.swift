/// A JSON document (RFC 8259) as it was read.
///
/// Numbers keep to what a collector writes: whole numbers, and fractions to the thousandth.
enum JSONDocument: Hashable {
    case null
    case boolean(Bool)
    /// A number in thousandths of it.
    case thousandths(Int64)
    case whole(UInt64)
    case text(String)
    case array([JSONDocument])
    case object([Member])

    struct Member: Hashable {
        var key: String
        var value: JSONDocument
    }

    /// Reads `bytes`; nil for what is not JSON, is nested too deep, or has a number out of bounds.
    init?(_ bytes: [UInt8]) {
        var reader = JSONReader(bytes)
        guard let value = reader.value(depth: 0), reader.isAtEnd() else { return nil }
        self = value
    }

    /// The value of a key; null where there is none.
    subscript(key: String) -> JSONDocument {
        guard case .object(let members) = self else { return .null }
        return members.first { $0.key == key }?.value ?? .null
    }

    var elements: [JSONDocument]? {
        if case .array(let elements) = self { elements } else { nil }
    }

    var string: String? { if case .text(let text) = self { text } else { nil } }

    var name: [UInt8]? { string.map { Array($0.utf8) } }

    var unsigned: UInt64? { if case .whole(let value) = self { value } else { nil } }

    var int: Int? { unsigned.flatMap { Int(exactly: $0) } }

    var bool: Bool? { if case .boolean(let value) = self { value } else { nil } }

    /// A number with a fraction, in thousandths.
    var milli: Int64? {
        switch self {
        case .thousandths(let value): return value
        case .whole(let value):
            let (product, overflow) = value.multipliedReportingOverflow(by: 1_000)
            return overflow ? nil : Int64(exactly: product)
        default: return nil
        }
    }
}

/// Reads JSON by descending into it, with a limit on the depth.
private struct JSONReader {
    private let bytes: [UInt8]
    private var index = 0

    private static let maximumDepth = 16

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func skipSpaces() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
            index += 1
        }
    }

    mutating func isAtEnd() -> Bool {
        skipSpaces()
        return index == bytes.count
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        index += 1
        return true
    }

    private mutating func take(word: StaticString, _ value: JSONDocument) -> JSONDocument? {
        let isThere = word.withUTF8Buffer { bytes[index...].starts(with: $0) }
        guard isThere else { return nil }
        index += word.utf8CodeUnitCount
        return value
    }

    mutating func value(depth: Int) -> JSONDocument? {
        guard depth < JSONReader.maximumDepth else { return nil }
        skipSpaces()
        switch next {
        case UInt8(ascii: "{"): return object(depth: depth)
        case UInt8(ascii: "["): return array(depth: depth)
        case UInt8(ascii: "\""): return text().map { .text($0) }
        case UInt8(ascii: "t"): return take(word: "true", .boolean(true))
        case UInt8(ascii: "f"): return take(word: "false", .boolean(false))
        case UInt8(ascii: "n"): return take(word: "null", .null)
        default: return number()
        }
    }

    private mutating func object(depth: Int) -> JSONDocument? {
        index += 1
        var members: [JSONDocument.Member] = []
        skipSpaces()
        if take(UInt8(ascii: "}")) { return .object(members) }
        while true {
            skipSpaces()
            guard next == UInt8(ascii: "\""), let key = text() else { return nil }
            skipSpaces()
            guard take(UInt8(ascii: ":")), let value = value(depth: depth + 1) else { return nil }
            members.append(JSONDocument.Member(key: key, value: value))
            skipSpaces()
            if take(UInt8(ascii: "}")) { return .object(members) }
            guard take(UInt8(ascii: ",")) else { return nil }
        }
    }

    private mutating func array(depth: Int) -> JSONDocument? {
        index += 1
        var elements: [JSONDocument] = []
        skipSpaces()
        if take(UInt8(ascii: "]")) { return .array(elements) }
        while true {
            guard let value = value(depth: depth + 1) else { return nil }
            elements.append(value)
            skipSpaces()
            if take(UInt8(ascii: "]")) { return .array(elements) }
            guard take(UInt8(ascii: ",")) else { return nil }
        }
    }

    private mutating func text() -> String? {
        index += 1
        let start = index
        while let byte = next, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
            index += 1
        }
        guard let end = next else { return nil }
        if end == UInt8(ascii: "\"") {
            index += 1
            return String(validating: bytes[start..<(index - 1)], as: UTF8.self)
        }
        var content = Array(bytes[start..<index])
        while let byte = next {
            index += 1
            switch byte {
            case UInt8(ascii: "\""): return String(validating: content, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let scalar = escape() else { return nil }
                content += Array(String(Character(scalar)).utf8)
            default: content.append(byte)
            }
        }
        return nil
    }

    private mutating func escape() -> Unicode.Scalar? {
        guard let byte = next else { return nil }
        index += 1
        switch byte {
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "b"): return "\u{08}"
        case UInt8(ascii: "f"): return "\u{0C}"
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"):
            return Unicode.Scalar(byte)
        case UInt8(ascii: "u"):
            guard let first = unit() else { return nil }
            guard UTF16.isLeadSurrogate(first) else { return Unicode.Scalar(first) }
            guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")), let second = unit(),
                UTF16.isTrailSurrogate(second)
            else { return nil }
            return Unicode.Scalar(
                0x1_0000 + (UInt32(first & 0x3FF) << 10 | UInt32(second & 0x3FF)))
        default: return nil
        }
    }

    private mutating func unit() -> UInt16? {
        guard index + 4 <= bytes.count else { return nil }
        let digits = String(decoding: bytes[index..<(index + 4)], as: UTF8.self)
        index += 4
        return digits.utf8.allSatisfy { $0 != UInt8(ascii: "+") } ? UInt16(digits, radix: 16) : nil
    }

    private mutating func number() -> JSONDocument? {
        let isNegative = take(UInt8(ascii: "-"))
        guard let whole = digits() else { return nil }
        guard take(UInt8(ascii: ".")) else {
            if !isNegative { return .whole(whole.value) }
            guard let value = Int64(exactly: whole.value), value <= .max / 1_000 else {
                return nil
            }
            return .thousandths(-value * 1_000)
        }
        guard let fraction = digits(), let value = Int64(exactly: whole.value),
            value < .max / 1_000
        else { return nil }
        var thousandths = fraction.value
        for _ in 0..<max(0, 3 - fraction.count) { thousandths *= 10 }
        for _ in 0..<max(0, fraction.count - 3) { thousandths /= 10 }
        let sum = value * 1_000 + Int64(thousandths)
        return .thousandths(isNegative ? -sum : sum)
    }

    /// Digits, at least one and as many as a number of 64 bits takes.
    private mutating func digits() -> (value: UInt64, count: Int)? {
        var value: UInt64 = 0
        var count = 0
        while let byte = next, (48...57).contains(byte) {
            let (product, isTooLarge) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflow) = product.addingReportingOverflow(UInt64(byte - 48))
            guard !isTooLarge, !overflow else { return nil }
            value = sum
            count += 1
            index += 1
        }
        return count > 0 ? (value, count) : nil
    }
}
