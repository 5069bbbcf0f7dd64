/// One frame and what its header says.
public struct DecodedFrame: Hashable, Sendable {
    /// The message.
    public var frame: Frame
    /// Its number in its direction; whether that is the right one is for the session to judge.
    public var sequence: UInt64
    /// How many bytes of the input it took: header and payload as they are on the wire.
    public var consumedBytes: Int
    /// Bytes of the payload after inflating.
    public var rawBytes: Int

    /// Takes the fields as they are.
    public init(frame: Frame, sequence: UInt64, consumedBytes: Int, rawBytes: Int) {
        self.frame = frame
        self.sequence = sequence
        self.consumedBytes = consumedBytes
        self.rawBytes = rawBytes
    }
}

/// Turns bytes into frames, `Protocol/frame-v1.md` sections 3 to 5.
///
/// It remembers nothing from one frame to the next but some names, so that many runs share them;
/// and one decoder serves all connections of a thread. It holds the state of zlib and 1 MiB of
/// address space to inflate into, of which only what was once used takes memory.
public struct FrameDecoder: ~Copyable, Sendable {
    private var inflater: Inflater
    private var recentNames = RecentNames(isRemembering: true)

    /// Sets up zlib; throws internalError if there is no memory for that.
    public init() throws(WireError) {
        inflater = try Inflater()
    }

    /// Reads the frame that `bytes` begins with; nil if more bytes are needed to have it whole.
    ///
    /// `isWelcomed` is false until WELCOME was sent or received: until then payloads have at most
    /// 4,096 bytes and are not compressed. `maximumWireBytes` is what WELCOME allows, and cannot
    /// raise the limit of the protocol.
    ///
    /// Throws what is wrong. The session is over then: what follows in `bytes` means nothing.
    public mutating func decode(
        _ bytes: UnsafeRawBufferPointer, isWelcomed: Bool,
        maximumWireBytes: Int = WireLimits.maximumWireBytes
    ) throws(WireError) -> DecodedFrame? {
        let maximum = min(maximumWireBytes, WireLimits.maximumWireBytes)
        guard
            let header = try FrameHeader(bytes, isWelcomed: isWelcomed, maximumWireBytes: maximum)
        else { return nil }
        let end = FrameHeader.byteCount + Int(header.wireLength)
        guard bytes.count >= end else { return nil }
        let wire = UnsafeRawBufferPointer(rebasing: bytes[FrameHeader.byteCount..<end])
        var checksum = CRC32C()
        checksum.update(UnsafeRawBufferPointer(rebasing: bytes[..<FrameHeader.checkedByteCount]))
        checksum.update(wire)
        guard checksum.value == header.checksum else {
            throw WireError(
                code: .badChecksum, offset: 20,
                reason: "the header says \(String(header.checksum, radix: 16)), "
                    + "the bytes give \(String(checksum.value, radix: 16))")
        }
        return DecodedFrame(
            frame: try decodePayload(wire, header: header), sequence: header.sequence,
            consumedBytes: end, rawBytes: Int(header.rawLength))
    }

    private mutating func decodePayload(
        _ wire: UnsafeRawBufferPointer, header: FrameHeader
    ) throws(WireError) -> Frame {
        guard let type = FrameType(rawValue: header.type) else {
            return .ignorable(type: header.type)
        }
        let payload =
            header.isCompressed
            ? try inflater.inflate(wire, rawLength: Int(header.rawLength)) : wire
        var reader = PayloadReader(payload)
        swap(&recentNames, &reader.recentNames)
        defer { swap(&recentNames, &reader.recentNames) }
        let frame = try Frame(type: type, payload: &reader)
        try reader.finish()
        return frame
    }
}

extension FrameDecoder {
    /// How long the frame that `bytes` begins with will be, header and payload together; nil
    /// before its header is whole.
    ///
    /// Only meaningful for bytes that `decode` has answered with nil, which has checked them.
    public static func announcedBytes(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard bytes.count >= FrameHeader.byteCount else { return nil }
        let length = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        return FrameHeader.byteCount + Int(length)
    }
}
