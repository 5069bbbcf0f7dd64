/// Turns frames into bytes, `Protocol/frame-v1.md` sections 3 to 5.
///
/// One encoder serves any number of sessions of one thread. It keeps its buffers and the state
/// of zlib between frames.
public struct FrameEncoder: ~Copyable, Sendable {
    /// The eight bytes that an agent sends before its first frame.
    public static let preface: [UInt8] = [0x89, 0x48, 0x57, 0x4D, 0x0D, 0x0A, 0x1A, 0x0A]

    /// Payloads below this are sent as they are; zlib's own 11 bytes would eat the gain.
    private static let smallestCompressedBytes = 64

    private var payload = PayloadWriter()
    private var deflater: Deflater

    /// Sets up zlib; throws internalError if there is no memory for that.
    public init() throws(WireError) {
        deflater = try Deflater()
    }

    init(effort: Deflater.Effort) throws(WireError) {
        deflater = try Deflater(effort: effort)
    }

    /// Appends the whole frame, header and payload, to `output` and returns its length in bytes.
    ///
    /// The payload is compressed where that makes it smaller and `mayCompress` allows it, which is
    /// so once WELCOME was sent or received. Memory is rounded up to whole KiB. Names that are
    /// only shown are cut to their limit.
    ///
    /// Throws and appends nothing where the frame cannot be sent: frameTooLarge if it has to be
    /// cut into several, internalError if a value breaks the rule of its field, such as slots
    /// that do not ascend, a peak without a bracket or a time before the boot.
    @discardableResult
    public mutating func encode(
        _ frame: Frame, sequence: UInt64, mayCompress: Bool, into output: inout [UInt8]
    ) throws(WireError) -> Int {
        payload.removeAll()
        try frame.encodePayload(to: &payload)
        let rawLength = payload.bytes.count
        guard rawLength <= WireLimits.maximumRawBytes else {
            throw WireError(code: .frameTooLarge, reason: "the payload has \(rawLength) bytes")
        }
        let start = output.count
        FrameHeader(
            type: frame.typeByte, flags: 0, wireLength: 0, rawLength: UInt32(rawLength),
            sequence: sequence, checksum: 0
        ).append(to: &output)
        let isCompressed = mayCompress && appendCompressedPayload(to: &output)
        if !isCompressed { output.append(contentsOf: payload.bytes) }
        let wireLength = output.count - start - FrameHeader.byteCount
        guard wireLength <= WireLimits.maximumWireBytes else {
            output.removeSubrange(start...)
            throw WireError(
                code: .frameTooLarge, reason: "the payload has \(wireLength) bytes on the wire")
        }
        output.withUnsafeMutableBytes { bytes in
            FrameEncoder.complete(
                UnsafeMutableRawBufferPointer(rebasing: bytes[start...]),
                wireLength: UInt32(wireLength), isCompressed: isCompressed)
        }
        return output.count - start
    }

    /// Appends the compressed payload if it is smaller; otherwise leaves `output` as it was.
    private mutating func appendCompressedPayload(to output: inout [UInt8]) -> Bool {
        let rawLength = payload.bytes.count
        guard rawLength >= FrameEncoder.smallestCompressedBytes else { return false }
        let start = output.count
        let room = rawLength - 1
        output.append(contentsOf: repeatElement(0, count: room))
        let length = payload.bytes.withUnsafeBytes { raw in
            output.withUnsafeMutableBytes { bytes in
                deflater.deflate(
                    raw, into: UnsafeMutableRawBufferPointer(rebasing: bytes[start...]))
            }
        }
        output.removeLast(room - (length ?? 0))
        return length != nil
    }

    /// Fills in what is only known once the payload is there.
    private static func complete(
        _ frame: UnsafeMutableRawBufferPointer, wireLength: UInt32, isCompressed: Bool
    ) {
        frame[3] = isCompressed ? FrameHeader.compressedFlag : 0
        frame.storeBytes(of: wireLength.bigEndian, toByteOffset: 4, as: UInt32.self)
        var checksum = CRC32C()
        checksum.update(UnsafeRawBufferPointer(rebasing: frame[..<FrameHeader.checkedByteCount]))
        checksum.update(UnsafeRawBufferPointer(rebasing: frame[FrameHeader.byteCount...]))
        frame.storeBytes(of: checksum.value.bigEndian, toByteOffset: 20, as: UInt32.self)
    }
}
