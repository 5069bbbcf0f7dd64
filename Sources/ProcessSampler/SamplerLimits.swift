import CLinux

/// Bounds on what sampling costs its host.
public struct SamplerLimits: Hashable, Sendable {
    /// Files held open at most; each process takes three.
    ///
    /// Those beyond are opened anew at each look, which costs four times as much.
    public var maximumHeldFiles: Int
    /// Processes followed at most; others are counted and left out.
    public var maximumProcesses: Int
    /// Processes taken up in one look at most; the rest come with the next one, so that a storm of
    /// forks cannot hold up the looks at everything else.
    public var maximumArrivals: Int

    /// How long a process's mark, swap, name and user may stay unread while its memory (`statm`)
    /// stays exactly as it was; 0 reads them at each look.
    public var markIntervalMilliseconds: Int64

    /// Takes the bounds as they are.
    public init(
        maximumHeldFiles: Int, maximumProcesses: Int = 65_536, maximumArrivals: Int = 8_192,
        markIntervalMilliseconds: Int64 = 3_000
    ) {
        self.maximumHeldFiles = maximumHeldFiles
        self.maximumProcesses = maximumProcesses
        self.maximumArrivals = maximumArrivals
        self.markIntervalMilliseconds = markIntervalMilliseconds
    }

    /// Raises this program's limit of open files (`RLIMIT_NOFILE`) as far as it may, and allots
    /// 80 % of it to held files.
    public static func raisingOpenFileLimit() -> SamplerLimits {
        let limit = Int(clamping: clinux_raise_open_file_limit())
        return SamplerLimits(maximumHeldFiles: limit / 5 * 4)
    }
}
