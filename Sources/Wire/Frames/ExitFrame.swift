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
        /// Page faults until the end; nil if not known.
        public var faults: FaultCounts?
        /// What is to be known of it besides.
        public var flags: RunFlags
        /// Its number among the ended runs and folds of its agent's start; nil where it has none.
        public var ordinal: UInt64?

        /// Takes the fields as they are.
        public init(
            slot: UInt32, end: RunEnd, processorMilliseconds: UInt64?,
            faults: FaultCounts? = nil, flags: RunFlags = [], ordinal: UInt64? = nil
        ) {
            self.ordinal = ordinal
            self.slot = slot
            self.end = end
            self.processorMilliseconds = processorMilliseconds
            self.faults = faults
            self.flags = flags
        }
    }
}

// MARK: - Payload

extension ExitFrame {
    private static let counts = 1...WireLimits.maximumSlots
    private static let smallestEntryBytes = 10
    private static let maximumExitCode: UInt64 = 255
    private static let maximumExitSignal: UInt64 = 127

    init(payload reader: inout PayloadReader) throws(WireError) {
        let baseTime = try reader.time("baseTime")
        let count = try reader.count(
            "count", in: ExitFrame.counts, smallestBytes: ExitFrame.smallestEntryBytes)
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
        try ExitFrame.readFigures(into: &entries, payload: &reader)
        self.init(entries: entries)
    }

    private static func readFigures(
        into entries: inout [Entry], payload reader: inout PayloadReader
    ) throws(WireError) {
        for index in entries.indices {
            entries[index].end.exitCode = try reader.opt(
                "exitCode", atMost: ExitFrame.maximumExitCode
            ).map { Int32($0) }
        }
        for index in entries.indices {
            entries[index].end.exitSignal = try reader.opt(
                "exitSignal", atMost: ExitFrame.maximumExitSignal
            ).map { Int32($0) }
        }
        for index in entries.indices {
            entries[index].processorMilliseconds = try reader.opt("processorMilliseconds")
        }
        for index in entries.indices {
            entries[index].faults = try reader.opt("minorFaults").map {
                FaultCounts(minor: $0, major: 0)
            }
        }
        for index in entries.indices where entries[index].faults != nil {
            entries[index].faults?.major = try reader.uint("majorFaults")
        }
        for index in entries.indices { entries[index].flags = try reader.runFlags() }
        for index in entries.indices { entries[index].ordinal = try reader.opt("ordinal") }
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
        for entry in entries { try writer.opt(entry.faults?.minor, "minorFaults") }
        for entry in entries {
            if let faults = entry.faults { writer.uint(faults.major) }
        }
        for entry in entries { writer.uint(UInt64(entry.flags.rawValue)) }
        for entry in entries { try writer.opt(entry.ordinal, "ordinal") }
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
