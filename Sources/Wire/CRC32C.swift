/// The checksum of frames: CRC-32C (Castagnoli), reflected, as in RFC 3720 appendix B.4.
///
/// Eight bytes are taken at a time with eight tables of 256 entries ("slicing by 8"), which needs
/// no instruction that only some processors have.
package struct CRC32C {
    private static let reflectedPolynomial: UInt32 = 0x82F6_3B78
    private static let tables = makeTables()

    private var state: UInt32 = 0xFFFF_FFFF

    /// The checksum of everything that was taken so far.
    var value: UInt32 { ~state }

    /// The checksum of `bytes` alone.
    package static func checksum(of bytes: UnsafeRawBufferPointer) -> UInt32 {
        var checksum = CRC32C()
        checksum.update(bytes)
        return checksum.value
    }

    /// Takes further bytes.
    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        state = CRC32C.tables.withUnsafeBufferPointer { tables in
            CRC32C.advance(state, over: bytes, tables: tables)
        }
    }

    private static func advance(
        _ start: UInt32, over bytes: UnsafeRawBufferPointer, tables: UnsafeBufferPointer<UInt32>
    ) -> UInt32 {
        var state = start
        var index = 0
        while bytes.count - index >= 8 {
            let word = UInt64(
                littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            let low = UInt32(truncatingIfNeeded: word) ^ state
            let high = UInt32(truncatingIfNeeded: word >> 32)
            let first =
                tables[1792 + Int(low & 0xFF)] ^ tables[1536 + Int(low >> 8 & 0xFF)]
                ^ tables[1280 + Int(low >> 16 & 0xFF)] ^ tables[1024 + Int(low >> 24)]
            let second =
                tables[768 + Int(high & 0xFF)] ^ tables[512 + Int(high >> 8 & 0xFF)]
                ^ tables[256 + Int(high >> 16 & 0xFF)] ^ tables[Int(high >> 24)]
            state = first ^ second
            index += 8
        }
        while index < bytes.count {
            state = tables[Int((state ^ UInt32(bytes[index])) & 0xFF)] ^ state >> 8
            index += 1
        }
        return state
    }

    /// Table k holds, for each byte, the checksum of that byte followed by k zero bytes.
    private static func makeTables() -> [UInt32] {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var entry = UInt32(byte)
            for _ in 0..<8 { entry = entry >> 1 ^ (entry & 1 == 1 ? reflectedPolynomial : 0) }
            tables[byte] = entry
        }
        for index in 256..<tables.count {
            let before = tables[index - 256]
            tables[index] = before >> 8 ^ tables[Int(before & 0xFF)]
        }
        return tables
    }
}
