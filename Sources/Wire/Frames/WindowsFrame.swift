public import MemoryModel

/// WINDOWS (0x15): the most that runs held within one minute or hour.
public struct WindowsFrame: Hashable, Sendable {
    /// A minute, or an hour where the agent had no room for minutes; never a day.
    public var length: WindowLength
    /// Where the window begins, in milliseconds of boot time; below zero if the boot was later.
    public var startsAtMilliseconds: Int64
    /// The runs, strictly ascending by slot; at least one.
    public var entries: [Entry]

    /// Takes the fields as they are.
    public init(length: WindowLength, startsAtMilliseconds: Int64, entries: [Entry]) {
        self.length = length
        self.startsAtMilliseconds = startsAtMilliseconds
        self.entries = entries
    }
}

extension WindowsFrame {
    /// The window of one run.
    public struct Entry: Hashable, Sendable {
        /// The slot of the run.
        public var slot: UInt32
        /// What it held.
        public var window: Window

        /// Takes the fields as they are.
        public init(slot: UInt32, window: Window) {
            self.slot = slot
            self.window = window
        }
    }
}

// MARK: - Payload

extension WindowsFrame {
    private static let counts = 1...WireLimits.maximumSlots
    private static let smallestWindowBytes = 3

    init(payload reader: inout PayloadReader) throws(WireError) {
        let length = try WindowLength(payload: &reader)
        let start = try reader.windowStart("start", length)
        let count = try reader.count(
            "count", in: WindowsFrame.counts, smallestBytes: WindowsFrame.smallestWindowBytes)
        var entries: [Entry] = []
        entries.reserveCapacity(count)
        var lowest: UInt32 = 0
        for _ in 0..<count {
            let slot = try reader.slot("slot", lowest: lowest)
            lowest = slot + 1
            entries.append(Entry(slot: slot, window: Window(atLeastBytes: 0, atMostBytes: nil)))
        }
        for index in 0..<count {
            entries[index].window = Window(
                atLeastBytes: try reader.kibibytes("atLeastKiB"), atMostBytes: nil)
        }
        for index in 0..<count {
            let atLeast = entries[index].window.atLeastBytes
            let room = Kibibytes.maximum - atLeast >> 10
            guard let above = try reader.opt("aboveKiB", atMost: room) else { continue }
            entries[index].window = Window(
                atLeastBytes: atLeast, atMostBytes: atLeast + above << 10)
        }
        self.init(length: length, startsAtMilliseconds: start, entries: entries)
    }

    func encodePayload(to writer: inout PayloadWriter) throws(WireError) {
        try writer.windowLength(length)
        try writer.windowStart(startsAtMilliseconds, "start", length)
        try writer.count(entries.count, "count", in: WindowsFrame.counts)
        var lowest: UInt32 = 0
        for entry in entries { lowest = try writer.slot(entry.slot, lowest: lowest) }
        for entry in entries { writer.kibibytes(entry.window.atLeastBytes) }
        for entry in entries {
            let atLeast = Kibibytes.covering(bytes: entry.window.atLeastBytes)
            let above = entry.window.atMostBytes.map { Kibibytes.covering(bytes: $0) - atLeast }
            try writer.opt(above, "aboveKiB", atMost: Kibibytes.maximum - atLeast)
        }
    }
}

// Elements that WINDOWS and COVERED have in common.
extension WindowLength {
    init(payload reader: inout PayloadReader) throws(WireError) {
        let start = reader.position
        let number = try reader.byte("length")
        guard let length = WindowLength(rawValue: number), length < .day else {
            throw reader.failure("length", at: start, "\(number) is no length")
        }
        self = length
    }
}

extension PayloadReader {
    /// Takes where a window begins that ends after boot time 0.
    mutating func windowStart(
        _ field: StaticString, _ length: WindowLength
    ) throws(WireError) -> Int64 {
        let start = position
        let value = try int(field)
        guard WindowsFrame.starts(length).contains(value) else {
            throw failure(field, at: start, "\(value) ms is no beginning")
        }
        return value
    }
}

extension PayloadWriter {
    /// Writes how long windows are.
    mutating func windowLength(_ length: WindowLength) throws(WireError) {
        guard length < .day else { throw PayloadWriter.failure("length", "a day") }
        byte(length.rawValue)
    }

    /// Writes where a window begins that ends after boot time 0.
    mutating func windowStart(
        _ value: Int64, _ field: StaticString, _ length: WindowLength
    ) throws(WireError) {
        guard WindowsFrame.starts(length).contains(value) else {
            throw PayloadWriter.failure(field, "\(value) ms is no beginning")
        }
        int(value)
    }
}

extension WindowsFrame {
    /// Where windows may begin: so that they end after boot time 0, and at a time.
    static func starts(_ length: WindowLength) -> ClosedRange<Int64> {
        (1 - length.milliseconds)...(.max - length.milliseconds)
    }
}
