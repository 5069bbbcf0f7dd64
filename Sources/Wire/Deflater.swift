import CZlib

/// Compresses payloads, one zlib stream (RFC 1950) each.
///
/// The state is made once and reset for each payload. It is small because every agent has one.
struct Deflater: ~Copyable, @unchecked Sendable {
    // Sendable: the pointer is owned by this value alone, and it cannot be copied.
    private let stream: UnsafeMutablePointer<z_stream>

    /// How hard zlib looks, and how much memory it looks in.
    struct Effort: Hashable, Sendable {
        /// 1 to 9, `deflateInit2`'s `level`.
        var level: Int32
        /// Binary logarithm of the window's size, 9 to 15.
        var windowBits: Int32
        /// 1 to 9, `deflateInit2`'s `memLevel`.
        var memoryLevel: Int32

        /// What agents and collectors use: 55 KB of state (`Protocol/decisions/0002-per-frame.md`).
        static let standard = Effort(level: 6, windowBits: 12, memoryLevel: 6)
    }

    /// Sets up the state; throws internalError if there is no memory for it.
    init(effort: Effort = .standard) throws(WireError) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let status = deflateInit2_(
            stream, effort.level, Z_DEFLATED, effort.windowBits, effort.memoryLevel,
            Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK else {
            stream.deallocate()
            throw WireError(code: .internalError, reason: "deflateInit2 answered \(status)")
        }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// Writes the compressed form of `bytes` to `output`.
    ///
    /// Returns its length, or nil if it does not fit: pass fewer bytes of output than there are of
    /// input to have only what is smaller.
    mutating func deflate(
        _ bytes: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) -> Int? {
        guard deflateReset(stream) == Z_OK else { return nil }
        let input = bytes.bindMemory(to: UInt8.self).baseAddress
        stream.pointee.next_in = UnsafeMutablePointer(mutating: input)
        stream.pointee.avail_in = UInt32(bytes.count)
        stream.pointee.next_out = output.bindMemory(to: UInt8.self).baseAddress
        stream.pointee.avail_out = UInt32(output.count)
        guard CZlib.deflate(stream, Z_FINISH) == Z_STREAM_END else { return nil }
        return output.count - Int(stream.pointee.avail_out)
    }
}
