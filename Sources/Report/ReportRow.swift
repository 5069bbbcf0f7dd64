public import MemoryModel

/// One row of a report: a run, or several runs put together.
///
/// The names of the fields in JSON and CSV are those of `ReportRow.columns`, in that order, all
/// of them always; nil means that it is not known or that the runs of the row do not share it.
public struct ReportRow: Hashable, Sendable {
    public var runID: String?
    public var hostName: RawText?
    public var hostID: HostID?
    public var boot: BootID?
    public var pid: Int32?
    public var startedAtMilliseconds: Int64?
    public var endedAtMilliseconds: Int64?
    public var program: RawText?
    public var comm: RawText?
    public var executable: RawText?
    public var command: RawText?
    public var user: RawText?
    public var cgroup: RawText?
    public var unit: RawText?
    public var container: RawText?
    public var labels: [HostLabel]?
    public var runs: Int
    public var peak: Peak?
    public var isPeakLowerBound: Bool
    public var isPeakInherited: Bool
    public var peakP95Bytes: UInt64?
    public var peakMedianBytes: UInt64?
    public var peakOfSumBytes: UInt64?
    public var sumOfPeaksBytes: UInt64?
    public var peakSwapBytes: UInt64?
    public var currentResidentBytes: UInt64?
    public var processorMilliseconds: UInt64?
    public var exitCode: Int32?
    public var exitSignal: Int32?
    public var wasOutOfMemoryKilled: Bool?
}
