public import MemoryModel

/// COUNTERS (0x1C): what the agent could not see or did not believe.
public struct CountersFrame: Hashable, Sendable {
    /// Absolute counts since the start of the epoch; numbers this version does not know are passed over.
    public var values: [CounterReason: UInt64]

    /// Takes the fields as they are.
    public init(values: [CounterReason: UInt64]) {
        self.values = values
    }
}
