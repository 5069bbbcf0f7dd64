public import MemoryModel

/// What the kernel told by itself since the last time it was asked.
public struct KernelEvents: Sendable, Equatable {
    /// Processes that ended, in the order of their ends.
    public var ended: [EndedProcess] = []
    /// Processes that executed a program, in order.
    public var executed: [ExecutedImage] = []
    /// Processes that were made by fork, in order.
    public var forked: [ForkedProcess] = []
    /// What was lost: each calls for a look at every process.
    public var losses: [EventLoss] = []
    /// Executed programs whose names were not read because too many came at once.
    public var unreadNames: UInt64 = 0
    /// Records that were not as documented, or of which nobody can tell whose they are.
    public var unusableRecords: UInt64 = 0

    /// Nothing at all.
    public init() {}

    /// These and then `later` ones.
    func appending(_ later: KernelEvents) -> KernelEvents {
        guard self != KernelEvents() else { return later }
        var all = self
        all.ended += later.ended
        all.executed += later.executed
        all.forked += later.forked
        all.losses += later.losses
        all.unreadNames += later.unreadNames
        all.unusableRecords += later.unusableRecords
        return all
    }
}

/// A process that executed a program, as the proc connector tells.
public struct ExecutedImage: Hashable, Sendable {
    /// The process.
    public var pid: Int32
    /// When, as `BootClock` counts.
    public var atMilliseconds: Int64
    /// When, by the clock that stops in suspend (`CLOCK_MONOTONIC`).
    public var monotonicMilliseconds: Int64
    /// What it was found to run right afterwards; nil if it had ended or executed another program
    /// by then, or too many came at once.
    public var details: ImageDetails?
}

/// A program in a process, as it was found right after its start.
public struct ImageDetails: Hashable, Sendable {
    /// When the process began, in clock ticks since boot.
    public var startTicks: UInt64
    /// What it runs and for whom.
    public var description: RunDescription
    /// `CommandLine.fingerprint` of its arguments.
    public var commandFingerprint: UInt64
    /// The kernel's mark by then; nil if it had no memory any more.
    public var markBytes: UInt64?
}

/// A process that was made by fork, as the proc connector tells.
public struct ForkedProcess: Hashable, Sendable {
    /// The process.
    public var pid: Int32
    /// The process that made it.
    public var parentPid: Int32
    /// When, as `BootClock` counts.
    public var atMilliseconds: Int64
    /// When, by the clock that stops in suspend: the kernel's own start of the process, within a
    /// millisecond.
    public var monotonicMilliseconds: Int64
    /// Its mark right afterwards, which is its parent's memory; nil if it could not be read any
    /// more.
    ///
    /// It is the process's own already if it executed a program meanwhile: then an
    /// `ExecutedImage` of it follows.
    public var markBytes: UInt64?
}
