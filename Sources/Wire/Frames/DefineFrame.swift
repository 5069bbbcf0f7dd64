public import MemoryModel

/// DEFINE (0x11): which runs there are, each with a slot.
public struct DefineFrame: Hashable, Sendable {
    /// The runs, strictly ascending by slot.
    public var runs: [Definition]

    /// Takes the fields as they are.
    public init(runs: [Definition]) {
        self.runs = runs
    }
}

extension DefineFrame {
    /// One run and the slot that stands for it within the session.
    public struct Definition: Hashable, Sendable {
        /// The slot.
        public var slot: UInt32
        /// Which run.
        public var key: ProcessKey
        /// What it runs and for whom; times are boot time, memory is whole KiB.
        public var description: RunDescription

        /// Takes the fields as they are.
        public init(slot: UInt32, key: ProcessKey, description: RunDescription) {
            self.slot = slot
            self.key = key
            self.description = description
        }
    }
}
