import Report

/// The filter that a user types: a glob if it has `*`, `?` or `[`, else a part of a name, whose
/// ASCII letters match in either case.
struct RowFilter {
    private let glob: Glob?
    private let part: [UInt8]

    init(_ text: String) {
        glob = text.contains { "*?[".contains($0) } ? Glob(text) : nil
        part = text.utf8.map(RowFilter.lower)
    }

    /// Whether one of `names` matches; nil is a name that is not known.
    func matches(_ names: [[UInt8]?]) -> Bool {
        if part.isEmpty { return true }
        return names.contains { name in
            guard let name else { return false }
            if let glob { return glob.matches(name) }
            return RowFilter.contains(part, in: name)
        }
    }

    private static func lower(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }

    private static func contains(_ part: [UInt8], in name: [UInt8]) -> Bool {
        guard name.count >= part.count else { return false }
        return (0...(name.count - part.count)).contains { start in
            part.indices.allSatisfy { lower(name[start + $0]) == part[$0] }
        }
    }
}
