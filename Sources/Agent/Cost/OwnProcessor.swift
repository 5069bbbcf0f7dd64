import Glibc

/// What this program itself uses of the processors, and a clock to measure it by.
enum OwnProcessor {
    /// Processor time of all threads since the start, in microseconds.
    static func usedMicroseconds() -> UInt64 { microseconds(CLOCK_PROCESS_CPUTIME_ID) }

    /// A clock that only goes forward, in microseconds.
    static func nowMicroseconds() -> UInt64 { microseconds(CLOCK_MONOTONIC) }

    /// Processor time of the calling thread, in nanoseconds.
    static func threadNanoseconds() -> Int64 {
        var time = timespec()
        guard clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0 else { return 0 }
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    private static func microseconds(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        guard clock_gettime(clock, &time) == 0 else { return 0 }
        return UInt64(time.tv_sec) * 1_000_000 + UInt64(time.tv_nsec) / 1_000
    }
}
