/// STATE_END (0x12): the full state is complete.
public struct StateEndFrame: Hashable, Sendable {
    /// How many slots are in use.
    public var liveCount: UInt64

    /// Takes the fields as they are.
    public init(liveCount: UInt64) {
        self.liveCount = liveCount
    }
}

extension StateEndFrame {
    init(payload reader: inout PayloadReader) throws(WireError) {
        self.init(liveCount: try reader.uint("liveCount"))
    }

    func encodePayload(to writer: inout PayloadWriter) {
        writer.uint(liveCount)
    }
}
