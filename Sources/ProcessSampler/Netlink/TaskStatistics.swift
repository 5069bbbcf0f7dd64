import CLinux
import MemoryModel

/// One `struct taskstats` (`linux/taskstats.h`): what the kernel counted for one thread.
///
/// The struct grows with the kernel: a field that lies beyond the bytes that came is nil. So is
/// a memory mark of 0, which stands for a thread without memory.
struct TaskStatistics: Hashable {
    /// The version from which on records say that a group has ended, and name it.
    static let groupVersion: UInt16 = 12

    /// Which struct the kernel filled in.
    var version: UInt16
    /// How it ended, as wait(2) tells it; nil for threads that do not lead their group.
    var exitStatus: UInt32?
    /// The `A...` flags of `linux/acct.h`.
    var flags: UInt8
    /// The thread's name.
    var name: CommName?
    /// The real user.
    var userID: UInt32?
    /// The thread.
    var pid: Int32?
    /// The process that started its own.
    var parentPid: Int32?
    /// The process that it belongs to (since version 12).
    var groupID: Int32?
    /// When it began, in seconds since 1970.
    var startedWallSeconds: UInt64?
    /// How long the thread has lived, suspend left out.
    var elapsedMicroseconds: UInt64?
    /// How long the process has lived, suspend left out (since version 12).
    var groupElapsedMicroseconds: UInt64?
    /// Processor time in user and kernel mode.
    var processorMicroseconds: UInt64?
    /// Page faults without reading.
    var minorFaults: UInt64?
    /// Page faults that had to read.
    var majorFaults: UInt64?
    /// The most memory that was ever resident.
    var markBytes: UInt64?

    /// Whether it was forked and has executed nothing since (`AFORK`); only leaders carry it.
    var isForkWithoutExec: Bool { flags & 0x01 != 0 }
    /// Whether a signal ended it (`AXSIG`), also one that another thread's exit sent it.
    var isSignaled: Bool { flags & 0x10 != 0 }
    /// Whether it was the last thread of its process (`AGROUP`, since version 12).
    var isEndOfGroup: Bool { version >= TaskStatistics.groupVersion && flags & 0x20 != 0 }

    /// Parses what is there; nil if there is no whole basic part or it is of another thread.
    ///
    /// - Parameters:
    ///   - bytes: The struct as it came.
    ///   - pid: The thread that the message names beside it. Some kernels (6.14 and its
    ///     neighbours, versions 14 and 15) have fields in the middle that later ones moved to the
    ///     end; the thread's number tells which they are.
    init?(_ bytes: UnsafeRawBufferPointer, pid: Int32) {
        guard let layout = Layout.all.first(where: { $0.pid(in: bytes) == pid }),
            let version = bytes.integer(at: CLINUX_TASKSTATS_VERSION, UInt16.self),
            let flags = bytes.integer(at: CLINUX_TASKSTATS_FLAG, UInt8.self)
        else { return nil }
        self.version = version
        self.flags = flags
        self.pid = pid
        exitStatus = bytes.integer(at: CLINUX_TASKSTATS_EXITCODE, UInt32.self)
        let shift = layout.basic
        let nameStart = CLINUX_TASKSTATS_COMM + shift
        name = CommName(zeroTerminated: bytes.part(nameStart..<(nameStart + 32)))
        userID = bytes.integer(at: CLINUX_TASKSTATS_UID + shift, UInt32.self)
        parentPid = bytes.integer(at: CLINUX_TASKSTATS_PPID + shift, Int32.self)
        startedWallSeconds =
            bytes.integer(at: CLINUX_TASKSTATS_BTIME64 + layout.wall, UInt64.self)
            ?? bytes.integer(at: CLINUX_TASKSTATS_BTIME + shift, UInt32.self).map(UInt64.init)
        elapsedMicroseconds = bytes.integer(at: CLINUX_TASKSTATS_ETIME + shift, UInt64.self)
        if let user = bytes.integer(at: CLINUX_TASKSTATS_UTIME + shift, UInt64.self),
            let system = bytes.integer(at: CLINUX_TASKSTATS_STIME + shift, UInt64.self)
        {
            processorMicroseconds = user.saturatingSum(system)
        }
        minorFaults = bytes.integer(at: CLINUX_TASKSTATS_MINFLT + shift, UInt64.self)
        majorFaults = bytes.integer(at: CLINUX_TASKSTATS_MAJFLT + shift, UInt64.self)
        if let mark = bytes.integer(at: CLINUX_TASKSTATS_HIWATER_RSS + shift, UInt64.self),
            mark > 0, mark <= .max >> 10
        {
            markBytes = mark << 10
        }
        guard version >= TaskStatistics.groupVersion else { return }
        groupID = bytes.integer(at: CLINUX_TASKSTATS_TGID + layout.tail, Int32.self)
        groupElapsedMicroseconds = bytes.integer(
            at: CLINUX_TASKSTATS_TGETIME + layout.tail, UInt64.self)
    }

    /// How far fields lie behind their usual offsets.
    private struct Layout {
        /// The fields from the name on: behind three groups of delays.
        let basic: Int
        /// The 64-bit start: behind five.
        let wall: Int
        /// The fields of version 12: behind six.
        let tail: Int

        /// As nearly all kernels have it; with one more field in each group of delays; with two.
        static let all = [
            Layout(basic: 0, wall: 0, tail: 0), Layout(basic: 24, wall: 40, tail: 48),
            Layout(basic: 48, wall: 80, tail: 96),
        ]

        func pid(in bytes: UnsafeRawBufferPointer) -> Int32? {
            bytes.integer(at: CLINUX_TASKSTATS_PID + basic, Int32.self)
        }
    }
}
