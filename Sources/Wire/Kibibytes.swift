/// Memory as the kernel counts it and frames carry it: in units of 1,024 bytes.
enum Kibibytes {
    /// The largest number of KiB whose bytes fit 64 bits.
    static let maximum: UInt64 = (1 << 54) - 1

    /// The number of KiB that hold `bytes`, rounded up so that a peak is never understated.
    ///
    /// More than `maximum` is cut to that; it is far beyond any figure that is believed.
    @inline(__always)
    static func covering(bytes: UInt64) -> UInt64 {
        min(bytes >> 10 + (bytes & 1023 == 0 ? 0 : 1), maximum)
    }
}
