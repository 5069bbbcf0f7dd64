import Glibc

/// The two clocks of a collector.
package enum WallClock {
    /// Milliseconds since the epoch in UTC.
    package static func nowMilliseconds() -> Int64 { read(CLOCK_REALTIME) }

    /// Milliseconds that only go forward, for deadlines.
    package static func monotonicMilliseconds() -> Int64 { read(CLOCK_MONOTONIC) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var now = timespec()
        clock_gettime(clock, &now)
        return Int64(now.tv_sec) * 1_000 + Int64(now.tv_nsec) / 1_000_000
    }
}
