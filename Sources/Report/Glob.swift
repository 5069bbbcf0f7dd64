public import MemoryModel

/// A shell pattern over bytes: `*`, `?`, `[a-z]`, `[!a-z]`, and a backslash before any of them.
///
/// It matches the whole name and heeds case. A bracket that is never closed and a backslash at
/// the end stand for themselves. Matching takes at most length of the name times length of the
/// pattern steps, whatever both are.
public struct Glob: Hashable, Sendable {
    /// The pattern as the user wrote it.
    public let pattern: String

    private let tokens: [Token]

    /// The longest pattern that a query takes, in bytes.
    public static let maximumBytes = 1_024

    /// Takes a pattern.
    public init(_ pattern: String) {
        self.pattern = pattern
        self.tokens = Glob.compile(Array(pattern.utf8))
    }

    /// A pattern that `name` alone matches, whatever characters it has.
    public init(exactly name: RawText) {
        tokens = name.bytes.map { .literal($0) }
        pattern = DisplayText.escaped(name)
    }

    /// Whether the whole of `name` matches.
    public func matches(_ name: RawText) -> Bool { matches(name.bytes) }

    /// Whether the whole of `bytes` matches.
    ///
    /// Only the last `*` is ever tried again: an earlier one could take no more than it did.
    public func matches(_ bytes: [UInt8]) -> Bool {
        var token = 0
        var byte = 0
        var star: (token: Int, byte: Int)?
        while byte < bytes.count {
            if token < tokens.count, tokens[token] == .anyRun {
                star = (token, byte)
                token += 1
            } else if token < tokens.count, tokens[token].matches(bytes[byte]) {
                token += 1
                byte += 1
            } else if let last = star {
                star = (last.token, last.byte + 1)
                token = last.token + 1
                byte = last.byte + 1
            } else {
                return false
            }
        }
        return tokens[token...].allSatisfy { $0 == .anyRun }
    }

    private enum Token: Hashable {
        case anyRun
        case anyByte
        case literal(UInt8)
        case set(ByteSet)

        func matches(_ byte: UInt8) -> Bool {
            switch self {
            case .anyRun: false
            case .anyByte: true
            case .literal(let literal): literal == byte
            case .set(let set): set.contains(byte)
            }
        }
    }

    private struct ByteSet: Hashable {
        private var words: SIMD4<UInt64> = .zero
        var isInverted = false

        mutating func insert(_ range: ClosedRange<UInt8>) {
            for byte in range { words[Int(byte >> 6)] |= 1 << UInt64(byte & 63) }
        }

        func contains(_ byte: UInt8) -> Bool {
            (words[Int(byte >> 6)] >> UInt64(byte & 63) & 1 == 1) != isInverted
        }
    }

    private static func compile(_ pattern: [UInt8]) -> [Token] {
        var tokens: [Token] = []
        var index = 0
        while index < pattern.count {
            let byte = pattern[index]
            index += 1
            switch byte {
            case UInt8(ascii: "*"):
                if tokens.last != .anyRun { tokens.append(.anyRun) }
            case UInt8(ascii: "?"): tokens.append(.anyByte)
            case UInt8(ascii: "\\") where index < pattern.count:
                tokens.append(.literal(pattern[index]))
                index += 1
            case UInt8(ascii: "["):
                if let (set, end) = bracket(pattern, from: index) {
                    tokens.append(.set(set))
                    index = end
                } else {
                    tokens.append(.literal(byte))
                }
            default: tokens.append(.literal(byte))
            }
        }
        return tokens
    }

    /// The set that begins after its opening bracket, and where it ends; nil if it never does.
    private static func bracket(
        _ pattern: [UInt8], from start: Int
    ) -> (set: ByteSet, end: Int)? {
        var set = ByteSet()
        var index = start
        if index < pattern.count,
            pattern[index] == UInt8(ascii: "!") || pattern[index] == UInt8(ascii: "^")
        {
            set.isInverted = true
            index += 1
        }
        let first = index
        /// A closing bracket that comes first stands for itself.
        func isEnd(_ index: Int) -> Bool { pattern[index] == UInt8(ascii: "]") && index > first }
        func member() -> UInt8? {
            if index < pattern.count, pattern[index] == UInt8(ascii: "\\") { index += 1 }
            guard index < pattern.count else { return nil }
            index += 1
            return pattern[index - 1]
        }
        while index < pattern.count {
            if isEnd(index) { return (set, index + 1) }
            guard let low = member() else { return nil }
            let isRange =
                index + 1 < pattern.count && pattern[index] == UInt8(ascii: "-")
                && pattern[index + 1] != UInt8(ascii: "]")
            guard isRange else {
                set.insert(low...low)
                continue
            }
            index += 1
            guard let high = member() else { return nil }
            if low <= high { set.insert(low...high) }
        }
        return nil
    }
}
