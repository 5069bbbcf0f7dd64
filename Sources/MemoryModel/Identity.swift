/// The lasting name of a host: `--host-id`, else its machine-id, else a kept UUID.
///
/// 1 to 64 characters out of `A-Z a-z 0-9 . _ -`, not starting with a dot, so that it can stand
/// in a file name, a URL and a log line as it is.
public struct HostID: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The characters of the name.
    public let text: String

    /// The longest host id, in bytes.
    public static let maximumBytes = 64

    /// Takes `text` if it follows the rules above; nil otherwise.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard (1...HostID.maximumBytes).contains(bytes.count), bytes[0] != UInt8(ascii: "."),
            bytes.allSatisfy(HostID.isAllowed)
        else { return nil }
        self.text = text
    }

    /// Takes `bytes` as text if they follow the rules above; nil otherwise.
    public init?(_ bytes: RawText) {
        guard bytes.bytes.allSatisfy(HostID.isAllowed) else { return nil }
        self.init(String(decoding: bytes.bytes, as: UTF8.self))
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "-"):
            true
        default: false
        }
    }

    /// Orders by text.
    public static func < (left: HostID, right: HostID) -> Bool { left.text < right.text }

    /// The text.
    public var description: String { text }
}

/// 128 bits that name something once: a boot of a host, or a collector's store.
public struct UniqueID: Hashable, Sendable, CustomStringConvertible {
    /// The first eight bytes, big-endian.
    public let high: UInt64
    /// The last eight bytes, big-endian.
    public let low: UInt64

    /// Takes both halves as they are.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Draws a random version 4 UUID (RFC 9562).
    public static func random(using generator: inout some RandomNumberGenerator) -> UniqueID {
        let high = (generator.next() as UInt64) & 0xFFFF_FFFF_FFFF_0FFF | 0x4000
        let low = (generator.next() as UInt64) & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
        return UniqueID(high: high, low: low)
    }

    /// Reads 32 hexadecimal digits, with or without dashes between them; nil for anything else.
    ///
    /// This is the form of `/proc/sys/kernel/random/boot_id`.
    public init?(hexadecimal text: some StringProtocol) {
        var halves: (UInt64, UInt64) = (0, 0)
        var digits = 0
        for character in text.utf8 where character != UInt8(ascii: "-") {
            guard digits < 32, let value = UniqueID.hexadecimalValue(character) else { return nil }
            if digits < 16 {
                halves.0 = halves.0 << 4 | value
            } else {
                halves.1 = halves.1 << 4 | value
            }
            digits += 1
        }
        guard digits == 32 else { return nil }
        self.init(high: halves.0, low: halves.1)
    }

    private static func hexadecimalValue(_ byte: UInt8) -> UInt64? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a")) + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte - UInt8(ascii: "A")) + 10
        default: nil
        }
    }

    /// The usual form of a UUID, lower case, with dashes.
    public var description: String {
        func padded(_ value: UInt64) -> String {
            let text = String(value, radix: 16)
            return String(repeating: "0", count: 16 - text.utf8.count) + text
        }
        let all = Array(padded(high) + padded(low))
        return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(all[$0]) }
            .joined(separator: "-")
    }
}

/// One uptime of a host, as `/proc/sys/kernel/random/boot_id` names it.
public typealias BootID = UniqueID

/// One collector's store, for as long as its database lives.
public typealias StoreID = UniqueID
