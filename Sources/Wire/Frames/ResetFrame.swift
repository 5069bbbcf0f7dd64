public import MemoryModel

/// RESET (0x08): peaks of these stretches of time were purged and are to be forgotten.
public struct ResetFrame: Hashable, Sendable {
    /// The stretches, in boot time; at least one, at most `WireLimits.maximumResetsPerFrame`.
    ///
    /// A peak is to be forgotten if its bracket overlaps one of them.
    public var stretches: [TimeBracket]

    /// Takes the fields as they are.
    public init(stretches: [TimeBracket]) {
        self.stretches = stretches
    }
}

// MARK: - Payload

extension ResetFrame {
    private static let counts = 1...WireLimits.maximumResetsPerFrame
    private static let smallestStretchBytes = 2

    init(payload reader: inout PayloadReader) throws(WireError) {
        let count = try reader.count(
            "count", in: ResetFrame.counts, smallestBytes: ResetFrame.smallestStretchBytes)
        var beginnings: [Int64] = []
        beginnings.reserveCapacity(count)
        for _ in 0..<count { beginnings.append(try reader.time("since")) }
        var stretches: [TimeBracket] = []
        stretches.reserveCapacity(count)
        for since in beginnings {
            let length = Int64(try reader.uint("length", in: 0...UInt64(Int64.max - since)))
            stretches.append(
                TimeBracket(notBeforeMilliseconds: since, notAfterMilliseconds: since + length))
        }
        self.init(stretches: stretches)
    }

    func encodePayload(to writer: inout PayloadWriter) throws(WireError) {
        try writer.count(stretches.count, "count", in: ResetFrame.counts)
        for stretch in stretches { try writer.time(stretch.notBeforeMilliseconds, "since") }
        for stretch in stretches {
            writer.uint(
                UInt64(stretch.notAfterMilliseconds - stretch.notBeforeMilliseconds))
        }
    }
}
