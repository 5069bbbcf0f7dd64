public import MemoryModel

/// ERROR (0x03): why the sender ends the session.
public struct ErrorFrame: Hashable, Sendable {
    /// A number of `ErrorCode`, or one that this version does not know.
    public var code: UInt64
    /// Wait at least this long before connecting again; 0 leaves it to the class of the code.
    public var retryAfterMilliseconds: UInt64
    /// One line for people.
    public var text: RawText

    /// Takes the fields as they are.
    public init(code: UInt64, retryAfterMilliseconds: UInt64, text: RawText) {
        self.code = code
        self.retryAfterMilliseconds = retryAfterMilliseconds
        self.text = text
    }
}
