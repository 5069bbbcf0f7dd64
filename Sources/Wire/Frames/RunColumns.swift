import MemoryModel

// Elements of runs that several frames carry.
extension PayloadReader {
    /// The process ids that there are: 1 to 2^31 - 1.
    static var pids: ClosedRange<UInt64> { 1...UInt64(Int32.max) }

    /// Takes flags of a run; those that this version does not know are passed over.
    mutating func runFlags() throws(WireError) -> RunFlags {
        RunFlags(rawValue: UInt32(truncatingIfNeeded: try uint("flags"))).intersection(.known)
    }

    /// Takes the image number of a run.
    mutating func image() throws(WireError) -> UInt32 {
        UInt32(try uint("image", in: 0...UInt64(UInt32.max)))
    }
}
