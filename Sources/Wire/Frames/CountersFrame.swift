public import MemoryModel

/// COUNTERS (0x1C): what the agent could not see or did not believe.
public struct CountersFrame: Hashable, Sendable {
    /// Absolute counts since the start of the epoch; numbers that this version does not know are
    /// passed over.
    public var values: [CounterReason: UInt64]

    /// Takes the fields as they are.
    public init(values: [CounterReason: UInt64]) {
        self.values = values
    }
}

extension CountersFrame {
    private static let counts = 1...WireLimits.maximumCountersPerFrame
    private static let reasonLimit: UInt32 = 65_536

    init(payload reader: inout PayloadReader) throws(WireError) {
        let count = try reader.count("count", in: CountersFrame.counts, smallestBytes: 2)
        var reasons: [CounterReason?] = []
        reasons.reserveCapacity(count)
        var lowest: UInt32 = 0
        for _ in 0..<count {
            let reason = try reader.slot(
                "reason", lowest: lowest, below: CountersFrame.reasonLimit)
            lowest = reason + 1
            reasons.append(CounterReason(rawValue: UInt16(reason)))
        }
        var values: [CounterReason: UInt64] = [:]
        for reason in reasons {
            let value = try reader.uint("value")
            if let reason { values[reason] = value }
        }
        self.init(values: values)
    }

    func encodePayload(to writer: inout PayloadWriter) throws(WireError) {
        try writer.count(values.count, "count", in: CountersFrame.counts)
        let ascending = values.sorted { $0.key.rawValue < $1.key.rawValue }
        var lowest: UInt32 = 0
        for (reason, _) in ascending {
            lowest = try writer.slot(
                UInt32(reason.rawValue), lowest: lowest, "reason",
                below: CountersFrame.reasonLimit)
        }
        for (_, value) in ascending { writer.uint(value) }
    }
}
