public import MemoryModel

/// COVERED (0x16): minutes or hours that the agent watched throughout.
///
/// A run that lived in such a window and has none of its own was as in the one before.
public struct CoveredFrame: Hashable, Sendable {
    /// Minutes, or hours where the agent had no room for minutes; never days.
    public var length: WindowLength
    /// The windows, strictly ascending by their beginnings; at least one.
    public var entries: [Entry]

    /// Takes the fields as they are.
    public init(length: WindowLength, entries: [Entry]) {
        self.length = length
        self.entries = entries
    }
}

extension CoveredFrame {
    /// One window that was watched.
    public struct Entry: Hashable, Sendable {
        /// Where it begins, in milliseconds of boot time; below zero if the boot was later.
        public var startsAtMilliseconds: Int64
        /// How many runs lived at its end.
        public var liveCount: UInt64

        /// Takes the fields as they are.
        public init(startsAtMilliseconds: Int64, liveCount: UInt64) {
            self.startsAtMilliseconds = startsAtMilliseconds
            self.liveCount = liveCount
        }
    }
}

// MARK: - Payload

extension CoveredFrame {
    private static let counts = 1...WireLimits.maximumCoveredPerFrame
    private static let smallestEntryBytes = 2

    init(payload reader: inout PayloadReader) throws(WireError) {
        let length = try WindowLength(payload: &reader)
        let count = try reader.count(
            "count", in: CoveredFrame.counts, smallestBytes: CoveredFrame.smallestEntryBytes)
        var entries: [Entry] = []
        entries.reserveCapacity(count)
        for _ in 0..<count {
            let start =
                if let last = entries.last?.startsAtMilliseconds {
                    try reader.windowStart(after: last, length)
                } else {
                    try reader.windowStart("start", length)
                }
            entries.append(Entry(startsAtMilliseconds: start, liveCount: 0))
        }
        for index in 0..<count { entries[index].liveCount = try reader.uint("liveCount") }
        self.init(length: length, entries: entries)
    }

    func encodePayload(to writer: inout PayloadWriter) throws(WireError) {
        try writer.windowLength(length)
        try writer.count(entries.count, "count", in: CoveredFrame.counts)
        var last: Int64?
        for entry in entries {
            try writer.windowStart(entry.startsAtMilliseconds, "start", length, after: last)
            last = entry.startsAtMilliseconds
        }
        for entry in entries { writer.uint(entry.liveCount) }
    }
}

extension PayloadReader {
    /// Takes the difference to the beginning before, minus the length: 0 where one follows the
    /// other and the clock was not corrected.
    fileprivate mutating func windowStart(
        after last: Int64, _ length: WindowLength
    ) throws(WireError) -> Int64 {
        let start = position
        let step = try int("start")
        let (near, isNear) = last.addingReportingOverflow(length.milliseconds)
        let (value, isFar) = near.addingReportingOverflow(step)
        guard !isNear, !isFar, value > last, WindowsFrame.starts(length).contains(value) else {
            throw failure("start", at: start, "\(step) ms beside the next window is no beginning")
        }
        return value
    }
}

extension PayloadWriter {
    fileprivate mutating func windowStart(
        _ value: Int64, _ field: StaticString, _ length: WindowLength, after last: Int64?
    ) throws(WireError) {
        guard let last else { return try windowStart(value, field, length) }
        guard value > last, WindowsFrame.starts(length).contains(value) else {
            throw PayloadWriter.failure(field, "\(value) ms is no beginning after \(last)")
        }
        int(value - last - length.milliseconds)
    }
}
