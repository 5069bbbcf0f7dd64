/// The 24 bytes before every payload, `Protocol/frame-v1.md` section 3; big-endian.
///
/// ```
/// 0      2    3    4           8           12                      20          24
/// +------+----+----+-----------+-----------+-----------------------+-----------+
/// | 4857 |type|flag| wireLength| rawLength |       sequence        |  crc32c   |
/// +------+----+----+-----------+-----------+-----------------------+-----------+
/// ```
struct FrameHeader: Hashable, Sendable {
    /// How long it is.
    static let byteCount = 24
    /// How much of it the checksum covers.
    static let checkedByteCount = 20
    /// `HW`.
    static let magic: UInt16 = 0x4857
    /// The flag that says that the payload is compressed.
    static let compressedFlag: UInt8 = 0x01

    /// The type byte.
    var type: UInt8
    /// All flags.
    var flags: UInt8
    /// Bytes of payload that follow.
    var wireLength: UInt32
    /// Bytes of the payload after inflating.
    var rawLength: UInt32
    /// Number of the frame in its direction, from 0.
    var sequence: UInt64
    /// CRC-32C over the bytes before it and the payload.
    var checksum: UInt32

    /// Whether the payload is compressed.
    var isCompressed: Bool { flags & FrameHeader.compressedFlag != 0 }
}

extension FrameHeader {
    /// Reads the header that `bytes` begins with and checks all that it says by itself.
    ///
    /// Returns nil if there are fewer than 24 bytes and the magic is right as far as it is there.
    init?(
        _ bytes: UnsafeRawBufferPointer, isWelcomed: Bool, maximumWireBytes: Int
    ) throws(WireError) {
        for (index, expected) in [UInt8(0x48), 0x57].enumerated() where index < bytes.count {
            guard bytes[index] == expected else {
                throw WireError(
                    code: .notHighwater, offset: 0, reason: "a frame does not begin with HW")
            }
        }
        guard bytes.count >= FrameHeader.byteCount else { return nil }
        type = bytes[2]
        flags = bytes[3]
        wireLength = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        rawLength = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
        sequence = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 12, as: UInt64.self))
        checksum = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 20, as: UInt32.self))
        try checkFlagsAndType(isWelcomed: isWelcomed)
        try checkLengths(isWelcomed: isWelcomed, maximumWireBytes: maximumWireBytes)
    }

    private func checkFlagsAndType(isWelcomed: Bool) throws(WireError) {
        guard flags & ~FrameHeader.compressedFlag == 0 else {
            throw WireError(code: .badHeader, offset: 3, reason: "reserved flags in \(flags)")
        }
        guard isWelcomed || !isCompressed else {
            throw WireError(code: .badCompression, offset: 3, reason: "compressed before WELCOME")
        }
        guard type >= 0x80 || FrameType(rawValue: type) != nil else {
            throw WireError(code: .unknownType, offset: 2, reason: "type \(type) is not known")
        }
    }

    private func checkLengths(isWelcomed: Bool, maximumWireBytes: Int) throws(WireError) {
        let early = WireLimits.maximumBytesBeforeWelcome
        let maximumWire = isWelcomed ? maximumWireBytes : min(early, maximumWireBytes)
        guard wireLength <= maximumWire else {
            throw WireError(
                code: .frameTooLarge, offset: 4,
                reason: "wireLength \(wireLength) is above \(maximumWire)")
        }
        let maximumRaw = isWelcomed ? WireLimits.maximumRawBytes : early
        guard rawLength <= maximumRaw else {
            throw WireError(
                code: .frameTooLarge, offset: 8,
                reason: "rawLength \(rawLength) is above \(maximumRaw)")
        }
        guard isCompressed ? rawLength > wireLength : rawLength == wireLength else {
            throw WireError(
                code: .badHeader, offset: 8,
                reason: "rawLength \(rawLength) contradicts wireLength \(wireLength)")
        }
    }

    /// Appends the header with its checksum slot filled as it is.
    func append(to output: inout [UInt8]) {
        withUnsafeBytes(of: FrameHeader.magic.bigEndian) { output.append(contentsOf: $0) }
        output.append(type)
        output.append(flags)
        withUnsafeBytes(of: wireLength.bigEndian) { output.append(contentsOf: $0) }
        withUnsafeBytes(of: rawLength.bigEndian) { output.append(contentsOf: $0) }
        withUnsafeBytes(of: sequence.bigEndian) { output.append(contentsOf: $0) }
        withUnsafeBytes(of: checksum.bigEndian) { output.append(contentsOf: $0) }
    }
}
