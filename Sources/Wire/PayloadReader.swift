import MemoryModel

/// A checked cursor over the payload of one frame, `Protocol/frame-v1.md` section 4.
///
/// It borrows the bytes: whoever makes one keeps them alive and unchanged while it is used. Every
/// method either moves past one whole element or throws badPayload with the offset at which that
/// element begins, and nothing is allocated before what the peer says was compared with a limit
/// and with the bytes that are left.
struct PayloadReader: ~Copyable {
    private let bytes: UnsafeRawBufferPointer

    /// How many bytes were taken.
    private(set) var position = 0

    /// Where names come from that came before; whoever has some lends them for a frame.
    var recentNames = RecentNames(isRemembering: false)

    /// Begins at the first byte of `bytes`.
    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    /// How many bytes are left.
    var remaining: Int { bytes.count - position }

    /// Throws unless every byte was taken.
    func finish() throws(WireError) {
        guard remaining == 0 else {
            throw failure("end of payload", at: position, "bytes are left over")
        }
    }

    /// Takes every byte that is left, whatever it means.
    mutating func skipRest() {
        position = bytes.count
    }

    /// Says that the element `field` at `offset` breaks its rule.
    @inline(never)
    func failure(_ field: StaticString, at offset: Int, _ problem: String) -> WireError {
        WireError(code: .badPayload, offset: offset, reason: "\(field): \(problem)")
    }
}

// MARK: - Numbers

extension PayloadReader {
    /// Takes one byte.
    @inline(__always)
    mutating func byte(_ field: StaticString) throws(WireError) -> UInt8 {
        guard position < bytes.count else { throw truncated(field) }
        defer { position += 1 }
        return bytes[position]
    }

    /// Takes eight bytes as a big-endian number.
    mutating func fixed64(_ field: StaticString) throws(WireError) -> UInt64 {
        guard remaining >= 8 else { throw truncated(field) }
        defer { position += 8 }
        return UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
    }

    /// Takes 16 bytes as an identity.
    mutating func uniqueID(_ field: StaticString) throws(WireError) -> UniqueID {
        guard remaining >= 16 else { throw truncated(field) }
        let high = try fixed64(field)
        let low = try fixed64(field)
        return UniqueID(high: high, low: low)
    }

    /// Takes an unsigned LEB128 number in its shortest form.
    @inline(__always)
    mutating func uint(_ field: StaticString) throws(WireError) -> UInt64 {
        if position < bytes.count {
            let byte = bytes[position]
            if byte < 0x80 {
                position += 1
                return UInt64(byte)
            }
        }
        return try longUInt(field)
    }

    private mutating func longUInt(_ field: StaticString) throws(WireError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        var index = position
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            if shift == 63, byte > 1 {
                throw failure(field, at: position, "more than 64 bits")
            }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 {
                guard byte != 0 || shift == 0 else {
                    throw failure(field, at: position, "not the shortest form")
                }
                position = index
                return value
            }
            shift += 7
        }
        throw truncated(field)
    }

    /// Takes an unsigned number that lies in `range`.
    @inline(__always)
    mutating func uint(
        _ field: StaticString, in range: ClosedRange<UInt64>
    ) throws(WireError) -> UInt64 {
        let start = position
        let value = try uint(field)
        guard range.contains(value) else {
            throw failure(field, at: start, "\(value) is not in \(range)")
        }
        return value
    }

    /// Takes a signed number in zigzag form.
    mutating func int(_ field: StaticString) throws(WireError) -> Int64 {
        let folded = try uint(field)
        return Int64(bitPattern: folded >> 1) ^ -Int64(bitPattern: folded & 1)
    }

    /// Takes a number that may be missing and is at most `maximum`, itself below 2^64 - 1.
    @inline(__always)
    mutating func opt(
        _ field: StaticString, atMost maximum: UInt64 = .max - 1
    ) throws(WireError) -> UInt64? {
        let raised = try uint(field, in: 0...maximum + 1)
        return raised == 0 ? nil : raised - 1
    }

    /// Takes a number of milliseconds that fits a signed 64-bit number.
    @inline(__always)
    mutating func time(_ field: StaticString) throws(WireError) -> Int64 {
        Int64(try uint(field, in: 0...UInt64(Int64.max)))
    }

    /// Takes memory in KiB and returns bytes.
    @inline(__always)
    mutating func kibibytes(_ field: StaticString) throws(WireError) -> UInt64 {
        try uint(field, in: 0...Kibibytes.maximum) << 10
    }

    /// Takes memory in KiB that may be missing and returns bytes.
    @inline(__always)
    mutating func optKibibytes(_ field: StaticString) throws(WireError) -> UInt64? {
        guard let kibibytes = try opt(field, atMost: Kibibytes.maximum) else { return nil }
        return kibibytes << 10
    }

    @inline(never)
    private func truncated(_ field: StaticString) -> WireError {
        failure(field, at: position, "the payload ends within it")
    }
}

// MARK: - Counts, slots and strings

extension PayloadReader {
    /// Takes the number of elements that follow, each of which has at least `smallestBytes`.
    mutating func count(
        _ field: StaticString, in range: ClosedRange<Int>, smallestBytes: Int
    ) throws(WireError) -> Int {
        let start = position
        let value = try uint(field, in: UInt64(range.lowerBound)...UInt64(range.upperBound))
        guard value <= UInt64(remaining / smallestBytes) else {
            throw failure(field, at: start, "\(value) do not fit what is left of the payload")
        }
        return Int(value)
    }

    /// Takes one element of `slots`, which is at least `lowest` and below `limit`.
    ///
    /// Pass 0 as the lowest of the first and one more than the one before for each further one.
    @inline(__always)
    mutating func slot(
        _ field: StaticString, lowest: UInt32, below limit: UInt32 = UInt32(WireLimits.maximumSlots)
    ) throws(WireError) -> UInt32 {
        let start = position
        let step = try uint(field)
        guard step < UInt64(limit - lowest) else {
            throw failure(field, at: start, "\(lowest) and \(step) more is not below \(limit)")
        }
        return lowest + UInt32(step)
    }

    /// Takes `count` bytes as they are; they live as long as the payload.
    mutating func rawBytes(
        _ field: StaticString, count: Int
    ) throws(WireError) -> UnsafeRawBufferPointer {
        guard count <= remaining else { throw truncated(field) }
        defer { position += count }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
    }

    /// Takes a length and as many bytes, at most `maximum`.
    mutating func text(_ field: StaticString, atMost maximum: Int) throws(WireError) -> RawText {
        let length = try count(field, in: 0...maximum, smallestBytes: 1)
        return RawText(Array(try rawBytes(field, count: length)))
    }

    /// Takes one mask for each of `count` runs: at least one bit of `allowed` and no other.
    mutating func masks(
        _ field: StaticString, count: Int, allowed: UInt8
    ) throws(WireError) -> UnsafeRawBufferPointer {
        let start = position
        let masks = try rawBytes(field, count: min(count, remaining))
        for index in 0..<masks.count where masks[index] == 0 || masks[index] & ~allowed != 0 {
            throw failure(field, at: start + index, "\(masks[index]) is no mask")
        }
        guard masks.count == count else { throw truncated(field) }
        return masks
    }

    /// Takes what a later version may have added.
    mutating func extensions() throws(WireError) -> [FrameExtension] {
        let count = try count(
            "extensions", in: 0...WireLimits.maximumExtensions, smallestBytes: 2)
        var extensions: [FrameExtension] = []
        extensions.reserveCapacity(count)
        for _ in 0..<count {
            let start = position
            let id = try uint("extension id")
            if let last = extensions.last, last.id >= id {
                throw failure("extension id", at: start, "\(id) is not above \(last.id)")
            }
            let value = try text("extension", atMost: WireLimits.maximumExtensionBytes)
            extensions.append(FrameExtension(id: id, value: value))
        }
        return extensions
    }
}
