/// Numbers out of bytes, little-endian; nil wherever the bytes do not reach.
struct ByteView {
    let content: [UInt8]

    init(_ content: [UInt8]) {
        self.content = content
    }

    func u8(_ offset: Int) -> UInt8? {
        content.indices.contains(offset) ? content[offset] : nil
    }

    func u16(_ offset: Int) -> UInt16? { load(offset) }
    func u32(_ offset: Int) -> UInt32? { load(offset) }
    func u64(_ offset: Int) -> UInt64? { load(offset) }
    func i32(_ offset: Int) -> Int32? { load(offset) }

    func bytes(at offset: Int, count: Int) -> [UInt8]? {
        guard offset >= 0, count >= 0, offset <= content.count, count <= content.count - offset
        else { return nil }
        return Array(content[offset..<(offset + count)])
    }

    private func load<Number: FixedWidthInteger>(_ offset: Int) -> Number? {
        let size = MemoryLayout<Number>.size
        guard offset >= 0, offset <= content.count, size <= content.count - offset else {
            return nil
        }
        return content.withUnsafeBytes {
            Number(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Number.self))
        }
    }
}
