import MemoryModel

/// Collects the payload of one frame, `Protocol/frame-v1.md` section 4.
///
/// A value that its field cannot carry is the fault of this side and throws internalError.
struct PayloadWriter: Sendable {
    /// What was written.
    private(set) var bytes: [UInt8] = []

    /// Forgets what was written and keeps the memory.
    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
    }

    /// Says that `field` cannot carry a value.
    static func failure(_ field: StaticString, _ problem: String) -> WireError {
        WireError(code: .internalError, reason: "cannot send \(field): \(problem)")
    }
}

// MARK: - Numbers

extension PayloadWriter {
    /// Writes one byte.
    @inline(__always)
    mutating func byte(_ value: UInt8) {
        bytes.append(value)
    }

    /// Writes eight bytes, big-endian.
    mutating func fixed64(_ value: UInt64) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    /// Writes an identity.
    mutating func uniqueID(_ value: UniqueID) {
        fixed64(value.high)
        fixed64(value.low)
    }

    /// Writes an unsigned LEB128 number in its shortest form.
    @inline(__always)
    mutating func uint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    /// Writes an unsigned number that has to lie in `range`.
    mutating func uint(
        _ value: UInt64, _ field: StaticString, in range: ClosedRange<UInt64>
    ) throws(WireError) {
        guard range.contains(value) else {
            throw PayloadWriter.failure(field, "\(value) is not in \(range)")
        }
        uint(value)
    }

    /// Writes a signed number in zigzag form.
    mutating func int(_ value: Int64) {
        uint(UInt64(bitPattern: value << 1 ^ value >> 63))
    }

    /// Writes a number that may be missing and is at most `maximum`, itself below 2^64 - 1.
    @inline(__always)
    mutating func opt(
        _ value: UInt64?, _ field: StaticString, atMost maximum: UInt64 = .max - 1
    ) throws(WireError) {
        guard let value else { return uint(0) }
        guard value <= maximum else {
            throw PayloadWriter.failure(field, "\(value) is above \(maximum)")
        }
        uint(value + 1)
    }

    /// Writes a number that may be missing and is neither negative nor above `maximum`.
    mutating func opt(
        signed value: (some SignedInteger)?, _ field: StaticString, atMost maximum: UInt64
    ) throws(WireError) {
        guard let value else { return uint(0) }
        guard let unsigned = UInt64(exactly: value) else {
            throw PayloadWriter.failure(field, "\(value) is below zero")
        }
        try opt(unsigned, field, atMost: maximum)
    }

    /// Writes milliseconds, which must not be negative.
    mutating func time(_ value: Int64, _ field: StaticString) throws(WireError) {
        guard value >= 0 else { throw PayloadWriter.failure(field, "\(value) is below zero") }
        uint(UInt64(value))
    }

    /// Writes bytes of memory as KiB, rounded up.
    @inline(__always)
    mutating func kibibytes(_ bytes: UInt64) {
        uint(Kibibytes.covering(bytes: bytes))
    }

    /// Writes bytes of memory that may be missing as KiB, rounded up.
    @inline(__always)
    mutating func optKibibytes(_ bytes: UInt64?) {
        uint(bytes.map { Kibibytes.covering(bytes: $0) + 1 } ?? 0)
    }
}

// MARK: - Counts, slots and strings

extension PayloadWriter {
    /// Writes a number of elements, which has to lie in `range`.
    mutating func count(
        _ value: Int, _ field: StaticString, in range: ClosedRange<Int>
    ) throws(WireError) {
        guard range.contains(value) else {
            throw PayloadWriter.failure(field, "\(value) is not in \(range)")
        }
        uint(UInt64(value))
    }

    /// Writes one element of `slots` and returns the lowest that may follow.
    @inline(__always)
    mutating func slot(
        _ slot: UInt32, lowest: UInt32, _ field: StaticString = "slot",
        below limit: UInt32 = UInt32(WireLimits.maximumSlots)
    ) throws(WireError) -> UInt32 {
        guard slot >= lowest, slot < limit else {
            throw PayloadWriter.failure(field, "\(slot) is not in \(lowest)..<\(limit)")
        }
        uint(UInt64(slot - lowest))
        return slot + 1
    }

    /// Writes a length and the bytes of `text`, which has at most `maximum`.
    mutating func text(
        _ text: RawText, _ field: StaticString, atMost maximum: Int
    ) throws(WireError) {
        try count(text.bytes.count, field, in: 0...maximum)
        bytes.append(contentsOf: text.bytes)
    }

    /// Writes a length and the bytes of a text that is only shown: at most its first `maximum`.
    mutating func label(_ text: RawText, atMost maximum: Int) {
        let length = min(text.bytes.count, maximum)
        uint(UInt64(length))
        bytes.append(contentsOf: text.bytes[..<length])
    }

    /// Writes what a later version may have added.
    mutating func extensions(_ extensions: [FrameExtension]) throws(WireError) {
        try count(extensions.count, "extensions", in: 0...WireLimits.maximumExtensions)
        var last: UInt64?
        for element in extensions {
            if let last, last >= element.id {
                throw PayloadWriter.failure("extension id", "not ascending")
            }
            last = element.id
            uint(element.id)
            try text(element.value, "extension", atMost: WireLimits.maximumExtensionBytes)
        }
    }
}
