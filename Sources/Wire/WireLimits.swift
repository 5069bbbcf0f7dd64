/// The limits of the protocol; `Protocol/frame-v1.md` section 9 has the same table.
public enum WireLimits {
    /// Largest payload on the wire, in bytes.
    public static let maximumWireBytes = 262_144
    /// Largest payload after inflating, in bytes.
    public static let maximumRawBytes = 1_048_576
    /// Largest payload in bytes before WELCOME, in either direction.
    public static let maximumBytesBeforeWelcome = 4_096
    /// What agents keep their payloads to, in bytes, so that a bad link makes progress.
    public static let agentWireBytes = 16_384
    /// Slots of one session; WELCOME may say less.
    public static let maximumSlots = 1_048_576
    /// Runs in one DEFINE.
    public static let maximumDefinesPerFrame = 4_096
    /// Strings in one DEFINE, TOTALS, OOM, FOLD, SECTIONS or PYTHON_GROWTH.
    public static let maximumStringsPerFrame = 32_768
    /// One string in any of these, and one path in CGROUP, in bytes.
    public static let maximumStringBytes = 4_096
    /// Ticks in one SAMPLES.
    public static let maximumTicksPerFrame = 60
    /// Counters in one COUNTERS.
    public static let maximumCountersPerFrame = 1_024
    /// Sums in one TOTALS.
    public static let maximumTotalsPerFrame = 4_096
    /// Shares of one sum in TOTALS.
    public static let maximumSharesPerTotal = 10
    /// Cgroups in one CGROUP.
    public static let maximumCgroupsPerFrame = 4_096
    /// Minutes or hours in one COVERED.
    public static let maximumCoveredPerFrame = 4_096
    /// Kills in one OOM.
    public static let maximumKillsPerFrame = 1_024
    /// Gaps in one GAP.
    public static let maximumGapsPerFrame = 1_024
    /// Sections in one SECTIONS.
    public static let maximumSectionsPerFrame = 1_024
    /// Runs in one PYTHON_GROWTH.
    public static let maximumGrowthRunsPerFrame = 256
    /// Distinct lines in one PYTHON_GROWTH.
    public static let maximumCodesPerFrame = 16_384
    /// Lines, and lines of the stack, of one run in PYTHON_GROWTH.
    public static let maximumLinesPerRun = 256
    /// Folds in one FOLD.
    public static let maximumFoldsPerFrame = 1_024
    /// Steps in the histogram of one fold.
    public static let maximumStepsPerFold = 432
    /// Stretches in one RESET.
    public static let maximumResetsPerFrame = 64
    /// Labels of a host.
    public static let maximumLabels = 32
    /// Extensions in one frame.
    public static let maximumExtensions = 16
    /// One extension, in bytes.
    public static let maximumExtensionBytes = 1_024
    /// Data frames without an ACK.
    public static let maximumCredit = 65_536
    /// Longest wait that ERROR or GOODBYE can ask for: one day.
    public static let maximumRetryAfterMilliseconds = 86_400_000
    /// From accepting a connection to the end of the TLS handshake.
    public static let tlsDeadlineMilliseconds = 5_000
    /// From accepting, or the end of TLS, to a whole HELLO; and from HELLO to WELCOME.
    public static let helloDeadlineMilliseconds = 5_000
    /// From the first byte of a frame to its last, beside `frameBytesPerSecond`.
    public static let frameDeadlineMilliseconds = 10_000
    /// A frame of n bytes gets n divided by this many seconds more.
    public static let frameBytesPerSecond = 2_048
    /// How long a session may go without a whole frame.
    public static let idleDeadlineMilliseconds = 45_000
    /// How long a side may send nothing before it sends PING.
    public static let pingIntervalMilliseconds = 15_000
}
