import MemoryModel

// DEFINE, TOTALS and OOM carry each distinct name once and name it by its number from 1: many
// runs share a program, a user and a cgroup.

/// Each distinct name of a frame once, in the order in which the frame first mentions them.
struct StringTable {
    /// The names.
    private(set) var strings: [RawText] = []
    private var numbers: [RawText: UInt64] = [:]

    /// Returns 1 and the index of `name`, which is taken in if it is new; 0 for nil.
    mutating func number(of name: RawText?) -> UInt64 {
        guard let name else { return 0 }
        if let number = numbers[name] { return number }
        strings.append(name)
        numbers[name] = UInt64(strings.count)
        return UInt64(strings.count)
    }
}

extension PayloadReader {
    /// Takes the names of a frame; that each is there once is not checked.
    mutating func strings() throws(WireError) -> [RawText] {
        let count = try count(
            "stringCount", in: 0...WireLimits.maximumStringsPerFrame, smallestBytes: 1)
        var strings: [RawText] = []
        strings.reserveCapacity(count)
        for _ in 0..<count {
            let length = try self.count(
                "strings", in: 0...WireLimits.maximumStringBytes, smallestBytes: 1)
            let bytes = try rawBytes("strings", count: length)
            strings.append(recentNames.name(bytes))
        }
        return strings
    }

    /// Takes the number of a string that may be missing.
    mutating func optName(
        _ field: StaticString, of strings: [RawText]
    ) throws(WireError) -> RawText? {
        let number = try uint(field, in: 0...UInt64(strings.count))
        return number == 0 ? nil : strings[Int(number) - 1]
    }

    /// Takes the number of a string that is never missing.
    mutating func name(
        _ field: StaticString, of strings: [RawText]
    ) throws(WireError) -> RawText {
        let start = position
        guard let name = try optName(field, of: strings) else {
            throw failure(field, at: start, "is missing")
        }
        return name
    }
}

extension PayloadWriter {
    /// Writes the names of a frame, each cut to its limit.
    mutating func strings(of table: StringTable) throws(WireError) {
        try count(
            table.strings.count, "stringCount", in: 0...WireLimits.maximumStringsPerFrame)
        for string in table.strings { label(string, atMost: WireLimits.maximumStringBytes) }
    }
}
