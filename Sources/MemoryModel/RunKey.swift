/// Which program image in which process, within one boot of one host.
///
/// A pid alone is used again after its process; with the start time it is not; and each exec
/// begins a new run, so the image number counts those.
public struct ProcessKey: Hashable, Sendable {
    /// The thread group's id.
    public var pid: Int32
    /// Start time in clock ticks since boot: field 22 of `/proc/PID/stat` (`proc_pid_stat(5)`).
    public var startTicks: UInt64
    /// 0 for the image that was there when the process began or was first seen, then one more
    /// for each exec.
    public var image: UInt32

    /// Takes the three parts as they are.
    public init(pid: Int32, startTicks: UInt64, image: UInt32 = 0) {
        self.pid = pid
        self.startTicks = startTicks
        self.image = image
    }
}

extension ProcessKey: Comparable {
    /// Orders by pid, then start, then image.
    public static func < (left: ProcessKey, right: ProcessKey) -> Bool {
        (left.pid, left.startTicks, left.image) < (right.pid, right.startTicks, right.image)
    }
}

/// Which run in the whole fleet: a program image in a process, in a boot, on a host.
public struct RunKey: Hashable, Sendable {
    /// The host.
    public var host: HostID
    /// The boot of that host.
    public var boot: BootID
    /// The process and image in that boot.
    public var process: ProcessKey

    /// Takes the three parts as they are.
    public init(host: HostID, boot: BootID, process: ProcessKey) {
        self.host = host
        self.boot = boot
        self.process = process
    }

    /// Twelve characters that stand for the key wherever people see it.
    ///
    /// FNV-1a (64 bits) over the host id, a zero byte, the boot id's 16 bytes, and pid (4), start
    /// ticks (8) and image (4) in big-endian order; its upper 60 bits are mixed as in
    /// MurmurHash3's finalizer and written in Crockford's base 32, lower case.
    public var shortID: String {
        ShortRunID.text(of: ShortRunHash(host: host, boot: boot)[process])
    }
}
