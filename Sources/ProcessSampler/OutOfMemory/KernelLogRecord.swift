/// One record of `/dev/kmsg` (`Documentation/ABI/testing/dev-kmsg` of the kernel).
///
///     PRIORITY,SEQUENCE,MICROSECONDS,FLAGS[,...];TEXT
///      KEY=VALUE
struct KernelLogRecord: Equatable {
    /// Who wrote it: 0 for the kernel itself, anything else for a program.
    var facility: UInt64
    /// The record's number since boot.
    var sequence: UInt64
    /// The kernel's own clock when it was written.
    var microseconds: UInt64
    /// Whether it goes on where an earlier record stopped.
    var isFragment: Bool
    /// The text with the kernel's `\xHH` undone, without the lines of keys after it.
    var text: [UInt8]

    /// Reads one record; nil if it is not as documented.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard let semicolon = bytes.firstIndex(of: UInt8(ascii: ";")), semicolon < 256 else {
            return nil
        }
        let fields = bytes[..<semicolon].split(
            separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        guard fields.count >= 4, let priority = KernelLogRecord.number(fields[0]),
            let sequence = KernelLogRecord.number(fields[1]),
            let microseconds = KernelLogRecord.number(fields[2])
        else { return nil }
        // The lowest three bits say how urgent it is.
        facility = priority >> 3
        self.sequence = sequence
        self.microseconds = microseconds
        isFragment = fields[3].first == UInt8(ascii: "c") || fields[3].first == UInt8(ascii: "+")
        let text = bytes[(semicolon + 1)...].prefix { $0 != UInt8(ascii: "\n") }
        self.text = KernelLogRecord.unescaped(text)
    }

    private static func number(_ bytes: Slice<UnsafeRawBufferPointer>) -> UInt64? {
        guard (1...20).contains(bytes.count) else { return nil }
        var value: UInt64 = 0
        for byte in bytes {
            let digit = byte &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            let (tens, isTooLarge) = value.multipliedReportingOverflow(by: 10)
            let (sum, isStillTooLarge) = tens.addingReportingOverflow(UInt64(digit))
            guard !isTooLarge, !isStillTooLarge else { return nil }
            value = sum
        }
        return value
    }

    /// Undoes `\xHH`, by which the kernel writes bytes that are not printable, and the backslash.
    private static func unescaped(_ bytes: Slice<UnsafeRawBufferPointer>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = bytes.startIndex
        while index < bytes.endIndex {
            if bytes[index] == UInt8(ascii: "\\"), index + 3 < bytes.endIndex,
                bytes[index + 1] == UInt8(ascii: "x"), let high = digit(bytes[index + 2]),
                let low = digit(bytes[index + 3])
            {
                result.append(high << 4 | low)
                index += 4
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return result
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
