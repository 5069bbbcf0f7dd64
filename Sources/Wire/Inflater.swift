import CZlib

/// Opens compressed payloads, one zlib stream (RFC 1950) each.
///
/// The output buffer has a fixed size of `WireLimits.maximumRawBytes` and one byte, so a stream
/// that holds more than it may is stopped there; the state is made once and reset for each
/// payload. Each payload takes exactly one call of `inflate`, so nothing can go round for ever.
struct Inflater: ~Copyable, @unchecked Sendable {
    // Sendable: both pointers are owned by this value alone, and it cannot be copied.
    private let stream: UnsafeMutablePointer<z_stream>
    private let scratch: UnsafeMutableRawBufferPointer

    /// Sets up the state; throws internalError if there is no memory for it.
    init() throws(WireError) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        scratch = .allocate(byteCount: WireLimits.maximumRawBytes + 1, alignment: 16)
        let status = inflateInit2_(
            stream, 15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK else {
            stream.deallocate()
            scratch.deallocate()
            throw WireError(code: .internalError, reason: "inflateInit2 answered \(status)")
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
        scratch.deallocate()
    }

    /// Returns the `rawLength` bytes that `bytes` holds; they are there until the next call.
    ///
    /// Throws badCompression unless the stream's end was reached, every byte was used and exactly
    /// `rawLength` bytes came out.
    mutating func inflate(
        _ bytes: UnsafeRawBufferPointer, rawLength: Int
    ) throws(WireError) -> UnsafeRawBufferPointer {
        guard (0...WireLimits.maximumRawBytes).contains(rawLength) else {
            throw WireError(code: .frameTooLarge, reason: "rawLength is \(rawLength)")
        }
        guard inflateReset(stream) == Z_OK else {
            throw WireError(code: .internalError, reason: "inflateReset failed")
        }
        let input = bytes.bindMemory(to: UInt8.self).baseAddress
        stream.pointee.next_in = UnsafeMutablePointer(mutating: input)
        stream.pointee.avail_in = UInt32(bytes.count)
        stream.pointee.next_out = scratch.bindMemory(to: UInt8.self).baseAddress
        stream.pointee.avail_out = UInt32(rawLength + 1)
        let status = CZlib.inflate(stream, Z_FINISH)
        let unused = Int(stream.pointee.avail_in)
        let produced = rawLength + 1 - Int(stream.pointee.avail_out)
        guard status == Z_STREAM_END, unused == 0, produced == rawLength else {
            throw WireError(
                code: .badCompression,
                reason: "inflate answered \(status) with \(unused) bytes unused and "
                    + "\(produced) of \(rawLength) produced")
        }
        return UnsafeRawBufferPointer(rebasing: scratch[..<rawLength])
    }
}
