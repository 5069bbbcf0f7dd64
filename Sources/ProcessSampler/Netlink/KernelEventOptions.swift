/// How much the kernel's own events may take.
public struct KernelEventOptions: Hashable, Sendable {
    /// The receive buffer of each socket in bytes; there is one for each processor, and one more.
    ///
    /// The kernel takes the memory only while events wait.
    public var receiveBytes = 4 << 20
    /// How long the listener waits after the first exit record, so that many cost one wake-up.
    public var gatherMilliseconds: Int32 = 20
    /// Executed programs whose names are read a second.
    public var namesPerSecond = 1_000
    /// Executed programs whose names are read at once after a quiet time.
    public var namesBurst = 4_000
    /// Events of each kind that wait to be taken at most.
    public var maximumWaitingEvents = 131_072

    /// The usual amounts.
    public init() {}
}
