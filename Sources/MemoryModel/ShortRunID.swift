/// The beginning of the short name of a run, or all of it, as somebody typed it.
///
/// Case does not matter, and as in Crockford's base 32 an `o` is read as 0, `i` and `l` as 1.
public struct ShortRunID: Hashable, Sendable {
    /// As many bits of the name as were given.
    private let bits: UInt64
    /// How many characters were given.
    public let length: Int

    /// The characters of a whole name.
    public static let wholeLength = 12
    /// With fewer characters a beginning says nothing.
    public static let leastLength = 4

    private static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)

    /// Takes 4 to 12 characters; nil for what is no such name.
    public init?(_ text: String) {
        length = text.utf8.count
        guard (ShortRunID.leastLength...ShortRunID.wholeLength).contains(length),
            let bits = ShortRunID.bits(of: text)
        else { return nil }
        self.bits = bits
    }

    /// Whether such a name may begin with these characters, which may be too few of them.
    public static func mayBegin(with text: String) -> Bool {
        text.utf8.count <= wholeLength && bits(of: text) != nil
    }

    private static func bits(of text: String) -> UInt64? {
        var bits: UInt64 = 0
        for character in text.lowercased().utf8 {
            let read: UInt8 =
                switch character {
                case UInt8(ascii: "o"): UInt8(ascii: "0")
                case UInt8(ascii: "i"), UInt8(ascii: "l"): UInt8(ascii: "1")
                default: character
                }
            guard let value = alphabet.firstIndex(of: read) else { return nil }
            bits = bits << 5 | UInt64(value)
        }
        return bits
    }

    /// Whether it is a whole name.
    public var isWhole: Bool { length == ShortRunID.wholeLength }

    /// Whether the name of `run` begins so.
    public func matches(_ run: RunKey) -> Bool {
        matches(hash: ShortRunHash(host: run.host, boot: run.boot)[run.process])
    }

    /// Whether the name of a run begins so whose hash this is.
    public func matches(hash: UInt64) -> Bool { hash >> (64 - 5 * UInt64(length)) == bits }

    /// The whole name of the run whose hash this is.
    static func text(of hash: UInt64) -> String {
        let characters = (0..<UInt64(wholeLength)).map {
            alphabet[Int(hash >> (59 - 5 * $0) & 31)]
        }
        return String(decoding: characters, as: UTF8.self)
    }
}

/// The hashes of the runs of one boot, of which short names are made.
///
/// What all runs of a boot have in common is hashed once, so that many can be looked through.
public struct ShortRunHash: Sendable {
    private let start: UInt64

    /// Prepares for the runs of one boot.
    public init(host: HostID, boot: BootID) {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in host.text.utf8 { ShortRunHash.add(byte, to: &hash) }
        ShortRunHash.add(UInt8(0), to: &hash)
        ShortRunHash.add(boot.high, to: &hash)
        ShortRunHash.add(boot.low, to: &hash)
        start = hash
    }

    /// The hash of a run; its upper 60 bits are its short name.
    public subscript(process: ProcessKey) -> UInt64 {
        var hash = start
        ShortRunHash.add(process.pid, to: &hash)
        ShortRunHash.add(process.startTicks, to: &hash)
        ShortRunHash.add(process.image, to: &hash)
        hash = (hash ^ (hash >> 33)) &* 0xFF51_AFD7_ED55_8CCD
        hash = (hash ^ (hash >> 33)) &* 0xC4CE_B9FE_1A85_EC53
        return hash ^ (hash >> 33)
    }

    private static func add(_ value: some FixedWidthInteger, to hash: inout UInt64) {
        withUnsafeBytes(of: value.bigEndian) { bytes in
            for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        }
    }
}
