/// Lengths of time as people write and read them.
public enum DurationText {
    /// The longest that is taken, in milliseconds: 100 years of 365 days.
    public static let maximumMilliseconds: Int64 = 100 * 365 * 86_400_000

    /// Reads `500ms`, `1s`, `2m`, `24h`, `7d`, `2w`, `2y`, `1.5h` or several together (`1h30m`).
    ///
    /// A year has 365 days.
    /// Returns milliseconds. Throws what is wrong, with an example.
    public static func parse(_ text: String) throws(InputError) -> Int64 {
        func failure(_ problem: String) -> InputError {
            InputError(
                text: text, problem: problem,
                advice: "a number with ms, s, m, h, d, w or y, such as 500ms, 2m or 24h")
        }
        var scanner = DigitScanner(text)
        var total: Int64 = 0
        scanner.skipSpaces()
        guard !scanner.isAtEnd else { throw failure("is not a length of time") }
        while !scanner.isAtEnd {
            switch part(&scanner) {
            case .milliseconds(let milliseconds):
                total += milliseconds
                guard total <= maximumMilliseconds else { throw failure("is too long") }
            case .tooLong: throw failure("is too long")
            case .noUnit: throw failure("has no unit")
            case .malformed: throw failure("is not a length of time")
            }
            scanner.skipSpaces()
        }
        return total
    }

    /// The shortest exact form that `parse` reads back: `1s`, `500ms`, `2m`, `90s`.
    public static func format(milliseconds: Int64) -> String {
        guard milliseconds != 0 else { return "0s" }
        for (length, unit) in exactUnits where milliseconds % length == 0 {
            return "\(milliseconds / length)\(unit)"
        }
        return "\(milliseconds)ms"
    }

    /// The two largest units that matter, for people: `2h 13m`, `3d 4h`, `45s`, `350ms`.
    ///
    /// What is negative reads as zero.
    public static func approximate(milliseconds: Int64) -> String {
        guard milliseconds > 0 else { return "0s" }
        guard milliseconds >= 1_000 else { return "\(milliseconds)ms" }
        let seconds = milliseconds / 1_000
        switch seconds {
        case ..<60: return "\(seconds)s"
        case ..<3_600: return "\(seconds / 60)m \(seconds % 60)s"
        case ..<86_400: return "\(seconds / 3_600)h \(seconds % 3_600 / 60)m"
        default: return "\(seconds / 86_400)d \(seconds % 86_400 / 3_600)h"
        }
    }

    private static let exactUnits: [(Int64, String)] = [
        (86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"),
    ]

    private enum Part {
        case milliseconds(Int64)
        case tooLong
        case noUnit
        case malformed
    }

    private static func part(_ scanner: inout DigitScanner) -> Part {
        guard let first = scanner.next, (48...57).contains(first) else { return .malformed }
        guard let whole = scanner.takeNumber() else { return .tooLong }
        var thousandths: UInt64 = 0
        if scanner.take(".") {
            guard let fraction = scanner.takeFraction(digits: 3) else { return .malformed }
            thousandths = fraction
        }
        scanner.skipSpaces()
        let word = scanner.takeWord()
        guard !word.isEmpty else { return scanner.isAtEnd ? .noUnit : .malformed }
        guard let length = length(ofUnit: word) else { return .malformed }
        guard whole <= UInt64(maximumMilliseconds) / length else { return .tooLong }
        return .milliseconds(Int64(whole * length + thousandths * length / 1_000))
    }

    private static func length(ofUnit word: String) -> UInt64? {
        switch word {
        case "ms", "msec": 1
        case "s", "sec", "second", "seconds": 1_000
        case "m", "min", "minute", "minutes": 60_000
        case "h", "hour", "hours": 3_600_000
        case "d", "day", "days": 86_400_000
        case "w", "week", "weeks": 604_800_000
        case "y", "year", "years": 31_536_000_000
        default: nil
        }
    }
}
