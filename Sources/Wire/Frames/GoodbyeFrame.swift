/// GOODBYE (0x06): the sender goes, in order.
public struct GoodbyeFrame: Hashable, Sendable {
    /// Why it goes.
    public var reason: GoodbyeReason
    /// As in ERROR.
    public var retryAfterMilliseconds: UInt64

    /// Takes the fields as they are.
    public init(reason: GoodbyeReason, retryAfterMilliseconds: UInt64) {
        self.reason = reason
        self.retryAfterMilliseconds = retryAfterMilliseconds
    }
}

/// Why a side leaves in order.
public enum GoodbyeReason: UInt64, Hashable, Sendable {
    /// The agent stops.
    case agentStops = 1
    /// The collector stops or restarts; unknown reasons are taken as this one.
    case collectorStops = 2
}

extension GoodbyeFrame {
    init(payload reader: inout PayloadReader) throws(WireError) {
        let reason = try reader.uint("reason")
        self.init(
            reason: GoodbyeReason(rawValue: reason) ?? .collectorStops,
            retryAfterMilliseconds: try reader.uint(
                "retryAfterMilliseconds", in: ErrorFrame.retries))
    }

    func encodePayload(to writer: inout PayloadWriter) throws(WireError) {
        writer.uint(reason.rawValue)
        try writer.uint(retryAfterMilliseconds, "retryAfterMilliseconds", in: ErrorFrame.retries)
    }
}
