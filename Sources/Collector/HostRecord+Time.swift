import MemoryModel

// What a host says in boot time becomes UTC by the offset that it sent.

extension HostRecord {
    /// The time of day of a time since boot; nil where the clock of the host cannot be trusted.
    mutating func utc(_ bootTime: Int64, nowMilliseconds now: Int64) -> Int64? {
        guard let offset = description?.wallMinusBootMilliseconds else { return nil }
        let (time, overflow) = bootTime.addingReportingOverflow(offset)
        guard !overflow, time <= now &+ HostRecord.maximumLeadMilliseconds else {
            isClockSuspect = true
            return nil
        }
        return time
    }

    /// The bracket on the clock of the day; nil where the clock of the host cannot be trusted.
    mutating func utc(_ bracket: TimeBracket, nowMilliseconds now: Int64) -> TimeBracket? {
        guard let begin = utc(bracket.notBeforeMilliseconds, nowMilliseconds: now),
            let end = utc(bracket.notAfterMilliseconds, nowMilliseconds: now)
        else { return nil }
        return TimeBracket(notBeforeMilliseconds: begin, notAfterMilliseconds: end)
    }
}
