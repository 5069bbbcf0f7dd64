/// What is to be known of a run beside its figures; two copies become one by *or*.
///
/// The bits are those of the wire and of the store and are never used again for anything else.
public struct RunFlags: OptionSet, Hashable, Sendable {
    /// The bits, as they travel on the wire.
    public let rawValue: UInt32

    /// Takes the bits as they are.
    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// The kernel's record of the exit confirms that nothing greater than the peak was missed.
    public static let peakIsFinal = RunFlags(rawValue: 1 << 0)
    /// The start in its key was reckoned from the record of the exit, to a clock tick or two.
    public static let startIsEstimated = RunFlags(rawValue: 1 << 1)
    /// It was first seen at its exit: only what the kernel's record says of it is known.
    public static let firstSeenAtExit = RunFlags(rawValue: 1 << 2)
    /// The kernel killed it for want of memory.
    public static let killedForMemory = RunFlags(rawValue: 1 << 3)
    /// The kernel's mark fell while it lived; the greatest one was kept.
    public static let markFell = RunFlags(rawValue: 1 << 4)
    /// The program says that it reset the kernel's mark, and told of the greatest before by
    /// datagrams: what it told is believed, and its peak may be more.
    public static let markReset = RunFlags(rawValue: 1 << 5)

    /// Every flag that this version knows.
    public static let known: RunFlags = [
        .peakIsFinal, .startIsEstimated, .firstSeenAtExit, .killedForMemory, .markFell,
        .markReset,
    ]

    /// Whether the kernel's record of the exit confirms the peak.
    ///
    /// It cannot where the mark was reset: what was greater before is known from datagrams, and
    /// the last of these may have been lost.
    public var isPeakConfirmed: Bool { contains(.peakIsFinal) && !contains(.markReset) }
}
