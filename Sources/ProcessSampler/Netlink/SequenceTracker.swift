/// Counts lost exit records by the gaps in the numbers that the kernel gave them.
///
/// The kernel numbers the records of each processor (32 bits, which wrap). A thread that is moved
/// to another processor between two steps of the kernel can bring its number there: such a stray
/// one is far from what is due, and is no loss where it is missing.
struct SequenceTracker {
    /// The longest gap that is believed of a socket whose buffer was not full.
    private static let plausibleGap: UInt32 = 256
    /// Stray numbers that are remembered at most.
    private static let maximumStrays = 64

    /// What became of one number.
    enum Step: Equatable {
        /// It was due, or the first.
        case due
        /// So many before it are missing, from `first` on.
        case gap(first: UInt32, count: UInt32)
        /// It is another processor's.
        case stray
    }

    private var next: UInt32?

    /// Takes the next number of one processor's socket.
    ///
    /// `isOverrun` says that the buffer was full since the last time that it was empty.
    mutating func take(_ number: UInt32, isOverrun: Bool) -> Step {
        guard let due = next else {
            next = number &+ 1
            return .due
        }
        let ahead = number &- due
        if ahead == 0 {
            next = number &+ 1
            return .due
        }
        let limit = isOverrun ? UInt32(Int32.max) : SequenceTracker.plausibleGap
        guard ahead <= limit else { return .stray }
        next = number &+ 1
        return .gap(first: due, count: ahead)
    }
}
