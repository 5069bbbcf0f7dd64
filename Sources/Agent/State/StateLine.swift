import Wire

/// A line of text with named values, its version and its checksum, which is how the files of a
/// state directory say what they are: people can read it, and damage shows.
///
/// `highwater-state 1 boot=… epoch=… crc32c=…`, of bytes that are neither spaces nor controls.
struct StateLine: Hashable {
    /// What kind of file it is.
    let word: String
    /// The values by their names, in the order in which they are written.
    private(set) var values: [(name: String, value: String)] = []

    /// The longest line in bytes, its end included.
    static let maximumBytes = 1_024
    private static let version = "1"
    private static let checksumName = "crc32c"

    init(_ word: String) {
        self.word = word
    }

    static func == (left: StateLine, right: StateLine) -> Bool { left.body == right.body }

    func hash(into hasher: inout Hasher) { hasher.combine(body) }

    subscript(name: String) -> String? { values.first { $0.name == name }?.value }

    /// A whole number; nil if there is none of that name.
    func number<Number: FixedWidthInteger>(_ name: String) -> Number? {
        self[name].flatMap { Number($0) }
    }

    mutating func add(_ name: String, _ value: some CustomStringConvertible) {
        values.append((name, "\(value)"))
    }

    mutating func add(_ name: String, ifKnown value: (some CustomStringConvertible)?) {
        if let value { add(name, value) }
    }

    // MARK: Text

    private var body: String {
        ([word, StateLine.version] + values.map { "\($0.name)=\($0.value)" })
            .joined(separator: " ")
    }

    /// The line with its end, filled up with spaces to `length` bytes if that is more.
    func bytes(filledTo length: Int = 0) -> [UInt8] {
        let body = Array(self.body.utf8)
        var bytes = body + Array(" \(StateLine.checksumName)=\(StateLine.checksum(of: body))".utf8)
        if bytes.count + 1 < length {
            bytes += repeatElement(UInt8(ascii: " "), count: length - 1 - bytes.count)
        }
        return bytes + [UInt8(ascii: "\n")]
    }

    /// Reads the line that `bytes` begins with, and how long it is with its end; nil if it is not
    /// whole or not one of `word`.
    static func read(
        _ bytes: some Collection<UInt8>, word: String
    ) -> (line: StateLine, length: Int)? {
        let text = bytes.prefix(maximumBytes).prefix { $0 != UInt8(ascii: "\n") }
        guard text.count < bytes.prefix(maximumBytes).count else { return nil }
        let parts = String(decoding: text, as: UTF8.self).split(separator: " ")
        guard parts.count >= 3, parts[0] == word[...], parts[1] == version[...] else { return nil }
        var line = StateLine(word)
        for part in parts[2...] {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2 else { return nil }
            line.values.append((String(pair[0]), String(pair[1])))
        }
        guard let last = line.values.popLast(), last.name == checksumName,
            last.value == checksum(of: Array(line.body.utf8))
        else { return nil }
        return (line, text.count + 1)
    }

    private static func checksum(of bytes: [UInt8]) -> String {
        let value = bytes.withUnsafeBytes { CRC32C.checksum(of: $0) }
        return hexadecimal(UInt64(value), digits: 8)
    }

    /// Sixteen digits, or so many.
    static func hexadecimal(_ value: UInt64, digits: Int = 16) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }
}
