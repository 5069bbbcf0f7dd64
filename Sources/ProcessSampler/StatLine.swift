import MemoryModel

/// `/proc/PID/stat`: one line about a process (`proc_pid_stat(5)`).
///
///     PID (COMM) STATE PPID ... FLAGS ... UTIME STIME ... THREADS 0 STARTTIME ...
///
/// The name in parentheses may hold any byte, spaces and parentheses too: it ends at the last
/// closing one.
struct StatLine: Equatable {
    /// The state's letter: `Z` is a zombie, `X` and `x` are dead.
    var state: UInt8
    /// Field 4: the parent; 0 for none.
    var parentPid: Int32
    /// Field 9: the kernel's `PF_` flags.
    var flags: UInt64
    /// Fields 10 and 12: page faults of all its threads without and with reading from a disk.
    var faults: FaultCounts
    /// Fields 14 and 15: processor time in user and in kernel mode, in clock ticks.
    var processorTicks: UInt64
    /// Field 20: threads, with a leader that has exited before the others.
    var threadCount: UInt64
    /// Field 22: when the process began, in clock ticks since boot.
    var startTicks: UInt64

    /// Whether it is a thread of the kernel (`PF_KTHREAD`).
    var isKernelThread: Bool { flags & 0x0020_0000 != 0 }
    /// Whether it was forked and has executed nothing since (`PF_FORKNOEXEC`).
    var isForkWithoutExec: Bool { flags & 0x40 != 0 }
    /// Whether its leader has ended; other threads of it may live.
    var isDead: Bool {
        state == UInt8(ascii: "Z") || state == UInt8(ascii: "X") || state == UInt8(ascii: "x")
    }

    /// Parses the line; nil if it is not as documented.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard let nameEnd = bytes.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        var scanner = ByteScanner(bytes, from: nameEnd + 1)
        scanner.skipBlanks()
        guard let state = scanner.take(), state >= UInt8(ascii: "A"),
            let parent = scanner.unsigned(), let parentPid = Int32(exactly: parent),
            scanner.skipWords(4), let flags = scanner.unsigned(),
            let minor = scanner.unsigned(), scanner.skipWords(1), let major = scanner.unsigned(),
            scanner.skipWords(1), let user = scanner.unsigned(), let system = scanner.unsigned(),
            scanner.skipWords(4), let threadCount = scanner.unsigned(),
            scanner.skipWords(1), let startTicks = scanner.unsigned()
        else { return nil }
        let (ticks, isTooLarge) = user.addingReportingOverflow(system)
        guard !isTooLarge else { return nil }
        self.state = state
        self.parentPid = parentPid
        self.flags = flags
        self.faults = FaultCounts(minor: minor, major: major)
        self.processorTicks = ticks
        self.threadCount = threadCount
        self.startTicks = startTicks
    }
}

extension ByteScanner {
    /// Goes past `count` words; false if there are fewer.
    fileprivate mutating func skipWords(_ count: Int) -> Bool {
        for _ in 0..<count where !skipWord() { return false }
        return true
    }
}
