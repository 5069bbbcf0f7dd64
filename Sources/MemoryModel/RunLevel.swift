/// Where a run stands at one moment, as windows of time need it.
public struct RunLevel: Hashable, Sendable {
    /// What it holds, in bytes; nil where that was never read.
    public var residentBytes: UInt64?
    /// The most that it can have held until its mark was last read, in bytes; nil where that is
    /// not known.
    public var atMostBytes: UInt64?

    /// Takes both as they are.
    public init(residentBytes: UInt64? = nil, atMostBytes: UInt64? = nil) {
        self.residentBytes = residentBytes
        self.atMostBytes = atMostBytes
    }

    /// The window of a run that stood here throughout; nil where nothing is known of it.
    public var window: Window? {
        guard residentBytes != nil || atMostBytes != nil else { return nil }
        return Window(atLeastBytes: residentBytes ?? 0, atMostBytes: atMostBytes)
    }
}

extension RunRecord {
    /// The window that a run makes which began, reached its peak and ended within one minute, and
    /// where that minute begins; nil for any other.
    ///
    /// Agents tell none of such a run, because its record says it all; who stores the record makes
    /// it. A peak that may be its parent's says nothing unless it was sampled.
    ///
    /// `offset` is what makes UTC of the record's clock, in milliseconds.
    public func windowOfOnlyMinute(
        wallMinusBootMilliseconds offset: Int64
    ) -> (startsAtMilliseconds: Int64, window: Window)? {
        guard let began = description.startedAtMilliseconds, let peak, let rise = peak.bracket,
            let ended = end?.bracket?.notAfterMilliseconds,
            !isPeakInherited || peak.source == .sampled
        else { return nil }
        func minute(_ time: Int64) -> Int64 { WindowLength.minute.start(of: time &+ offset) }
        // A bracket may begin with what is known of the run, a moment before it.
        let start = minute(ended)
        guard minute(began) == start, minute(rise.notAfterMilliseconds) == start else { return nil }
        let isFinal = flags.isPeakConfirmed
        return (
            start &- offset,
            Window(atLeastBytes: peak.bytes, atMostBytes: isFinal ? peak.bytes : nil)
        )
    }
}
