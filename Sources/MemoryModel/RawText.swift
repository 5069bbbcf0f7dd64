/// A name exactly as the kernel or a peer gave it.
///
/// Process names, paths and cgroup names are chosen by whoever runs a program and need not be
/// UTF-8. They are kept as bytes and escaped only where they are shown.
public struct RawText: Hashable, Sendable {
    /// The bytes, without a terminating zero.
    public let bytes: [UInt8]

    /// Keeps `bytes` as they are.
    public init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Copies `bytes` as they are.
    public init(_ bytes: some Sequence<UInt8>) {
        self.bytes = Array(bytes)
    }

    /// Takes the UTF-8 form of `string`.
    public init(_ string: String) {
        self.bytes = Array(string.utf8)
    }

    /// Feeds all bytes at once: one by one, as arrays do it, takes ten times as long.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(bytes.count)
        bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
    }

    /// Whether there is not a single byte.
    public var isEmpty: Bool { bytes.isEmpty }

    /// The first `count` bytes, or all of them where there are fewer.
    public func clamped(toBytes count: Int) -> RawText {
        bytes.count <= count ? self : RawText(Array(bytes[..<count]))
    }
}

extension RawText: ExpressibleByStringLiteral {
    /// Takes the UTF-8 form of a literal.
    public init(stringLiteral value: String) {
        self.init(value)
    }
}

extension RawText: Comparable {
    /// Orders by byte value, as `memcmp` does.
    public static func < (left: RawText, right: RawText) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}
