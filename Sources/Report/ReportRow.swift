public import MemoryModel

/// One row of a report: a run, or several runs put together.
///
/// nil means that it is not known or that the runs of the row do not share it. In JSON and CSV
/// the fields are `ReportColumns.names`, in that order, all of them always.
public struct ReportRow: Hashable, Sendable {
    /// The short name of the run.
    public var runID: String?
    /// The name of the host.
    public var hostName: RawText?
    /// The lasting name of the host.
    public var hostID: HostID?
    /// The boot of the host.
    public var boot: BootID?
    /// The process.
    public var pid: Int32?
    /// When the image began, in milliseconds since the epoch in UTC.
    public var startedAtMilliseconds: Int64?
    /// When the run was over at the latest, likewise; nil also while it lives.
    public var endedAtMilliseconds: Int64?
    /// The name people know it by.
    public var program: RawText?
    /// The kernel's name of the process.
    public var comm: RawText?
    /// The path of the executable.
    public var executable: RawText?
    /// The command line, in the amount that the agent's policy lets out.
    public var command: RawText?
    /// The user's name, or number where there is no name.
    public var user: RawText?
    /// The path of the cgroup.
    public var cgroup: RawText?
    /// The systemd unit.
    public var unit: RawText?
    /// The container.
    public var container: RawText?
    /// The labels of the host.
    public var labels: [HostLabel]?
    /// The name that the runs of the row were put together by; nil for single runs, and for those
    /// that have no such name.
    public var group: RawText?
    /// On how many hosts they ran.
    public var hosts = 1
    /// How many runs the row stands for.
    public var runs: Int
    /// How many of them are folded: small ones of which only counts and sizes are kept.
    public var foldedRuns = 0
    /// How many of them live, as far as their hosts are heard of.
    public var liveRuns: Int
    /// The largest peak of the runs, whole; nil before anything was measured.
    public var peak: Peak?
    /// Which run holds that peak.
    public var peakHolder: PeakHolder?
    /// Whether the true peak of that run may be above it; nil without a peak.
    public var isPeakLowerBound: Bool?
    /// Whether that peak may be what the program of that run said of itself.
    public var isPeakTold = false
    /// Whether the run may have held less in the range, as the peak is that of its whole life and
    /// may lie outside, and nothing is known of the range; nil without a peak.
    public var isPeakUpperBound: Bool?
    /// Whether the peak is by the windows of the range, and not that of a whole life.
    public var isPeakOfWindows = false
    /// Whether it is no more than what that run inherited from its parent; nil without a peak.
    public var isPeakInherited: Bool?
    /// The nearest-rank 95th percentile of the runs' peaks, in bytes.
    ///
    /// Folded runs are in it, and in the median, with the greatest size of their step.
    public var peakP95Bytes: UInt64?
    /// The nearest-rank median of the runs' peaks, in bytes.
    public var peakMedianBytes: UInt64?
    /// Whether the two above may be too great, by at most a step of 2^(1/8), as some of the runs
    /// are folded.
    public var areQuantilesUpperBounds = false
    /// The most that was resident of the row's subject at one look, in bytes.
    ///
    /// Agents add up the resident memory of all processes of a host, user, program or cgroup at
    /// each look, a shared page once for each process that has it, and what a forked child shares
    /// with its parent, too. For one host it is the greatest such sum; over several hosts the
    /// largest sum of their greatest sums of the same hour. It is never less than what one run of
    /// the row is known to have held. nil for single runs, where a filter leaves out some of the
    /// subject's runs, and where an agent keeps no sums.
    public var peakOfSumBytes: UInt64?
    /// Whether that sum was reached in the range, so that the true one is as much at least; nil
    /// where that is not known, as it may have been before or after, or on hosts at several times.
    public var isPeakOfSumLowerBound: Bool?
    /// Whether that sum is known not to have been passed in the range, which no look can tell;
    /// false where it was reached, else nil.
    public var isPeakOfSumUpperBound: Bool?
    /// The most that a run of the row is known to have held in the range by itself, in bytes.
    var heldBytes: UInt64?
    /// Whether any of its hosts was watched in the range that this one is compared with; nil where
    /// nobody asked.
    var isWatchedBeside: Bool?
    /// The most of the host's memory that was not available, in bytes, by the host's own figure
    /// (`MemTotal` minus `MemAvailable`), in which a shared page counts once; only for hosts.
    public var hostUsedPeakBytes: UInt64?
    /// Whether that may have been less in the range; nil where it is not known.
    public var isHostUsedPeakUpperBound: Bool?
    /// All the runs' peaks added up, in bytes, which need never have been there at one time.
    public var sumOfPeaksBytes: UInt64?
    /// The most swap that one of the runs was seen with, in bytes.
    public var peakSwapBytes: UInt64?
    /// What the living ones hold now together, in bytes; nil where none lives.
    public var currentResidentBytes: UInt64?
    /// Processor time of all of them, in milliseconds.
    public var processorMilliseconds: UInt64?
    /// Why they ended.
    public var endReason: RunEndReason?
    /// The exit code.
    public var exitCode: Int32?
    /// The signal that killed it.
    public var exitSignal: Int32?
    /// How many of them are known to have been killed for want of memory.
    public var killedRuns = 0
    /// Whether the kernel killed one of them for want of memory.
    public var wasOutOfMemoryKilled: Bool?

    /// A row of `runs` runs of which nothing else is known.
    public init(runs: Int) {
        self.runs = runs
        self.liveRuns = 0
    }
}

/// The run that holds the largest peak of a row.
public struct PeakHolder: Hashable, Sendable {
    /// The name of its host.
    public var hostName: RawText
    /// Its host.
    public var hostID: HostID
    /// Its process; nil where it was folded with others.
    public var pid: Int32?
    /// Its program.
    public var program: RawText

    /// Takes the parts as they are.
    public init(hostName: RawText, hostID: HostID, pid: Int32?, program: RawText) {
        self.hostName = hostName
        self.hostID = hostID
        self.pid = pid
        self.program = program
    }
}
