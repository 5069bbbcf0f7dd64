/// Page faults of a process; two copies become one by the greater of each.
public struct FaultCounts: Hashable, Sendable {
    /// Faults that needed no disk.
    public var minor: UInt64
    /// Faults that waited for a disk.
    public var major: UInt64

    /// Takes both counts as they are.
    public init(minor: UInt64, major: UInt64) {
        self.minor = minor
        self.major = major
    }

    /// The greater of each.
    public func merged(with other: FaultCounts) -> FaultCounts {
        FaultCounts(minor: max(minor, other.minor), major: max(major, other.major))
    }
}
