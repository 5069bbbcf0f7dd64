public import MemoryModel

/// HEALTH (0x1D): what the agent itself uses, and how it learns of its host.
public struct HealthFrame: Hashable, Sendable {
    /// What the agent says of itself; times are boot time, memory is whole KiB.
    public var health: AgentHealth

    /// Takes the fields as they are.
    public init(health: AgentHealth) {
        self.health = health
    }
}

// MARK: - Payload

extension HealthFrame {
    private static let intervals: ClosedRange<UInt64> = 0...UInt64(UInt32.max)
    private static let knownSources: AgentSources = [
        .exitRecords, .processEvents, .batchedMarks, .kernelLog, .cgroupVersion1, .cgroupVersion2,
    ]

    init(payload reader: inout PayloadReader) throws(WireError) {
        var health = AgentHealth(
            atMilliseconds: try reader.time("at"),
            startedAtMilliseconds: try reader.time("startedAt"))
        health.processorMilliseconds = try reader.uint("processorMilliseconds")
        health.residentBytes = try reader.optKibibytes("residentKiB")
        health.anonymousBytes = try reader.optKibibytes("anonymousKiB")
        health.peakBytes = try reader.optKibibytes("peakKiB")
        health.askedIntervalMilliseconds = UInt32(
            try reader.uint("askedIntervalMilliseconds", in: HealthFrame.intervals))
        health.intervalMilliseconds = UInt32(
            try reader.uint("intervalMilliseconds", in: HealthFrame.intervals))
        health.lookMicroseconds = try reader.uint("lookMicroseconds")
        health.longestLookMicroseconds = try reader.uint("longestLookMicroseconds")
        health.runCount = try reader.uint("runCount")
        health.sources = AgentSources(
            rawValue: UInt32(truncatingIfNeeded: try reader.uint("sources"))
        ).intersection(HealthFrame.knownSources)
        self.init(health: health)
    }

    func encodePayload(to writer: inout PayloadWriter) throws(WireError) {
        try writer.time(health.atMilliseconds, "at")
        try writer.time(health.startedAtMilliseconds, "startedAt")
        writer.uint(health.processorMilliseconds)
        writer.optKibibytes(health.residentBytes)
        writer.optKibibytes(health.anonymousBytes)
        writer.optKibibytes(health.peakBytes)
        writer.uint(UInt64(health.askedIntervalMilliseconds))
        writer.uint(UInt64(health.intervalMilliseconds))
        writer.uint(health.lookMicroseconds)
        writer.uint(health.longestLookMicroseconds)
        writer.uint(health.runCount)
        writer.uint(UInt64(health.sources.rawValue))
    }
}
