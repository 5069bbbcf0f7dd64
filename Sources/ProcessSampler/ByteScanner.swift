import Glibc

/// Reads words and numbers out of a kernel file's bytes, from left to right.
///
/// It never reads beyond the bytes, whatever they are, and it allocates nothing.
struct ByteScanner {
    /// What is read.
    let bytes: UnsafeRawBufferPointer
    /// The offset of the byte that is read next.
    private(set) var position: Int

    /// Starts at `position`, an offset within `bytes` or at their end.
    init(_ bytes: UnsafeRawBufferPointer, from position: Int = 0) {
        self.bytes = bytes
        self.position = min(max(position, 0), bytes.count)
    }

    /// The byte that is read next; nil at the end.
    var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    /// Takes the next byte; nil at the end.
    mutating func take() -> UInt8? {
        guard let byte = next else { return nil }
        position += 1
        return byte
    }

    /// Goes past spaces and tabs.
    mutating func skipBlanks() {
        while let byte = next, byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") {
            position += 1
        }
    }

    /// Goes past blanks and the word after them.
    ///
    /// Returns false if there is no word.
    mutating func skipWord() -> Bool {
        skipBlanks()
        let start = position
        while let byte = next, !ByteScanner.isSpace(byte) { position += 1 }
        return position > start
    }

    /// Goes past blanks and reads a decimal number.
    ///
    /// Returns nil if there is none, if it does not fit, or if the bytes end with it: a number at
    /// the very end may have been cut off, and the kernel ends every line with a newline.
    mutating func unsigned() -> UInt64? {
        skipBlanks()
        let start = position
        var value: UInt64 = 0
        while let byte = next, byte &- UInt8(ascii: "0") < 10 {
            let (tens, isTooLarge) = value.multipliedReportingOverflow(by: 10)
            let (sum, isStillTooLarge) = tens.addingReportingOverflow(
                UInt64(byte &- UInt8(ascii: "0")))
            guard !isTooLarge, !isStillTooLarge else { return nil }
            value = sum
            position += 1
        }
        guard position > start, let end = next, ByteScanner.isSpace(end) else { return nil }
        return value
    }

    /// Takes the rest of the line; nil at the end and for a line without its newline.
    mutating func line() -> UnsafeRawBufferPointer? {
        guard position < bytes.count, let base = bytes.baseAddress,
            let found = memchr(base + position, 10, bytes.count - position)
        else { return nil }
        let end = UnsafeRawPointer(found) - base
        defer { position = end + 1 }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<end])
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\t")
    }
}

extension UnsafeRawBufferPointer {
    /// Whether the bytes begin with `prefix`.
    func starts(withText prefix: StaticString) -> Bool {
        guard count >= prefix.utf8CodeUnitCount, let baseAddress else { return false }
        return memcmp(baseAddress, prefix.utf8Start, prefix.utf8CodeUnitCount) == 0
    }
}
