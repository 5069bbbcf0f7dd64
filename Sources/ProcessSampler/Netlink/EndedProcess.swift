public import MemoryModel

/// A process that ended, as the kernel's exit records tell.
public struct EndedProcess: Hashable, Sendable {
    /// The process (thread group).
    public var pid: Int32
    /// When it began, by the clock that stops in suspend (`CLOCK_MONOTONIC`).
    ///
    /// The records say how long it lived, exactly, and not when it ended: this is off by at most
    /// `startUncertaintyMilliseconds`. nil only before taskstats version 12, if its leader's
    /// record was not seen.
    public var startMonotonicMilliseconds: Int64?
    /// How far off the start can be, either way.
    public var startUncertaintyMilliseconds: Int64
    /// How long it lived, suspend left out; nil where the start is.
    public var elapsedMicroseconds: UInt64?
    /// When its end was learned, as `BootClock` counts: it ended at most twice the uncertainty
    /// before.
    public var endedAtMilliseconds: Int64
    /// The same time by the clock that stops in suspend.
    public var endedMonotonicMilliseconds: Int64
    /// The process that started it, or the one that took it over.
    public var parentPid: Int32?
    /// The real user.
    public var userID: UInt32?
    /// The kernel's name of it, at most 15 bytes.
    public var name: RawText?
    /// Whether the name is another thread's, because the leader's record was not seen.
    public var isNameOfThread: Bool
    /// Whether it was forked and executed nothing; nil if the leader's record was not seen.
    public var isForkWithoutExec: Bool?
    /// The kernel's mark at the end, the greatest of its threads' records; nil if it had no memory.
    public var markBytes: UInt64?
    /// The status that it exited with; nil if a signal ended it or nobody can tell.
    public var exitCode: Int32?
    /// The signal that ended it; nil if none did or nobody can tell.
    public var exitSignal: Int32?
    /// Processor time of all records, of all the programs that it executed.
    public var processorMilliseconds: UInt64?
    /// Page faults without reading, of all records.
    public var minorFaults: UInt64?
    /// Page faults that had to read, of all records.
    public var majorFaults: UInt64?
    /// Whether every thread's record is in the sums: it began after the listening did, and nothing
    /// was lost since; never before taskstats version 12.
    public var isComplete: Bool
    /// The parent's mark when the end was learned, for a process that executed nothing: what of
    /// its own mark is not above this one may be inherited.
    public var parentMarkBytes: UInt64?
}
