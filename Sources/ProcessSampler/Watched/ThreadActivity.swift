/// What a thread does at the moment: `/proc/PID/task/TID/syscall` (`proc_pid_syscall(5)`).
///
///     running | -1 SP PC | NUMBER ARGUMENT ... SP PC
///
/// It needs the permission that reading the process's memory needs.
public enum ThreadActivity: Hashable, Sendable {
    /// It runs, or could run.
    case running
    /// It waits in a system call.
    case waiting
    /// It waits for a lock (`futex(2)`) at this address.
    case waitingForLock(address: UInt64)
    /// It waits and is in no system call, as for a page.
    case blocked
    /// The kernel does not tell.
    case unknown

    /// The number of `futex(2)`.
    #if arch(arm64)
    static let futexCall: UInt64 = 98
    #else
    static let futexCall: UInt64 = 202
    #endif

    /// Takes the content of the file.
    init(_ bytes: UnsafeRawBufferPointer) {
        if bytes.starts(with: "running".utf8) {
            self = .running
            return
        }
        guard let first = bytes.first else {
            self = .unknown
            return
        }
        if first == UInt8(ascii: "-") {
            self = .blocked
            return
        }
        let words = bytes.split(maxSplits: 2, whereSeparator: { $0 == 32 || $0 == 10 })
        guard words.count >= 2, let number = UInt64(String(decoding: words[0], as: UTF8.self))
        else {
            self = .unknown
            return
        }
        guard number == ThreadActivity.futexCall else {
            self = .waiting
            return
        }
        let address = UInt64(String(decoding: words[1].dropFirst(2), as: UTF8.self), radix: 16)
        self = address.map { .waitingForLock(address: $0) } ?? .unknown
    }
}
