import MemoryModel

/// A process that is followed: who it is, which files of it are held, and what was seen last.
///
/// This part is copied at each look and therefore refers to nothing on the heap.
struct ProcessState {
    /// Which run of it.
    var key: ProcessKey
    /// The inode number of its directory when its start was last checked.
    var inode: UInt64
    /// Its `stat`, held open; -1 if it is not held.
    var statFile: Int32 = -1
    /// Its `statm`, held open; -1 if it is not held.
    var statmFile: Int32 = -1
    /// Its `status`, held open; -1 if it is not held, or is read so seldom that it is opened.
    var statusFile: Int32 = -1
    /// The thread whose files are read because the leader has exited; 0 for the leader.
    var thread: Int32 = 0
    /// The name when last seen.
    var name: CommName?
    /// The real user when last seen.
    var userID: UInt32?
    /// Its memory when last seen; nil before that.
    var statm: StatmLine?
    /// The kernel's mark when last seen, in bytes.
    var markBytes: UInt64 = 0
    /// Its memory when `status` was last read; nil before that.
    var statmOfStatus: StatmLine?
    /// `CommandLine.fingerprint` of this image's arguments.
    var commandFingerprint: UInt64 = 0
    /// Since when it looks like another image of which no event came; nil if it does not.
    var execSuspectedAtMilliseconds: Int64?
    /// When another image was noticed of which no event had come; nil if that never happened.
    var execNoticedAtMilliseconds: Int64?
    /// Whether it is known to run another image whose names are still to be read.
    var isUnnamed = false
    /// Whether it was forked and has executed nothing since.
    var isForkWithoutExec = false
    /// When its memory was last seen to have changed.
    var changedAtMilliseconds: Int64 = .max
    /// When it was taken up, as `BootClock` counts: what it executed before is what was found.
    var takenUpAtMilliseconds: Int64 = .min
    /// When it was last seen alive.
    var seenAtMilliseconds: Int64
    /// When the mark is to be read next, even if nothing else changes.
    var markDueMilliseconds: Int64
    /// When processor time is to be read next.
    var processorTimeDueMilliseconds: Int64
    /// When what hardly ever changes is to be read again.
    var descriptionDueMilliseconds: Int64
    /// When `status` is to be read next for what nothing else says, if its memory changed.
    var swapDueMilliseconds: Int64
    /// Since when its record of exit is awaited; nil while it lives.
    var goneSinceMilliseconds: Int64?

    /// Makes the next look tell all figures, whether they changed or not.
    mutating func forgetFigures() {
        statm = nil
        statmOfStatus = nil
        markDueMilliseconds = .min
        swapDueMilliseconds = .min
    }

    /// Whether its files are held open.
    var isHeld: Bool { statmFile >= 0 }
}

/// A process that is followed, with its description.
struct TrackedProcess {
    /// What a look reads and writes.
    var state: ProcessState
    /// What it runs and for whom.
    var description: RunDescription
    /// The cgroup that its memory is charged to; nil if it is not asked for or not known.
    var memoryCgroup: RawText?
}

/// A process that is not followed, because it has no memory or may not be read.
struct IgnoredProcess {
    /// Its pid.
    var pid: Int32
    /// The inode number of its directory.
    var inode: UInt64
    /// Its start in ticks; nil if that may not be read.
    var startTicks: UInt64?
    /// When it is looked at again: a thread of the kernel may execute a program.
    var dueMilliseconds: Int64
}
