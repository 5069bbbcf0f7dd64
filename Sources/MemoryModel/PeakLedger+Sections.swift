// What programs tell of themselves.

extension PeakLedger {
    /// Takes in what a program says that its image held at most, by the kernel's mark.
    ///
    /// As any mark it counts for the run's own only where it is above what the run inherited, and
    /// says nothing new where it is no more than what was forgotten. More than the host's memory is
    /// refused and counted.
    ///
    /// - Parameters:
    ///   - key: The run; one that is not known is passed over.
    ///   - bytes: The most that it held.
    ///   - at: Until when, on the owner's clock.
    ///   - since: Since when, if that is known; nil for since the run began.
    /// - Returns: `.peak` if it raised the peak.
    @discardableResult
    public mutating func raiseMark(
        _ key: ProcessKey, to bytes: UInt64, untilMilliseconds at: Int64,
        sinceMilliseconds since: Int64?
    ) -> RunChange {
        guard let record = self[key] else { return [] }
        guard limits.acceptsTold(bytes) else {
            refusedCount += 1
            return []
        }
        let floor = max(record.description.inheritedBytes ?? 0, forgottenMarks[key] ?? 0)
        guard bytes > max(floor, record.peak?.bytes ?? 0) else { return [] }
        let bracket = TimeBracket(
            notBeforeMilliseconds: since ?? record.description.startedAtMilliseconds ?? 0,
            notAfterMilliseconds: at)
        return raisePeak(key, to: Peak(bytes: bytes, bracket: bracket, source: .hwm))
    }
}
