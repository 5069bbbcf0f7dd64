public import MemoryModel

/// PEAKS (0x14): new peaks of runs.
public struct PeaksFrame: Hashable, Sendable {
    /// The runs, strictly ascending by slot; at least one.
    public var entries: [Entry]

    /// Takes the fields as they are.
    public init(entries: [Entry]) {
        self.entries = entries
    }
}

extension PeaksFrame {
    /// The new peaks of one run; at least one of them is there.
    public struct Entry: Hashable, Sendable {
        /// The slot of the run.
        public var slot: UInt32
        /// Its peak with a bracket in boot time; nil if only swap rose.
        ///
        /// The bracket is never nil.
        public var peak: Peak?
        /// The most swap that was seen, in bytes; nil if that did not rise.
        public var swapPeakBytes: UInt64?

        /// Takes the fields as they are.
        public init(slot: UInt32, peak: Peak?, swapPeakBytes: UInt64?) {
            self.slot = slot
            self.peak = peak
            self.swapPeakBytes = swapPeakBytes
        }
    }
}

// MARK: - Payload

/// Which peaks of a run are there.
private enum PeakMask {
    static let resident: UInt8 = 1 << 0
    static let swap: UInt8 = 1 << 1
    static let all: UInt8 = 0b11
}

extension PeaksFrame {
    private static let counts = 1...WireLimits.maximumSlots

    init(payload reader: inout PayloadReader) throws(WireError) {
        let baseTime = try reader.time("baseTime")
        let count = try reader.count("count", in: PeaksFrame.counts, smallestBytes: 3)
        var entries: [Entry] = []
        entries.reserveCapacity(count)
        var lowest: UInt32 = 0
        for _ in 0..<count {
            let slot = try reader.slot("slot", lowest: lowest)
            lowest = slot + 1
            entries.append(Entry(slot: slot, peak: nil, swapPeakBytes: nil))
        }
        let masks = try reader.masks("mask", count: count, allowed: PeakMask.all)
        let raised = (0..<count).filter { masks[$0] & PeakMask.resident != 0 }
        for index in raised {
            entries[index].peak = Peak(
                bytes: try reader.kibibytes("residentKiB"), bracket: nil, source: .sampled)
        }
        for index in raised {
            entries[index].peak?.source = try PeakSource(payload: &reader)
        }
        let ends = try reader.bracketEnds(count: raised.count, before: baseTime)
        for (index, end) in zip(raised, ends) {
            entries[index].peak?.bracket = try reader.bracket(endingAt: end)
        }
        for index in 0..<count where masks[index] & PeakMask.swap != 0 {
            entries[index].swapPeakBytes = try reader.kibibytes("swapKiB")
        }
        self.init(entries: entries)
    }

    func encodePayload(to writer: inout PayloadWriter) throws(WireError) {
        let peaks = entries.compactMap(\.peak)
        let brackets = peaks.compactMap(\.bracket)
        guard brackets.count == peaks.count else {
            throw PayloadWriter.failure("age", "a peak has no bracket")
        }
        let baseTime = try PayloadWriter.baseTime(of: brackets)
        writer.uint(UInt64(baseTime))
        try writer.count(entries.count, "count", in: PeaksFrame.counts)
        var lowest: UInt32 = 0
        for entry in entries { lowest = try writer.slot(entry.slot, lowest: lowest) }
        for entry in entries {
            guard entry.mask != 0 else {
                throw PayloadWriter.failure("mask", "an entry has no peak")
            }
            writer.byte(entry.mask)
        }
        for peak in peaks { writer.kibibytes(peak.bytes) }
        for peak in peaks { writer.byte(peak.source.rawValue) }
        writer.column(ages: brackets, before: baseTime)
        writer.column(widths: brackets)
        for entry in entries {
            if let bytes = entry.swapPeakBytes { writer.kibibytes(bytes) }
        }
    }
}

extension PeaksFrame.Entry {
    fileprivate var mask: UInt8 {
        (peak == nil ? 0 : PeakMask.resident) | (swapPeakBytes == nil ? 0 : PeakMask.swap)
    }
}

extension PeakSource {
    fileprivate init(payload reader: inout PayloadReader) throws(WireError) {
        let start = reader.position
        let number = try reader.byte("source")
        guard let source = PeakSource(rawValue: number) else {
            throw reader.failure("source", at: start, "\(number) is no source")
        }
        self = source
    }
}
