import CLinux

/// The socket that gets the exit records of one processor.
struct ExitRecordChannel {
    /// The processor.
    let processor: Int
    /// The socket.
    let socket: NetlinkSocket
    /// What number is due.
    var tracker = SequenceTracker()
    /// When it was last found empty.
    var emptyAt: ClockPair
    /// Whether something was left in it.
    var isBacklogged = false
    /// Whether its buffer was full since.
    var isOverrun = false
    /// Whether a record was provoked after that, to see how many are missing.
    var isSounded = false
}

/// One instant on both clocks, in milliseconds.
struct ClockPair: Hashable {
    /// As `BootClock` counts.
    var boot: Int64
    /// By the clock that stops in suspend.
    var monotonic: Int64

    /// The present.
    static func now() -> ClockPair {
        ClockPair(
            boot: clinux_boot_nanoseconds() / 1_000_000,
            monotonic: clinux_monotonic_nanoseconds() / 1_000_000)
    }
}

/// Numbers that are missing on one processor's socket.
struct RecordGap: Hashable {
    /// The first.
    var first: UInt32
    /// How many follow each other.
    var length: UInt32
    /// How many of them came by other sockets.
    var found: UInt32 = 0
    /// When they were written at the earliest.
    var after: Int64
    /// When they were written at the latest.
    var before: Int64

    /// Whether a number is among them.
    func contains(_ number: UInt32) -> Bool { number &- first < length }
}
