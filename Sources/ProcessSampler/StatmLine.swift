/// `/proc/PID/statm`: memory in pages (`proc_pid_statm(5)`).
///
///     SIZE RESIDENT SHARED TEXT 0 DATA 0
struct StatmLine: Equatable {
    /// Pages of address space.
    var size: UInt64
    /// Pages in memory.
    var resident: UInt64
    /// Pages in memory that a file or shared memory backs.
    var shared: UInt64
    /// Pages of the program's code: a property of the program image, constant until an exec.
    var text: UInt64

    /// Whether there is no memory at all to speak of.
    ///
    /// Seven zeros mean that the task has no memory map: a zombie, a leader that has exited
    /// before its threads, or a thread of the kernel. It is never a measurement.
    var isWithoutMemory: Bool { size == 0 && resident == 0 && shared == 0 && text == 0 }

    /// Parses the line; nil if it is not as documented.
    init?(_ bytes: UnsafeRawBufferPointer) {
        var scanner = ByteScanner(bytes)
        guard let size = scanner.unsigned(), let resident = scanner.unsigned(),
            let shared = scanner.unsigned(), let text = scanner.unsigned()
        else { return nil }
        self.size = size
        self.resident = resident
        self.shared = shared
        self.text = text
    }
}
