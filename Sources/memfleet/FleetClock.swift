import Glibc

/// The clocks that simulated hosts share with the machine they run on.
enum FleetClock {
    /// Milliseconds since boot (`CLOCK_BOOTTIME`).
    static func bootMilliseconds() -> Int64 { nanoseconds(CLOCK_BOOTTIME) / 1_000_000 }

    /// Microseconds since boot, for measuring.
    static func bootMicroseconds() -> Int64 { nanoseconds(CLOCK_BOOTTIME) / 1_000 }

    /// The wall clock minus the one that counts from boot, in milliseconds.
    static func wallMinusBootMilliseconds() -> Int64 {
        (nanoseconds(CLOCK_REALTIME) - nanoseconds(CLOCK_BOOTTIME)) / 1_000_000
    }

    /// Processor time that this process used so far, in milliseconds.
    static func processorMilliseconds() -> Int64 {
        nanoseconds(CLOCK_PROCESS_CPUTIME_ID) / 1_000_000
    }

    private static func nanoseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
