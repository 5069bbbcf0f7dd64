import CLinux

/// The clock that counts from boot on and does not stop in suspend (`CLOCK_BOOTTIME`).
public enum BootClock {
    /// Milliseconds since boot.
    public static func nowMilliseconds() -> Int64 {
        clinux_boot_nanoseconds() / 1_000_000
    }

    /// Microseconds since boot.
    static func nowMicroseconds() -> Int64 {
        clinux_boot_nanoseconds() / 1_000
    }

    /// How long the host was suspended since boot, in milliseconds: this clock minus the one that
    /// stops in suspend.
    static func suspendedMilliseconds() -> Int64 {
        let monotonic = clinux_monotonic_nanoseconds()
        return max(0, clinux_boot_nanoseconds() - monotonic) / 1_000_000
    }

    /// The wall clock (UTC since 1970) minus this clock, in milliseconds.
    ///
    /// It changes when the wall clock is set, never by suspend.
    public static func wallMinusBootMilliseconds() -> Int64 {
        let before = clinux_boot_nanoseconds()
        let wall = clinux_wall_nanoseconds()
        let after = clinux_boot_nanoseconds()
        return (wall - (before + (after - before) / 2)) / 1_000_000
    }
}
