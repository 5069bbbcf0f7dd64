/// What a session knows of the frames that come in, whatever they say: their numbers, and when
/// the next one must be complete.
struct InboundFrames: Sendable {
    /// The frame that has begun to come in.
    private struct Started {
        var atMilliseconds: Int64
        var frameBytes: Int
    }

    /// The number of the last frame that was complete; nil before the first.
    private(set) var lastSequence: UInt64?
    private var completedAtMilliseconds: Int64
    private var started: Started?

    /// A session in which no frame has come in; the idle deadline counts from `now`.
    init(atMilliseconds now: Int64) {
        completedAtMilliseconds = now
    }

    /// Takes note of a whole frame; throws badSequence unless it is the next one.
    mutating func complete(_ sequence: UInt64, atMilliseconds now: Int64) throws(WireError) {
        let expected = lastSequence.map { $0 &+ 1 } ?? 0
        guard sequence == expected else {
            throw WireError(
                code: .badSequence, reason: "sequence is \(sequence), expected \(expected)")
        }
        lastSequence = sequence
        completedAtMilliseconds = now
        started = nil
    }

    /// Takes note of how many bytes of a frame that is not complete are there.
    ///
    /// - Parameters:
    ///   - count: 0 if none are.
    ///   - frameBytes: Length of the whole frame with its header; nil until that is known.
    ///   - now: The time.
    mutating func waiting(count: Int, frameBytes: Int?, atMilliseconds now: Int64) {
        guard count > 0 else {
            started = nil
            return
        }
        let longest = FrameLengths.header + WireLimits.maximumWireBytes
        started = Started(
            atMilliseconds: started?.atMilliseconds ?? now,
            frameBytes: min(max(frameBytes ?? 0, 0), longest))
    }

    /// When the peer must have sent a whole frame.
    ///
    /// A frame that has begun has a deadline of its own, which takes the place of the idle
    /// deadline: a large frame over a slow line may take longer than that.
    var deadlineMilliseconds: Int64 {
        guard let started else {
            return completedAtMilliseconds + Int64(WireLimits.idleDeadlineMilliseconds)
        }
        let transfer = started.frameBytes * 1_000 / WireLimits.frameBytesPerSecond
        return started.atMilliseconds
            + Int64(WireLimits.frameDeadlineMilliseconds + transfer)
    }

    /// What to say when that deadline has passed.
    var timeout: WireError {
        WireError(
            code: .timeout,
            reason: started == nil
                ? "no frame for \(WireLimits.idleDeadlineMilliseconds) ms"
                : "a frame was not complete in time")
    }
}

/// Lengths of parts of a frame, `Protocol/frame-v1.md` section 3.
enum FrameLengths {
    /// The header in bytes.
    static let header = 24
}
