/// Points in time as text: milliseconds since the epoch in UTC to and from RFC 3339.
public enum Timestamp {
    /// The first millisecond that is written: the year 0001.
    public static let earliestMilliseconds: Int64 = -62_135_596_800_000
    /// The last millisecond that is written: the end of the year 9999.
    public static let latestMilliseconds: Int64 = 253_402_300_799_999

    /// RFC 3339 in UTC with milliseconds: `2026-11-22T14:03:22.500Z`; nil outside the years 1 to
    /// 9999, which that format cannot say.
    public static func text(_ milliseconds: Int64) -> String? {
        guard let parts = CivilTime(milliseconds: milliseconds, utcOffsetSeconds: 0) else {
            return nil
        }
        return "\(parts.date)T\(parts.clock).\(padded(parts.millisecond, 3))Z"
    }

    /// Reads RFC 3339 with `Z` or an offset, `2026-11-22 14:03` and `2026-11-22`.
    ///
    /// Where the text has no offset, `utcOffsetSeconds` (seconds east of UTC) is taken. nil for
    /// anything else, also for days that no calendar has.
    public static func parse(_ text: String, utcOffsetSeconds: Int) -> Int64? {
        var scanner = DigitScanner(text)
        guard let year = scanner.takeDigits(4), year >= 1, scanner.take("-"),
            let month = scanner.takeDigits(2), (1...12).contains(month), scanner.take("-"),
            let day = scanner.takeDigits(2),
            (1...CivilTime.days(ofMonth: month, year: year)).contains(day)
        else { return nil }
        let days = CivilTime.daysSinceEpoch(year: year, month: month, day: day)
        var milliseconds = days * 86_400_000
        var offset = Int64(clamping: utcOffsetSeconds)
        if scanner.take("T") || scanner.take("t") || scanner.take(" ") {
            guard let clock = parseClock(&scanner) else { return nil }
            milliseconds += clock
            if !scanner.isAtEnd {
                guard let stated = parseOffset(&scanner) else { return nil }
                offset = stated
            }
        }
        return scanner.isAtEnd ? milliseconds - offset * 1_000 : nil
    }

    static func padded(_ value: Int64, _ count: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
    }

    private static func parseClock(_ scanner: inout DigitScanner) -> Int64? {
        guard let hour = scanner.takeDigits(2), hour < 24, scanner.take(":"),
            let minute = scanner.takeDigits(2), minute < 60
        else { return nil }
        var milliseconds = (hour * 60 + minute) * 60_000
        if scanner.take(":") {
            // RFC 3339 allows a leap second, which counts as the first of the next minute.
            guard let second = scanner.takeDigits(2), second <= 60 else { return nil }
            milliseconds += second * 1_000
            if scanner.take(".") {
                guard let fraction = scanner.takeFraction(digits: 3) else { return nil }
                milliseconds += Int64(fraction)
            }
        }
        return milliseconds
    }

    private static func parseOffset(_ scanner: inout DigitScanner) -> Int64? {
        if scanner.take("Z") || scanner.take("z") { return 0 }
        // An unescaped plus sign reads as a space in a URL's query.
        let isEast = scanner.take("+") || scanner.take(" ")
        guard isEast || scanner.take("-"), let hours = scanner.takeDigits(2), hours < 24,
            scanner.take(":"), let minutes = scanner.takeDigits(2), minutes < 60
        else { return nil }
        let seconds = hours * 3_600 + minutes * 60
        return isEast ? seconds : -seconds
    }
}

/// A point in time on the calendar and clock of one offset from UTC.
struct CivilTime: Hashable {
    var year: Int64
    var month: Int64
    var day: Int64
    var hour: Int64
    var minute: Int64
    var second: Int64
    var millisecond: Int64

    /// nil outside the years 1 to 9999.
    init?(milliseconds: Int64, utcOffsetSeconds: Int) {
        let (shifted, overflow) = milliseconds.addingReportingOverflow(
            Int64(clamping: utcOffsetSeconds) &* 1_000)
        guard !overflow,
            (Timestamp.earliestMilliseconds...Timestamp.latestMilliseconds).contains(shifted)
        else { return nil }
        var (days, rest) = shifted.quotientAndRemainder(dividingBy: 86_400_000)
        if rest < 0 {
            days -= 1
            rest += 86_400_000
        }
        (year, month, day) = CivilTime.date(daysSinceEpoch: days)
        hour = rest / 3_600_000
        minute = rest / 60_000 % 60
        second = rest / 1_000 % 60
        millisecond = rest % 1_000
    }

    /// `2026-11-22`.
    var date: String {
        [
            Timestamp.padded(year, 4), Timestamp.padded(month, 2), Timestamp.padded(day, 2),
        ].joined(separator: "-")
    }

    /// `14:03:22`.
    var clock: String {
        [hour, minute, second].map { Timestamp.padded($0, 2) }.joined(separator: ":")
    }

    /// Days from 1970-01-01 in the proleptic Gregorian calendar.
    ///
    /// The year is taken to begin in March, so that the leap day is its last.
    static func daysSinceEpoch(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let shiftedMonth = month <= 2 ? month + 9 : month - 3
        let dayOfYear = (153 * shiftedMonth + 2) / 5 + day - 1
        return 365 * shiftedYear + shiftedYear / 4 - shiftedYear / 100 + shiftedYear / 400
            + dayOfYear - 719_468
    }

    static func days(ofMonth month: Int64, year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    private static func date(daysSinceEpoch days: Int64) -> (Int64, Int64, Int64) {
        // 400 years are 146,097 days; all is positive from the year 1 on.
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }
}
