import Glibc

/// The present, for times that a user gives relative to it.
enum Clock {
    /// Milliseconds since the epoch in UTC.
    static func nowMilliseconds() -> Int64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1_000 + Int64(now.tv_nsec) / 1_000_000
    }
}
