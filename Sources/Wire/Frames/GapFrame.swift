public import MemoryModel

/// GAP (0x1E): what was missed, and when.
public struct GapFrame: Hashable, Sendable {
    /// The gaps, strictly ascending by ordinal; at least one.
    ///
    /// Their brackets are boot time and never nil.
    public var gaps: [Gap]

    /// Takes the fields as they are.
    public init(gaps: [Gap]) {
        self.gaps = gaps
    }
}

// MARK: - Payload

extension GapFrame {
    private static let counts = 1...WireLimits.maximumGapsPerFrame
    private static let smallestGapBytes = 5

    init(payload reader: inout PayloadReader) throws(WireError) {
        let baseTime = try reader.time("baseTime")
        let count = try reader.count(
            "count", in: GapFrame.counts, smallestBytes: GapFrame.smallestGapBytes)
        var gaps: [Gap] = []
        gaps.reserveCapacity(count)
        for _ in 0..<count {
            let ordinal = try reader.ordinal(after: gaps.last?.ordinal)
            gaps.append(Gap(ordinal: ordinal, reason: .dropped, bracket: nil, missedCount: nil))
        }
        for index in gaps.indices { gaps[index].reason = try GapReason(payload: &reader) }
        let ends = try reader.bracketEnds(count: count, before: baseTime)
        for index in gaps.indices {
            gaps[index].bracket = try reader.bracket(endingAt: ends[index])
        }
        for index in gaps.indices { gaps[index].missedCount = try reader.opt("missedCount") }
        self.init(gaps: gaps)
    }

    func encodePayload(to writer: inout PayloadWriter) throws(WireError) {
        let brackets = gaps.compactMap(\.bracket)
        guard brackets.count == gaps.count else {
            throw PayloadWriter.failure("age", "a gap has no bracket")
        }
        let baseTime = try PayloadWriter.baseTime(of: brackets)
        writer.uint(UInt64(baseTime))
        try writer.count(gaps.count, "count", in: GapFrame.counts)
        var last: UInt64?
        for gap in gaps {
            try writer.ordinal(gap.ordinal, after: last)
            last = gap.ordinal
        }
        for gap in gaps { writer.byte(gap.reason.rawValue) }
        writer.column(ages: brackets, before: baseTime)
        writer.column(widths: brackets)
        for gap in gaps { try writer.opt(gap.missedCount, "missedCount") }
    }
}

extension GapReason {
    fileprivate init(payload reader: inout PayloadReader) throws(WireError) {
        let start = reader.position
        let number = try reader.byte("reason")
        guard let reason = GapReason(rawValue: number) else {
            throw reader.failure("reason", at: start, "\(number) is no reason")
        }
        self = reason
    }
}
