/// ACK (0x07): everything up to `sequence` is durable.
public struct AcknowledgementFrame: Hashable, Sendable {
    /// The last frame that is on the disk of the store, with all before it.
    public var sequence: UInt64
    /// How many data frames may be without an ACK.
    public var credit: UInt64

    /// Takes the fields as they are.
    public init(sequence: UInt64, credit: UInt64) {
        self.sequence = sequence
        self.credit = credit
    }
}

extension AcknowledgementFrame {
    private static let credits: ClosedRange<UInt64> = 0...UInt64(WireLimits.maximumCredit)

    init(payload reader: inout PayloadReader) throws(WireError) {
        self.init(
            sequence: try reader.uint("sequence"),
            credit: try reader.uint("credit", in: AcknowledgementFrame.credits))
    }

    func encodePayload(to writer: inout PayloadWriter) throws(WireError) {
        writer.uint(sequence)
        try writer.uint(credit, "credit", in: AcknowledgementFrame.credits)
    }
}
