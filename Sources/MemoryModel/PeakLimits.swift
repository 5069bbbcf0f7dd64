/// Which figures are believed.
///
/// A maximum never heals, so an absurd one must not get in.
public struct PeakLimits: Hashable, Sendable {
    /// The largest figure that is taken, in bytes.
    public let maximumBytes: UInt64
    /// The largest figure that is taken of what a program says of itself, in bytes: the host's
    /// memory, or where that is not known the same.
    public let maximumToldBytes: UInt64

    /// No process figure above this is ever taken: 2^50 bytes, 1 PiB.
    public static let absoluteMaximumBytes: UInt64 = 1 << 50

    /// The limits of a host with this much memory: 64 times as much, at most 2^50 bytes.
    ///
    /// Between the host's memory and that a figure may be true, because a page that is mapped
    /// many times counts many times. Pass 0 where the host's memory is not known.
    public init(memoryTotalBytes: UInt64) {
        let (product, overflow) = memoryTotalBytes.multipliedReportingOverflow(by: 64)
        let unknown = memoryTotalBytes == 0
        maximumBytes =
            unknown || overflow
            ? PeakLimits.absoluteMaximumBytes : min(product, PeakLimits.absoluteMaximumBytes)
        maximumToldBytes = unknown ? maximumBytes : min(memoryTotalBytes, maximumBytes)
    }

    /// Whether `bytes` can be true.
    public func accepts(_ bytes: UInt64) -> Bool { bytes <= maximumBytes }

    /// Whether a program is believed that says it held `bytes`.
    ///
    /// Anyone can say anything, so what may be true of pages that are mapped many times has to be
    /// read of the kernel.
    public func acceptsTold(_ bytes: UInt64) -> Bool { bytes <= maximumToldBytes }
}
