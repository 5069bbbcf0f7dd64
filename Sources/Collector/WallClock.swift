import CLinux

/// The two clocks of a collector.
package enum WallClock {
    /// Milliseconds since the epoch in UTC.
    package static func nowMilliseconds() -> Int64 { clinux_wall_nanoseconds() / 1_000_000 }

    /// Milliseconds that only go forward, for deadlines.
    package static func monotonicMilliseconds() -> Int64 {
        clinux_boot_nanoseconds() / 1_000_000
    }
}
