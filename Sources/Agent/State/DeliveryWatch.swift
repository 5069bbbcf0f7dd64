/// Since when a collector that is connected takes nothing: what was sent is not acknowledged, or
/// what is due finds no room because there is no credit.
///
/// A collector whose disk is full keeps its sessions. What it was sent is in its memory at best,
/// and an agent that ended now would take it along.
struct DeliveryWatch: Hashable, Sendable {
    private struct Awaited: Hashable {
        var sequence: UInt64
        var sinceMilliseconds: Int64
    }

    private var sentSequence: UInt64?
    private var acknowledgedSequence: UInt64?
    private var awaited: Awaited?
    private var cutSinceMilliseconds: Int64?

    /// Since when something waits that was sent or is due; nil while nothing does.
    var waitsSinceMilliseconds: Int64? {
        switch (awaited?.sinceMilliseconds, cutSinceMilliseconds) {
        case (let sent?, let due?): min(sent, due)
        case (let sent, let due): sent ?? due
        }
    }

    /// A report was made, up to this frame.
    ///
    /// - Parameters:
    ///   - sequence: The number of the latest frame; nil while there is none.
    ///   - isCut: Whether it ended for want of room.
    ///   - now: The time.
    mutating func reported(through sequence: UInt64?, isCut: Bool, atMilliseconds now: Int64) {
        cutSinceMilliseconds = isCut ? cutSinceMilliseconds ?? now : nil
        guard let sequence else { return }
        sentSequence = sequence
        if awaited == nil { awaitLatest(atMilliseconds: now) }
    }

    /// Everything up to `sequence` is durable.
    mutating func acknowledged(throughSequence sequence: UInt64, atMilliseconds now: Int64) {
        acknowledgedSequence = sequence
        guard let awaited, awaited.sequence <= sequence else { return }
        self.awaited = nil
        awaitLatest(atMilliseconds: now)
    }

    private mutating func awaitLatest(atMilliseconds now: Int64) {
        guard let sentSequence, acknowledgedSequence.map({ $0 < sentSequence }) ?? true else {
            return
        }
        awaited = Awaited(sequence: sentSequence, sinceMilliseconds: now)
    }
}
