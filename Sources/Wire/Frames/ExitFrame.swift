public import MemoryModel

/// EXIT (0x17): runs that are over; their slots are free after it.
public struct ExitFrame: Hashable, Sendable {
    /// The runs, strictly ascending by slot; at least one.
    public var entries: [Entry]

    /// Takes the fields as they are.
    public init(entries: [Entry]) {
        self.entries = entries
    }
}

extension ExitFrame {
    /// The end of one run.
    public struct Entry: Hashable, Sendable {
        /// The slot of the run.
        public var slot: UInt32
        /// How and when it ended, in boot time.
        ///
        /// The bracket is never nil.
        public var end: RunEnd
        /// Processor time at the end in milliseconds; nil if not known.
        public var processorMilliseconds: UInt64?

        /// Takes the fields as they are.
        public init(slot: UInt32, end: RunEnd, processorMilliseconds: UInt64?) {
            self.slot = slot
            self.end = end
            self.processorMilliseconds = processorMilliseconds
        }
    }
}

// MARK: - Payload

extension ExitFrame {
    private static let counts = 1...WireLimits.maximumSlots
    private static let maximumExitCode: UInt64 = 255
    private static let maximumExitSignal: UInt64 = 127

    init(payload reader: inout PayloadReader) throws(WireError) {
        let baseTime = try reader.time("baseTime")
        let count = try reader.count("count", in: ExitFrame.counts, smallestBytes: 7)
        var entries: [Entry] = []
        entries.reserveCapacity(count)
        var lowest: UInt32 = 0
        for _ in 0..<count {
            let slot = try reader.slot("slot", lowest: lowest)
            lowest = slot + 1
            entries.append(
                Entry(
                    slot: slot, end: RunEnd(bracket: nil, reason: .exited),
                    processorMilliseconds: nil))
        }
        for index in 0..<count { entries[index].end.reason = try RunEndReason(payload: &reader) }
        let ends = try reader.bracketEnds(count: count, before: baseTime)
        for index in 0..<count {
            entries[index].end.bracket = try reader.bracket(endingAt: ends[index])
        }
        for index in 0..<count {
            entries[index].end.exitCode = try reader.opt(
                "exitCode", atMost: ExitFrame.maximumExitCode
            ).map { Int32($0) }
        }
        for index in 0..<count {
            entries[index].end.exitSignal = try reader.opt(
                "exitSignal", atMost: ExitFrame.maximumExitSignal
            ).map { Int32($0) }
        }
        for index in 0..<count {
            entries[index].processorMilliseconds = try reader.opt("processorMilliseconds")
        }
        self.init(entries: entries)
    }

    func encodePayload(to writer: inout PayloadWriter) throws(WireError) {
        let brackets = entries.compactMap(\.end.bracket)
        guard brackets.count == entries.count else {
            throw PayloadWriter.failure("age", "an end has no bracket")
        }
        let baseTime = try PayloadWriter.baseTime(of: brackets)
        writer.uint(UInt64(baseTime))
        try writer.count(entries.count, "count", in: ExitFrame.counts)
        var lowest: UInt32 = 0
        for entry in entries { lowest = try writer.slot(entry.slot, lowest: lowest) }
        for entry in entries { writer.byte(entry.end.reason.rawValue) }
        writer.column(ages: brackets, before: baseTime)
        writer.column(widths: brackets)
        for entry in entries {
            try writer.opt(
                signed: entry.end.exitCode, "exitCode", atMost: ExitFrame.maximumExitCode)
        }
        for entry in entries {
            try writer.opt(
                signed: entry.end.exitSignal, "exitSignal", atMost: ExitFrame.maximumExitSignal)
        }
        for entry in entries {
            try writer.opt(entry.processorMilliseconds, "processorMilliseconds")
        }
    }
}

extension RunEndReason {
    fileprivate init(payload reader: inout PayloadReader) throws(WireError) {
        let start = reader.position
        let number = try reader.byte("reason")
        guard let reason = RunEndReason(rawValue: number) else {
            throw reader.failure("reason", at: start, "\(number) is no reason")
        }
        self = reason
    }
}
