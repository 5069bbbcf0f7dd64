public import MemoryModel

/// A further field of HELLO or WELCOME that a receiver may pass over.
public struct FrameExtension: Hashable, Sendable {
    /// Number of the field.
    public var id: UInt64
    /// Its bytes, at most `WireLimits.maximumExtensionBytes`.
    public var value: RawText

    /// Takes the fields as they are.
    public init(id: UInt64, value: RawText) {
        self.id = id
        self.value = value
    }
}
