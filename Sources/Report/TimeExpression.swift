/// Points in time as people type them, such as the value of `--since`.
public enum TimeExpression {
    /// Reads `now`, `today`, `yesterday`, a length of time before now (`24h`, `7d`, `90s`,
    /// `3m ago`), RFC 3339 with an offset or `Z`, `2026-11-22`, `2026-11-22 14:03`, or seconds
    /// since the epoch as `@1795356202`.
    ///
    /// - Parameters:
    ///   - text: What was typed.
    ///   - nowMilliseconds: Now, in milliseconds since the epoch in UTC.
    ///   - utcOffsetSeconds: Seconds east of UTC for times that name no offset.
    /// - Returns: Milliseconds since the epoch in UTC.
    /// - Throws: What is wrong, with examples.
    public static func parse(
        _ text: String, nowMilliseconds: Int64, utcOffsetSeconds: Int = 0
    ) throws(InputError) -> Int64 {
        func failure(_ problem: String) -> InputError {
            InputError(
                text: text, problem: problem,
                advice: "24h, 7d, \"3m ago\", now, today, yesterday, 2026-11-22T14:00:00Z or"
                    + " 2026-11-22T14:00:00+01:00")
        }
        let words = text.lowercased().split(separator: " ")
        guard let first = words.first else { throw failure("is not a time") }
        if words.count == 1,
            let named = named(
                String(first), nowMilliseconds: nowMilliseconds, utcOffsetSeconds: utcOffsetSeconds)
        {
            return named
        }
        if let time = Timestamp.parse(text, utcOffsetSeconds: utcOffsetSeconds) { return time }
        let hasAgo = words.count > 1 && words.last == "ago"
        let length = (hasAgo ? words.dropLast() : words[...]).joined(separator: " ")
        do {
            return nowMilliseconds - (try DurationText.parse(length))
        } catch {
            throw failure(error.problem == "is too long" ? "is too long ago" : "is not a time")
        }
    }

    private static func named(
        _ word: String, nowMilliseconds: Int64, utcOffsetSeconds: Int
    ) -> Int64? {
        switch word {
        case "now": return nowMilliseconds
        case "today", "yesterday":
            let offset = Int64(utcOffsetSeconds) * 1_000
            let local = nowMilliseconds + offset
            let remainder = local % 86_400_000
            let midnight = local - (remainder < 0 ? remainder + 86_400_000 : remainder) - offset
            return word == "today" ? midnight : midnight - 86_400_000
        default:
            var scanner = DigitScanner(word)
            guard scanner.take("@"), let seconds = scanner.takeNumber(), scanner.isAtEnd,
                seconds <= UInt64(Timestamp.latestMilliseconds / 1_000)
            else { return nil }
            return Int64(seconds) * 1_000
        }
    }
}
