import CLinux

/// One instant on both clocks of a collector.
package struct Moment: Hashable, Sendable {
    /// Milliseconds since the epoch in UTC, which somebody may set back and forth.
    package var utcMilliseconds: Int64
    /// Milliseconds that only go forward, for deadlines.
    package var monotonicMilliseconds: Int64

    package init(utcMilliseconds: Int64, monotonicMilliseconds: Int64) {
        self.utcMilliseconds = utcMilliseconds
        self.monotonicMilliseconds = monotonicMilliseconds
    }
}

/// The two clocks of a collector.
package enum WallClock {
    /// Milliseconds since the epoch in UTC.
    package static func nowMilliseconds() -> Int64 { clinux_wall_nanoseconds() / 1_000_000 }

    /// Milliseconds that only go forward, for deadlines.
    ///
    /// They stand still while the machine is suspended: nobody could say anything meanwhile, so
    /// that no session is overdue because of it.
    package static func monotonicMilliseconds() -> Int64 {
        clinux_monotonic_nanoseconds() / 1_000_000
    }

    /// Now, on both.
    package static func now() -> Moment {
        Moment(
            utcMilliseconds: nowMilliseconds(), monotonicMilliseconds: monotonicMilliseconds())
    }
}
