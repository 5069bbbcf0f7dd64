import MemoryModel

/// How long no agent ran before this one, and what that may have cost.
struct Downtime: Hashable, Sendable {
    /// What was missed in this boot.
    var loss: EventLoss
    /// What was missed in the boot before, as a gap of the agent that ran then.
    var gapBefore: Gap?
    /// Until when all that the agent before saw is kept, if it ran in this boot.
    var safe: RunningMarker.Moment
    /// Whether the agent before had no time to stop.
    var isUnclean: Bool

    /// Of an agent that left no word of when it ran: all of this boot may have been missed, and
    /// nobody knows how much that was.
    init(unknownUntil now: RunningMarker.Moment) {
        isUnclean = true
        safe = RunningMarker.Moment(atMilliseconds: 0, processCount: nil)
        loss = EventLoss(
            reason: .agentDown,
            bracket: TimeBracket(
                notBeforeMilliseconds: 0, notAfterMilliseconds: now.atMilliseconds),
            count: nil)
    }

    /// Judges by what the agent before left; nil if there was none.
    ///
    /// - Parameters:
    ///   - marker: The marker of the agent before.
    ///   - host: The host; what another one left says nothing of it.
    ///   - boot: The boot of the moment.
    ///   - now: The moment of the first look.
    ///   - wallMinusBoot: The wall clock minus the time since boot, in milliseconds.
    init?(
        after marker: RunningMarker?, host: HostID, boot: BootID, now: RunningMarker.Moment,
        wallMinusBootMilliseconds wallMinusBoot: Int64
    ) {
        guard let marker, marker.host == host else { return nil }
        isUnclean = !marker.isStopped
        if marker.boot == boot {
            safe = marker.safe
        } else {
            // All that began in this boot was missed.
            safe = RunningMarker.Moment(atMilliseconds: 0, processCount: 0)
            // The old boot's clock would have said this when the new one began; where the wall
            // clock was set meanwhile, it may lie before what is known.
            let end = wallMinusBoot &- marker.wallMinusBootMilliseconds
            let from = marker.safe.atMilliseconds
            gapBefore = Gap(
                ordinal: PastClosing.downGapOrdinal, reason: .agentDown,
                bracket: TimeBracket(
                    notBeforeMilliseconds: from,
                    notAfterMilliseconds: max(from, marker.now.atMilliseconds, end)),
                missedCount: nil)
        }
        let safe = self.safe
        let begun = now.processCount.flatMap { count in
            safe.processCount.map { count >= $0 ? count - $0 : 0 }
        }
        loss = EventLoss(
            reason: .agentDown,
            bracket: TimeBracket(
                notBeforeMilliseconds: safe.atMilliseconds,
                notAfterMilliseconds: max(safe.atMilliseconds, now.atMilliseconds)),
            count: begun)
    }
}
