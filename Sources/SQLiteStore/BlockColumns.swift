import CZlib
import MemoryModel

/// One column of a block: numbers as bytes and unsigned LEB128.
struct BlockColumn: Equatable {
    /// The bytes so far, or those that are left to read.
    private(set) var bytes: ArraySlice<UInt8> = []

    /// An empty column.
    init() {}

    fileprivate init(_ bytes: [UInt8]) { self.bytes = bytes[...] }

    /// Whether nothing is left to read.
    var isEmpty: Bool { bytes.isEmpty }

    /// Appends a byte.
    mutating func append(byte: UInt8) { bytes.append(byte) }

    /// Appends a number.
    mutating func append(_ number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    /// Appends a number that may be negative, small ones in few bytes.
    mutating func append(signed number: Int64) {
        append(UInt64(bitPattern: number << 1 ^ number >> 63))
    }

    /// Takes a byte.
    mutating func byte() throws -> UInt8 {
        guard let byte = bytes.popFirst() else { throw BlockColumn.damaged }
        return byte
    }

    /// Takes a number.
    mutating func number() throws -> UInt64 {
        var number: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            let byte = try byte()
            let part = UInt64(byte & 0x7F)
            guard (part << shift) >> shift == part else { break }
            number |= part << shift
            if byte < 0x80 { return number }
        }
        throw BlockColumn.damaged
    }

    /// Takes a number that may be negative.
    mutating func signed() throws -> Int64 {
        let number = try number()
        return Int64(bitPattern: number >> 1) ^ -Int64(bitPattern: number & 1)
    }

    /// Takes a number as `Value`.
    mutating func number<Value: FixedWidthInteger>(as type: Value.Type) throws -> Value {
        guard let value = Value(exactly: try number()) else { throw BlockColumn.damaged }
        return value
    }

    static let damaged = DamagedRow(reason: "a block of windows is cut short or out of range")
}

/// Columns to one block and back.
///
/// A block is the number of its format, and for each column its length, its length when deflated (0
/// where that would not be shorter) and its bytes. Each column is deflated by itself, because what
/// is common in one is rare in another; without a header (RFC 1951).
enum BlockColumns {
    /// A column is at most so long.
    static let maximumColumnBytes = 64 << 20

    /// The bytes of a block.
    static func block(of columns: [BlockColumn], format: UInt8) -> [UInt8] {
        var block = BlockColumn()
        block.append(byte: format)
        var bytes = Array(block.bytes)
        for column in columns {
            let raw = Array(column.bytes)
            let packed = deflated(raw)
            var lengths = BlockColumn()
            lengths.append(UInt64(raw.count))
            lengths.append(UInt64(packed?.count ?? 0))
            bytes += lengths.bytes
            bytes += packed ?? raw
        }
        return bytes
    }

    /// The `count` columns of a block; throws `DamagedRow` for anything else.
    static func columns(of block: [UInt8], format: UInt8, count: Int) throws -> [BlockColumn] {
        var rest = BlockColumn(block)
        guard try rest.byte() == format else {
            throw DamagedRow(reason: "a block of windows is of an unknown format")
        }
        return try (0..<count).map { _ in
            let length = try rest.number(as: Int.self)
            let packedLength = try rest.number(as: Int.self)
            let stored = packedLength == 0 ? length : packedLength
            guard length <= maximumColumnBytes, stored <= rest.bytes.count else {
                throw BlockColumn.damaged
            }
            let bytes = Array(rest.bytes.prefix(stored))
            rest.skip(stored)
            return BlockColumn(
                packedLength == 0 ? bytes : try inflated(bytes, to: length))
        }
    }

    /// The shorter of two ways to deflate; nil if neither is shorter than `bytes`.
    private static func deflated(_ bytes: [UInt8]) -> [UInt8]? {
        guard bytes.count > 8 else { return nil }
        let ways = [Z_DEFAULT_STRATEGY, Z_HUFFMAN_ONLY].compactMap { deflated(bytes, by: $0) }
        return ways.min { $0.count < $1.count }.flatMap { $0.count < bytes.count ? $0 : nil }
    }

    private static func deflated(_ bytes: [UInt8], by strategy: Int32) -> [UInt8]? {
        var stream = z_stream()
        let size = Int32(MemoryLayout<z_stream>.size)
        // Without memory a column stays as it is, which is as true.
        guard
            deflateInit2_(&stream, 9, Z_DEFLATED, -15, 9, strategy, ZLIB_VERSION, size) == Z_OK
        else { return nil }
        defer { deflateEnd(&stream) }
        var output = [UInt8](repeating: 0, count: bytes.count)
        let status = run(&stream, bytes, &output, deflate)
        guard status == Z_STREAM_END else { return nil }
        return Array(output[..<(output.count - Int(stream.avail_out))])
    }

    private static func inflated(_ bytes: [UInt8], to length: Int) throws -> [UInt8] {
        var stream = z_stream()
        let size = Int32(MemoryLayout<z_stream>.size)
        guard inflateInit2_(&stream, -15, ZLIB_VERSION, size) == Z_OK else {
            throw DamagedRow(reason: "there is no memory to read a block of windows")
        }
        defer { inflateEnd(&stream) }
        // One byte more, so that what is longer than it says is noticed.
        var output = [UInt8](repeating: 0, count: length + 1)
        let status = run(&stream, bytes, &output, inflate)
        guard status == Z_STREAM_END, stream.avail_in == 0, stream.avail_out == 1 else {
            throw BlockColumn.damaged
        }
        output.removeLast()
        return output
    }

    private static func run(
        _ stream: inout z_stream, _ input: [UInt8], _ output: inout [UInt8],
        _ step: (UnsafeMutablePointer<z_stream>, Int32) -> Int32
    ) -> Int32 {
        input.withUnsafeBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
                stream.avail_in = UInt32(input.count)
                stream.next_out = output.baseAddress
                stream.avail_out = UInt32(output.count)
                return step(&stream, Z_FINISH)
            }
        }
    }
}

extension BlockColumn {
    /// Passes over bytes.
    fileprivate mutating func skip(_ count: Int) { bytes = bytes.dropFirst(count) }
}
