// The interface that the codec fills in:
//
// public struct FrameEncoder: ~Copyable {
//     public static let preface: [UInt8]
//     public init() throws(WireError)
//     /// Appends the whole frame, compressed where that is smaller and `mayCompress` allows it.
//     public mutating func encode(_ frame: Frame, sequence: UInt64, mayCompress: Bool, into: inout [UInt8])
// }
// public struct FrameDecoder: ~Copyable {
//     public init() throws(WireError)
//     /// nil: more bytes are needed. `limits.isWelcomed` false: 4,096 bytes, not compressed.
//     public mutating func decode(_ bytes: UnsafeRawBufferPointer, isWelcomed: Bool, maximumWireBytes: Int)
//         throws(WireError) -> DecodedFrame?
// }
// public struct DecodedFrame { frame: Frame; sequence: UInt64; consumedBytes: Int; rawBytes: Int }
