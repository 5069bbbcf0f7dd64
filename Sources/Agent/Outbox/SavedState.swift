/// The moment of which a state file holds what an outbox knew.
package struct StateMark: Hashable, Sendable {
    /// How often runs had been folded until then.
    let foldClock: UInt64
}

/// What is known of the state file of this agent's start, of which there is at most one.
///
/// A process that died without a word leaves its file, and another one sends what it holds. So
/// while a file holds a run, no fold that has this run in it may be sent: the collector would
/// count it twice. Such a fold waits until a file that holds the fold has taken the other's place,
/// or until there is none.
///
/// Which runs a file holds is not kept. A fold that changed after the mark of the file waits,
/// whatever went into it; this costs a fold that was free to go no more than one more save.
struct SavedState {
    /// How far it is known that a collector has what the file holds.
    private enum Delivery {
        case waitsForTurn
        case isBeingSent
        case isSent(sequence: UInt64)
        case isDurable
    }

    /// The mark of the file on the disk; nil if there is none.
    private var saved: StateMark?
    /// The mark of one that is being written; it may come to stand at any time.
    private var pending: StateMark?
    private var delivery = Delivery.isDurable

    /// Whether a collector has all that the file holds, so that the file may go.
    var isAcknowledged: Bool {
        if case .isDurable = delivery { true } else { false }
    }

    /// Whether a fold that last changed at `clock` may have a run in it that the file holds.
    func mayHold(runsFoldedAt clock: UInt64) -> Bool {
        saved.map { $0.foldClock < clock } ?? false
            || pending.map { $0.foldClock < clock } ?? false
    }

    // MARK: The file

    /// Takes note that a file of this moment is going to be written.
    mutating func begin(_ mark: StateMark) {
        // Should an earlier one still be on its way, the older of the two is the one to heed.
        pending = pending.map { $0.foldClock < mark.foldClock ? $0 : mark } ?? mark
        delivery = .waitsForTurn
    }

    /// Takes note that the file of this moment stands in the place of any other.
    mutating func save(_ mark: StateMark) {
        saved = mark
        pending = nil
    }

    /// Takes note that the file that was being written came to nothing.
    mutating func fail() { pending = nil }

    /// Takes note that there is no file any more.
    mutating func remove() {
        saved = nil
        pending = nil
        delivery = .isDurable
    }

    // MARK: Sessions

    /// Takes note that all that is held may be sent.
    mutating func turnBegan() {
        if case .waitsForTurn = delivery { delivery = .isBeingSent }
    }

    /// Takes note that nothing is left to be sent.
    mutating func drained(lastSequence: UInt64) {
        if case .isBeingSent = delivery { delivery = .isSent(sequence: lastSequence) }
    }

    /// Takes note that everything up to `sequence` is durable.
    mutating func acknowledged(throughSequence sequence: UInt64) {
        if case .isSent(let last) = delivery, last <= sequence { delivery = .isDurable }
    }

    /// Takes note that what is not acknowledged must be sent anew.
    mutating func sessionClosed() {
        if !isAcknowledged { delivery = .waitsForTurn }
    }
}
