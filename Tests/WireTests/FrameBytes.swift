@testable import Wire

/// Builds frames that the encoder would not send.
enum FrameBytes {
    static func frame(
        type: UInt8, payload: [UInt8], rawLength: Int? = nil, sequence: UInt64 = 0
    ) -> [UInt8] {
        var bytes: [UInt8] = []
        FrameHeader(
            type: type, flags: rawLength == nil ? 0 : FrameHeader.compressedFlag,
            wireLength: UInt32(payload.count), rawLength: UInt32(rawLength ?? payload.count),
            sequence: sequence, checksum: 0
        ).append(to: &bytes)
        var checksum = CRC32C()
        bytes[..<FrameHeader.checkedByteCount].withUnsafeBytes { checksum.update($0) }
        payload.withUnsafeBytes { checksum.update($0) }
        bytes.replaceSubrange(
            20..<24, with: [24, 16, 8, 0].map { UInt8(checksum.value >> $0 & 0xFF) })
        return bytes + payload
    }
}
