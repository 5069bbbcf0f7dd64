import MemoryModel

/// The kernel's name of a process, at most 15 bytes, held without allocating.
struct CommName: Hashable {
    /// The most bytes that a name has (`TASK_COMM_LEN` without its zero).
    static let maximumBytes = 15

    private var low: UInt64 = 0
    private var high: UInt64 = 0

    /// The number of bytes, which the highest byte keeps.
    private var count: Int { Int(high >> 56) }

    /// Takes the first 15 bytes of a name as `status` writes it, with `\n` and `\\` unescaped.
    init(escaped bytes: UnsafeRawBufferPointer) {
        var count = 0
        var index = 0
        while index < bytes.count, count < CommName.maximumBytes {
            var byte = bytes[index]
            index += 1
            if byte == UInt8(ascii: "\\"), index < bytes.count {
                if bytes[index] == UInt8(ascii: "n") {
                    byte = UInt8(ascii: "\n")
                    index += 1
                } else if bytes[index] == UInt8(ascii: "\\") {
                    index += 1
                }
            }
            if count < 8 {
                low |= UInt64(byte) << UInt64(count * 8)
            } else {
                high |= UInt64(byte) << UInt64((count - 8) * 8)
            }
            count += 1
        }
        high |= UInt64(count) << 56
    }

    /// Takes the bytes before the first zero, as a structure of the kernel holds them; nil if there
    /// are none.
    init?(zeroTerminated bytes: UnsafeRawBufferPointer) {
        var count = 0
        while count < min(bytes.count, CommName.maximumBytes), bytes[count] != 0 {
            if count < 8 {
                low |= UInt64(bytes[count]) << UInt64(count * 8)
            } else {
                high |= UInt64(bytes[count]) << UInt64((count - 8) * 8)
            }
            count += 1
        }
        guard count > 0 else { return nil }
        high |= UInt64(count) << 56
    }

    /// Takes the first 15 bytes of a name as it is.
    init(_ text: RawText) {
        for (index, byte) in text.bytes.prefix(CommName.maximumBytes).enumerated() {
            if index < 8 {
                low |= UInt64(byte) << UInt64(index * 8)
            } else {
                high |= UInt64(byte) << UInt64((index - 8) * 8)
            }
        }
        high |= UInt64(min(text.bytes.count, CommName.maximumBytes)) << 56
    }

    /// The name as text.
    var text: RawText {
        var bytes: [UInt8] = []
        for index in 0..<count {
            let half = index < 8 ? low : high
            bytes.append(UInt8(truncatingIfNeeded: half >> UInt64(index % 8 * 8)))
        }
        return RawText(bytes)
    }
}
