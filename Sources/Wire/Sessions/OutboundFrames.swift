/// The numbers of the frames that a session sends, whatever they say, and when the last one went.
///
/// This is the only place that counts them.
struct OutboundFrames: Sendable {
    private var nextSequence: UInt64 = 0
    private var sentAtMilliseconds: Int64

    /// A session that has sent nothing; the interval for PING counts from `now`.
    init(atMilliseconds now: Int64) {
        sentAtMilliseconds = now
    }

    /// The number of the last frame; nil before the first.
    var lastSequence: UInt64? { nextSequence == 0 ? nil : nextSequence - 1 }

    /// The number for a frame that is sent now.
    mutating func next(atMilliseconds now: Int64) -> UInt64 {
        defer { nextSequence += 1 }
        sentAtMilliseconds = now
        return nextSequence
    }

    /// When nothing will have been sent for `interval`.
    func silentAtMilliseconds(intervalMilliseconds interval: Int64) -> Int64 {
        sentAtMilliseconds + interval
    }
}
