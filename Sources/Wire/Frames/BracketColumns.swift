import MemoryModel

// PEAKS, EXIT and others carry brackets as two columns that count back from one base time: `age`
// from the base to not-after, `width` from there to not-before. Both are small numbers that
// compress. A single time has an age only.
extension PayloadReader {
    /// Takes a column of ages and returns when each bracket ends, in boot time.
    mutating func bracketEnds(
        count: Int, before baseTime: Int64
    ) throws(WireError) -> [Int64] {
        var ends: [Int64] = []
        ends.reserveCapacity(count)
        for _ in 0..<count {
            ends.append(baseTime - Int64(try uint("age", in: 0...UInt64(baseTime))))
        }
        return ends
    }

    /// Takes the width of the bracket that ends at `end`.
    mutating func bracket(endingAt end: Int64) throws(WireError) -> TimeBracket {
        let width = Int64(try uint("width", in: 0...UInt64(end)))
        return TimeBracket(notBeforeMilliseconds: end - width, notAfterMilliseconds: end)
    }
}

extension PayloadWriter {
    /// Returns the latest end, which becomes the base time; 0 where there are no brackets.
    static func baseTime(of brackets: [TimeBracket]) throws(WireError) -> Int64 {
        for bracket in brackets where bracket.notBeforeMilliseconds < 0 {
            throw failure("width", "a bracket begins before boot time 0")
        }
        return brackets.lazy.map(\.notAfterMilliseconds).max() ?? 0
    }

    /// Writes how long before the base time something was.
    mutating func age(of time: Int64, before baseTime: Int64) throws(WireError) {
        guard (0...baseTime).contains(time) else {
            throw PayloadWriter.failure("age", "\(time) is not in 0...\(baseTime)")
        }
        uint(UInt64(baseTime - time))
    }

    /// Writes the column of ages.
    mutating func column(ages brackets: [TimeBracket], before baseTime: Int64) {
        for bracket in brackets { uint(UInt64(baseTime - bracket.notAfterMilliseconds)) }
    }

    /// Writes the column of widths.
    mutating func column(widths brackets: [TimeBracket]) {
        for bracket in brackets {
            uint(UInt64(bracket.notAfterMilliseconds - bracket.notBeforeMilliseconds))
        }
    }
}
