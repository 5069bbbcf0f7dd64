public import MemoryModel

/// PEAKS (0x14): new peaks of runs.
public struct PeaksFrame: Hashable, Sendable {
    /// The runs, strictly ascending by slot; at least one.
    public var entries: [Entry]

    /// Takes the fields as they are.
    public init(entries: [Entry]) {
        self.entries = entries
    }
}

extension PeaksFrame {
    /// The new peaks of one run; at least one of them is there.
    public struct Entry: Hashable, Sendable {
        /// The slot of the run.
        public var slot: UInt32
        /// Its peak with a bracket in boot time; nil if only swap rose.
        ///
        /// The bracket is never nil.
        public var peak: Peak?
        /// The most swap that was seen, in bytes; nil if that did not rise.
        public var swapPeakBytes: UInt64?

        /// Takes the fields as they are.
        public init(slot: UInt32, peak: Peak?, swapPeakBytes: UInt64?) {
            self.slot = slot
            self.peak = peak
            self.swapPeakBytes = swapPeakBytes
        }
    }
}
