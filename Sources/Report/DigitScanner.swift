/// Reads numbers and words off the front of a short text.
struct DigitScanner {
    private let bytes: [UInt8]
    private(set) var position = 0

    init(_ text: String) {
        bytes = Array(text.utf8)
    }

    var isAtEnd: Bool { position == bytes.count }

    /// The next byte, which stays.
    var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    /// Takes the next byte if it is `character`.
    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    /// Takes all spaces that come next.
    mutating func skipSpaces() {
        while take(" ") {}
    }

    /// Takes as many decimal digits as come, at least one; nil if there is none or too many.
    mutating func takeNumber() -> UInt64? {
        var value: UInt64 = 0
        let start = position
        while let digit = nextDigit {
            let (product, tooLarge) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflow) = product.addingReportingOverflow(digit)
            guard !tooLarge, !overflow else { return nil }
            value = sum
            position += 1
        }
        return position > start ? value : nil
    }

    /// Takes exactly `count` decimal digits.
    mutating func takeDigits(_ count: Int) -> Int64? {
        var value: Int64 = 0
        for _ in 0..<count {
            guard let digit = nextDigit else { return nil }
            value = value * 10 + Int64(digit)
            position += 1
        }
        return value
    }

    /// Takes the digits of a fraction, of which the first `count` count: 5 of `.5` and a count of
    /// 3 gives 500; nil if there is no digit.
    mutating func takeFraction(digits count: Int) -> UInt64? {
        guard nextDigit != nil else { return nil }
        var value: UInt64 = 0
        var taken = 0
        while let digit = nextDigit {
            if taken < count {
                value = value * 10 + digit
                taken += 1
            }
            position += 1
        }
        for _ in taken..<count { value *= 10 }
        return value
    }

    /// Takes as many ASCII letters as come, in lower case.
    mutating func takeWord() -> String {
        var word = ""
        while let byte = next, let letter = DigitScanner.lowercaseLetter(byte) {
            word.unicodeScalars.append(Unicode.Scalar(letter))
            position += 1
        }
        return word
    }

    private var nextDigit: UInt64? {
        guard let next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(next) else { return nil }
        return UInt64(next - UInt8(ascii: "0"))
    }

    private static func lowercaseLetter(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"): byte
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte + 32
        default: nil
        }
    }
}
