import MemoryModel
import PeakStore
import Wire

// What a host's session says of minutes and hours.
//
// Each of these returns whether there was room for all of it.

extension HostRecord {
    /// WINDOWS: each for the minute or hour of UTC that is nearest to it; where the clock of the
    /// host cannot be trusted, for that of the receipt.
    ///
    /// An upper bound that cannot be true is not known; a window whose lower one cannot be is left
    /// out.
    mutating func take(_ event: WindowsEvent, nowMilliseconds now: Int64) -> Bool {
        let start =
            windowStart(event.startsAtMilliseconds, event.length, nowMilliseconds: now)
            ?? event.length.start(of: now)
        guard !isPurged(HostRecord.bracket(of: event.length, at: start)) else { return true }
        for (key, told) in event.windows {
            guard let window = believed(told) else { continue }
            guard add(window, of: key, event.length, at: start) else { return false }
        }
        return true
    }

    /// COVERED: an hour stands for its 60 minutes; where the clock of the host cannot be trusted,
    /// nobody knows when what was left behind was watched.
    mutating func take(_ covered: CoveredFrame, nowMilliseconds now: Int64) -> Bool {
        for entry in covered.entries {
            var start = windowStart(
                entry.startsAtMilliseconds, covered.length, nowMilliseconds: now)
            if start == nil, !isPast { start = covered.length.start(of: now) }
            guard let start, !isPurged(HostRecord.bracket(of: covered.length, at: start)) else {
                continue
            }
            let minute = WindowLength.minute.milliseconds
            for minuteStart in stride(
                from: start, to: start &+ covered.length.milliseconds, by: Int(minute))
            {
                let coverage = StoredCoverage(
                    host: id, boot: boot, startsAtMilliseconds: minuteStart,
                    liveCount: entry.liveCount)
                guard facts.add(coverage) else { return false }
            }
        }
        return true
    }

    /// The window of a run that began, reached its peak and ended within one minute, of which its
    /// agent tells none.
    mutating func addWindowOfOnlyMinute(_ key: ProcessKey) -> Bool {
        guard let record = ledger[key],
            let only = record.windowOfOnlyMinute(wallMinusBootMilliseconds: 0)
        else { return true }
        let bracket = HostRecord.bracket(of: .minute, at: only.startsAtMilliseconds)
        guard !tombstones.contains(where: { $0.request.covers(bracket) }) else { return true }
        return add(only.window, of: key, .minute, at: only.startsAtMilliseconds)
    }

    private mutating func add(
        _ window: Window, of key: ProcessKey, _ length: WindowLength, at start: Int64
    ) -> Bool {
        facts.add(
            StoredWindow(
                run: RunKey(host: id, boot: boot, process: key), length: length,
                startsAtMilliseconds: start, window: window))
    }

    private mutating func believed(_ window: Window) -> Window? {
        guard ledger.limits.accepts(window.atLeastBytes) else {
            earlierRefusedCount += 1
            return nil
        }
        guard let atMost = window.atMostBytes, !ledger.limits.accepts(atMost) else { return window }
        earlierRefusedCount += 1
        return Window(atLeastBytes: window.atLeastBytes, atMostBytes: nil)
    }

    /// The whole minute or hour of UTC that is nearest; nil where the clock cannot be trusted.
    private mutating func windowStart(
        _ bootTime: Int64, _ length: WindowLength, nowMilliseconds now: Int64
    ) -> Int64? {
        utc(bootTime, nowMilliseconds: now).map {
            length.start(of: $0 &+ length.milliseconds / 2)
        }
    }

    private static func bracket(of length: WindowLength, at start: Int64) -> TimeBracket {
        TimeBracket(
            notBeforeMilliseconds: start, notAfterMilliseconds: start + length.milliseconds - 1)
    }
}
