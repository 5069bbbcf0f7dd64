import CLinux
import Glibc

/// What is asked of a thread again and again, with its files left open: one call each time.
///
/// The files stay those of this thread. Once it has ended they say so, also if another one has its
/// number.
final class ThreadFiles {
    /// `/proc/PID/task/TID/stat`.
    let stat: Int32
    /// `/proc/PID/task/TID/syscall`; below 0 where it cannot be opened.
    let systemCall: Int32

    /// Opens them below the process's directory; nil if the thread has ended.
    init?(_ thread: Int32, in directory: Int32) {
        stat = clinux_open(directory, "task/\(thread)/stat")
        guard stat >= 0 else { return nil }
        systemCall = clinux_open(directory, "task/\(thread)/syscall")
    }

    deinit {
        close(stat)
        if systemCall >= 0 { close(systemCall) }
    }
}
