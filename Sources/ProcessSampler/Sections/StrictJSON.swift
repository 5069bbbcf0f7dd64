/// A value of JSON (RFC 8259), as far as section datagrams tell values apart.
enum StrictJSON: Hashable {
    /// `null`.
    case null
    /// `true` or `false`.
    case boolean(Bool)
    /// An integer that is not negative and fits 64 bits, written without fraction and exponent.
    case integer(UInt64)
    /// Any other number.
    case otherNumber
    /// A string in UTF-8; the second part says whether it has half a surrogate pair, which UTF-8
    /// cannot carry.
    case string([UInt8], isBroken: Bool)
    /// An array, whatever is in it.
    case array
    /// An object, its keys in the order in which they stand; each is there once.
    case object([Member])

    /// A key and its value.
    struct Member: Hashable {
        /// The key, in the bytes that a string has.
        var key: [UInt8]
        /// The value.
        var value: StrictJSON
    }
}

/// Why a text is no JSON that is taken.
struct StrictJSONFailure: Error {}

/// Reads one value of JSON from bytes that are UTF-8, strictly and without trusting them.
///
/// How deep brackets may nest is bounded, so that no text makes it use up the stack; a key that
/// occurs twice in one object is refused.
struct StrictJSONReader {
    private let bytes: [UInt8]
    private var position = 0
    private let maximumDepth: Int

    /// Begins at the first byte.
    init(_ bytes: [UInt8], maximumDepth: Int) {
        self.bytes = bytes
        self.maximumDepth = maximumDepth
    }

    /// Takes the one value that all bytes are, but for white space around it.
    mutating func document() throws(StrictJSONFailure) -> StrictJSON {
        let value = try value(depth: 0)
        skipSpace()
        guard position == bytes.count else { throw StrictJSONFailure() }
        return value
    }

    private mutating func value(depth: Int) throws(StrictJSONFailure) -> StrictJSON {
        skipSpace()
        switch try peek() {
        case UInt8(ascii: "{"): return .object(try members(depth: depth + 1))
        case UInt8(ascii: "["):
            try skipElements(depth: depth + 1)
            return .array
        case UInt8(ascii: "\""): return try string()
        case UInt8(ascii: "t"): return try word("true", .boolean(true))
        case UInt8(ascii: "f"): return try word("false", .boolean(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func members(
        depth: Int
    ) throws(StrictJSONFailure) -> [StrictJSON.Member] {
        guard depth <= maximumDepth else { throw StrictJSONFailure() }
        var members: [StrictJSON.Member] = []
        var keys: Set<[UInt8]> = []
        position += 1
        skipSpace()
        if take("}") { return members }
        repeat {
            skipSpace()
            guard case .string(let key, _) = try string(), keys.insert(key).inserted else {
                throw StrictJSONFailure()
            }
            skipSpace()
            guard take(":") else { throw StrictJSONFailure() }
            members.append(.init(key: key, value: try value(depth: depth)))
            skipSpace()
        } while take(",")
        guard take("}") else { throw StrictJSONFailure() }
        return members
    }

    private mutating func skipElements(depth: Int) throws(StrictJSONFailure) {
        guard depth <= maximumDepth else { throw StrictJSONFailure() }
        position += 1
        skipSpace()
        if take("]") { return }
        repeat {
            _ = try value(depth: depth)
            skipSpace()
        } while take(",")
        guard take("]") else { throw StrictJSONFailure() }
    }

    private mutating func word(
        _ word: StaticString, _ value: StrictJSON
    ) throws(StrictJSONFailure) -> StrictJSON {
        for index in 0..<word.utf8CodeUnitCount {
            guard try next() == word.utf8Start[index] else { throw StrictJSONFailure() }
        }
        return value
    }

    // MARK: Numbers

    private mutating func number() throws(StrictJSONFailure) -> StrictJSON {
        let isNegative = take("-")
        var digits = try peek()
        guard isDigit(digits) else { throw StrictJSONFailure() }
        var value: UInt64? = 0
        if digits == UInt8(ascii: "0") {
            position += 1
        } else {
            while let digit = current, isDigit(digit) {
                value = value.flatMap { known in
                    let (product, isTooLarge) = known.multipliedReportingOverflow(by: 10)
                    let (sum, isMore) = product.addingReportingOverflow(
                        UInt64(digit - UInt8(ascii: "0")))
                    return isTooLarge || isMore ? nil : sum
                }
                position += 1
            }
        }
        var isWhole = true
        if take(".") {
            isWhole = false
            try skipDigits()
        }
        digits = current ?? 0
        if digits | 0x20 == UInt8(ascii: "e") {
            isWhole = false
            position += 1
            if !take("+") { _ = take("-") }
            try skipDigits()
        }
        guard isWhole, let value, !isNegative || value == 0 else { return .otherNumber }
        return .integer(value)
    }

    private mutating func skipDigits() throws(StrictJSONFailure) {
        guard isDigit(try peek()) else { throw StrictJSONFailure() }
        while let digit = current, isDigit(digit) { position += 1 }
    }

    private func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    // MARK: Strings

    private mutating func string() throws(StrictJSONFailure) -> StrictJSON {
        guard take("\"") else { throw StrictJSONFailure() }
        var text: [UInt8] = []
        var isBroken = false
        while true {
            let byte = try next()
            switch byte {
            case UInt8(ascii: "\""): return .string(text, isBroken: isBroken)
            case UInt8(ascii: "\\"): try escape(into: &text, &isBroken)
            case 0..<0x20: throw StrictJSONFailure()
            default: text.append(byte)
            }
        }
    }

    private mutating func escape(
        into text: inout [UInt8], _ isBroken: inout Bool
    ) throws(StrictJSONFailure) {
        switch try next() {
        case UInt8(ascii: "\""): text.append(UInt8(ascii: "\""))
        case UInt8(ascii: "\\"): text.append(UInt8(ascii: "\\"))
        case UInt8(ascii: "/"): text.append(UInt8(ascii: "/"))
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): try unicodeEscape(into: &text, &isBroken)
        default: throw StrictJSONFailure()
        }
    }

    private mutating func unicodeEscape(
        into text: inout [UInt8], _ isBroken: inout Bool
    ) throws(StrictJSONFailure) {
        let unit = try hexUnit()
        guard (0xD800..<0xE000).contains(unit) else { return append(unit, to: &text) }
        let start = position
        if unit < 0xDC00, take("\\"), take("u") {
            let low = try hexUnit()
            if (0xDC00..<0xE000).contains(low) {
                return append(0x1_0000 + (unit - 0xD800) << 10 + (low - 0xDC00), to: &text)
            }
        }
        // Half a pair: kept in three bytes, so that keys that differ stay different.
        position = start
        isBroken = true
        append(unit, to: &text)
    }

    private mutating func hexUnit() throws(StrictJSONFailure) -> UInt32 {
        var unit: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = Self.hexDigit(try next()) else { throw StrictJSONFailure() }
            unit = unit << 4 | UInt32(digit)
        }
        return unit
    }

    /// The value of a hexadecimal digit of either case; nil for any other byte.
    static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    private func append(_ scalar: UInt32, to text: inout [UInt8]) {
        func tail(_ shift: UInt32) -> UInt8 { UInt8(0x80 | (scalar >> shift) & 0x3F) }
        switch scalar {
        case ..<0x80: text.append(UInt8(scalar))
        case ..<0x800: text += [UInt8(0xC0 | scalar >> 6), tail(0)]
        case ..<0x1_0000: text += [UInt8(0xE0 | scalar >> 12), tail(6), tail(0)]
        default: text += [UInt8(0xF0 | scalar >> 18), tail(12), tail(6), tail(0)]
        }
    }

    // MARK: Bytes

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private func peek() throws(StrictJSONFailure) -> UInt8 {
        guard let current else { throw StrictJSONFailure() }
        return current
    }

    private mutating func next() throws(StrictJSONFailure) -> UInt8 {
        let byte = try peek()
        position += 1
        return byte
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard current == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = current, byte == 0x20 || (0x09...0x0D).contains(byte), byte != 0x0B,
            byte != 0x0C
        {
            position += 1
        }
    }
}
