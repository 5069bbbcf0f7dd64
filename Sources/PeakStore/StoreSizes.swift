public import MemoryModel

/// Roughly how much of the disk what takes, in bytes.
public struct StoreSizes: Hashable, Sendable {
    /// Of all hosts together.
    public var whole = Part()
    /// Of each host of which anything is kept.
    public var hosts: [HostID: Part] = [:]
    /// What is free within the file and will be used again.
    public var reusableBytes: UInt64 = 0

    /// Nothing.
    public init() {}

    /// What a host, or all of them, takes.
    public struct Part: Hashable, Sendable {
        /// Minutes that are packed.
        public var minutesBytes: UInt64 = 0
        /// Hours of programs.
        public var hoursBytes: UInt64 = 0
        /// Days of programs.
        public var daysBytes: UInt64 = 0
        /// Everything else, by the number of runs: runs, names, sums, minutes that are not packed.
        public var runsBytes: UInt64 = 0
        /// How many runs there are.
        public var runCount: UInt64 = 0

        /// Nothing.
        public init() {}

        /// All of it.
        public var bytes: UInt64 { minutesBytes + hoursBytes + daysBytes + runsBytes }
    }
}

/// Says roughly how much of the disk what takes.
public protocol StoreMeasuring: Sendable {
    /// The sizes by host; it may take as long as a report, and is worth keeping for some minutes.
    func sizes() throws -> StoreSizes
}
