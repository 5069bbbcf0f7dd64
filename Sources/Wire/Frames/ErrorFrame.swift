public import MemoryModel

/// ERROR (0x03): why the sender ends the session.
public struct ErrorFrame: Hashable, Sendable {
    /// A number of `ErrorCode`, or one that this version does not know, such as 0.
    public var code: UInt64
    /// Wait about this long before connecting again; 0 leaves it to the class of the code.
    public var retryAfterMilliseconds: UInt64
    /// One line for people, which nobody checks: to be escaped where it is shown.
    public var text: RawText

    /// Takes the fields as they are.
    public init(code: UInt64, retryAfterMilliseconds: UInt64, text: RawText) {
        self.code = code
        self.retryAfterMilliseconds = retryAfterMilliseconds
        self.text = text
    }
}

extension ErrorFrame {
    static let retries: ClosedRange<UInt64> = 0...UInt64(WireLimits.maximumRetryAfterMilliseconds)
    private static let codes: ClosedRange<UInt64> = 0...65_535

    init(payload reader: inout PayloadReader) throws(WireError) {
        self.init(
            code: try reader.uint("code", in: ErrorFrame.codes),
            retryAfterMilliseconds: try reader.uint(
                "retryAfterMilliseconds", in: ErrorFrame.retries),
            text: try reader.text("text", atMost: 512))
    }

    func encodePayload(to writer: inout PayloadWriter) throws(WireError) {
        try writer.uint(code, "code", in: ErrorFrame.codes)
        try writer.uint(retryAfterMilliseconds, "retryAfterMilliseconds", in: ErrorFrame.retries)
        writer.label(text, atMost: 512)
    }
}
