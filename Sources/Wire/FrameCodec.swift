/// An encoder and a decoder for all sessions of one thread, with their buffers.
///
/// It is a class so that the connections of an event loop can share it; it is not `Sendable`, so
/// that they cannot share it with another one.
public final class FrameCodec {
    private var encoder: FrameEncoder
    private var decoder: FrameDecoder
    private var output: [UInt8] = []

    /// Sets up both; throws internalError if there is no memory for that.
    public init() throws(WireError) {
        encoder = try FrameEncoder()
        decoder = try FrameDecoder()
    }

    /// Calls `body` with the whole frame's bytes; they are valid only during the call.
    ///
    /// Throws as `FrameEncoder.encode` does.
    public func encode(
        _ frame: Frame, sequence: UInt64, mayCompress: Bool,
        _ body: (UnsafeRawBufferPointer) -> Void
    ) throws(WireError) {
        output.removeAll(keepingCapacity: true)
        try encoder.encode(frame, sequence: sequence, mayCompress: mayCompress, into: &output)
        output.withUnsafeBytes { body($0) }
    }

    /// Reads the frame that `bytes` begins with, as `FrameDecoder.decode` does.
    public func decode(
        _ bytes: UnsafeRawBufferPointer, isWelcomed: Bool,
        maximumWireBytes: Int = WireLimits.maximumWireBytes
    ) throws(WireError) -> DecodedFrame? {
        try decoder.decode(bytes, isWelcomed: isWelcomed, maximumWireBytes: maximumWireBytes)
    }
}
