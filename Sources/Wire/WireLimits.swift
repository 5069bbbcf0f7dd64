/// The limits of the protocol; `Protocol/frame-v1.md` section 9 has the same table.
public enum WireLimits {
    public static let maximumWireBytes = 262_144
    public static let maximumRawBytes = 1_048_576
    public static let maximumBytesBeforeWelcome = 4_096
    public static let agentWireBytes = 16_384
    public static let maximumSlots = 1_048_576
    public static let maximumDefinesPerFrame = 4_096
    public static let maximumStringsPerFrame = 32_768
    public static let maximumStringBytes = 4_096
    public static let maximumTicksPerFrame = 60
    public static let maximumCountersPerFrame = 1_024
    public static let maximumLabels = 32
    public static let maximumExtensions = 16
    public static let maximumExtensionBytes = 1_024
    public static let maximumCredit = 65_536
    public static let maximumRetryAfterMilliseconds = 86_400_000
    public static let tlsDeadlineMilliseconds = 5_000
    public static let helloDeadlineMilliseconds = 5_000
    public static let frameDeadlineMilliseconds = 10_000
    public static let frameBytesPerSecond = 2_048
    public static let idleDeadlineMilliseconds = 45_000
    public static let pingIntervalMilliseconds = 15_000
}
