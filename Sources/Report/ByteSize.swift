/// A number of bytes as people write and read it.
public struct ByteSize: Hashable, Sendable {
    /// The bytes.
    public var bytes: UInt64

    /// Takes a number of bytes.
    public init(_ bytes: UInt64) {
        self.bytes = bytes
    }

    /// Reads `4096`, `100M`, `1.5G`, `300MiB` or `2 TB`.
    ///
    /// K, M, G and T are powers of 1,024 with or without `B` or `iB` and in either case, because
    /// that is what memory is counted in. Throws what is wrong, with an example.
    public init(parsing text: String) throws(InputError) {
        func failure(_ problem: String) -> InputError {
            InputError(
                text: text, problem: problem,
                advice: "a number of bytes or one with K, M, G or T, such as 100M or 1.5G")
        }
        var scanner = DigitScanner(text)
        scanner.skipSpaces()
        let startsWithDigit = scanner.next.map { (48...57).contains($0) } ?? false
        guard startsWithDigit else { throw failure("is not a size") }
        guard let whole = scanner.takeNumber() else { throw failure("is too large") }
        var millionths: UInt64 = 0
        if scanner.take(".") {
            guard let fraction = scanner.takeFraction(digits: 6) else {
                throw failure("is not a size")
            }
            millionths = fraction
        }
        scanner.skipSpaces()
        guard let shift = ByteSize.shift(ofUnit: scanner.takeWord()) else {
            throw failure("is not a size")
        }
        scanner.skipSpaces()
        guard scanner.isAtEnd else { throw failure("is not a size") }
        let unit: UInt64 = 1 << shift
        guard millionths == 0 || shift > 0 else { throw failure("is a part of a byte") }
        let (product, tooLarge) = whole.multipliedReportingOverflow(by: unit)
        let (sum, overflow) = product.addingReportingOverflow(millionths * unit / 1_000_000)
        guard !tooLarge, !overflow else { throw failure("is too large") }
        bytes = sum
    }

    /// Three significant digits with a unit: `512 KiB`, `1.5 GiB`.
    public var text: String {
        guard bytes >= 1024 else { return "\(bytes) B" }
        var index = 0
        var hundredths = ByteSize.hundredths(bytes, ofShift: 10)
        // What would round up to 1,024 of a unit is one of the next.
        while hundredths >= 102_350, index < ByteSize.units.count - 1 {
            index += 1
            hundredths = ByteSize.hundredths(bytes, ofShift: UInt64(10 * (index + 1)))
        }
        return "\(ByteSize.threeDigits(hundredths)) \(ByteSize.units[index])"
    }

    private static let units = ["KiB", "MiB", "GiB", "TiB", "PiB"]

    private static func shift(ofUnit word: String) -> UInt64? {
        switch word {
        case "", "b", "bytes": 0
        case "k", "kb", "kib": 10
        case "m", "mb", "mib": 20
        case "g", "gb", "gib": 30
        case "t", "tb", "tib": 40
        default: nil
        }
    }

    /// Hundredths of a unit, rounded to the nearest.
    ///
    /// At most 2^50 stands below the shift, so a hundred times that fits.
    private static func hundredths(_ bytes: UInt64, ofShift shift: UInt64) -> UInt64 {
        let unit: UInt64 = 1 << shift
        return (bytes >> shift) * 100 + ((bytes & (unit - 1)) * 100 + unit / 2) / unit
    }

    private static func threeDigits(_ hundredths: UInt64) -> String {
        if hundredths >= 9_995 { return "\((hundredths + 50) / 100)" }
        if hundredths >= 1_000 {
            let tenths = (hundredths + 5) / 10
            return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
        }
        let (whole, rest) = (hundredths / 100, hundredths % 100)
        if rest == 0 { return "\(whole)" }
        if rest % 10 == 0 { return "\(whole).\(rest / 10)" }
        return "\(whole).\(rest < 10 ? "0" : "")\(rest)"
    }
}
