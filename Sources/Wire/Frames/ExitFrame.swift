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
