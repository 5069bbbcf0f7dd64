/// SAMPLES (0x13): what changed at one or more ticks.
public struct SamplesFrame: Hashable, Sendable {
    /// 1 to 60 ticks, strictly ascending by time.
    public var ticks: [Tick]

    /// Takes the fields as they are.
    public init(ticks: [Tick]) {
        self.ticks = ticks
    }
}

extension SamplesFrame {
    /// What changed at one look at all processes.
    public struct Tick: Hashable, Sendable {
        /// When, in milliseconds of boot time.
        public var atMilliseconds: Int64
        /// `MemAvailable` in bytes; nil where the kernel does not say.
        public var availableBytes: UInt64?
        /// The runs that changed, strictly ascending by slot.
        public var samples: [Sample]

        /// Takes the fields as they are.
        public init(atMilliseconds: Int64, availableBytes: UInt64?, samples: [Sample]) {
            self.atMilliseconds = atMilliseconds
            self.availableBytes = availableBytes
            self.samples = samples
        }
    }

    /// What changed of one run; at least one field says something.
    public struct Sample: Hashable, Sendable {
        /// The slot of the run.
        public var slot: UInt32
        /// Resident memory in bytes.
        public var resident: Change
        /// Memory in swap in bytes.
        public var swap: Change
        /// Processor time in milliseconds; nil if it did not change.
        public var processorMilliseconds: UInt64?

        /// Takes the fields as they are.
        public init(
            slot: UInt32, resident: Change, swap: Change, processorMilliseconds: UInt64?
        ) {
            self.slot = slot
            self.resident = resident
            self.swap = swap
            self.processorMilliseconds = processorMilliseconds
        }
    }

    /// How a figure changed since it was last sent.
    public enum Change: Hashable, Sendable {
        /// It is as it was.
        case unchanged
        /// It can no longer be read.
        case unreadable
        /// It is this many bytes, a whole number of KiB.
        case bytes(UInt64)
    }
}
