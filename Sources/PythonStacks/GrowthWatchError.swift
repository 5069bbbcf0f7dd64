public import MemoryModel
internal import ProcessSampler

/// Why a process cannot be watched, in one line that says what can be done.
public enum GrowthWatchError: Error, Hashable, Sendable {
    /// There is no such process, or it has ended.
    case gone(pid: Int32)
    /// Its memory may not be read.
    case refused(pid: Int32)
    /// It has no memory of its own: a thread of the kernel.
    case withoutMemory(pid: Int32)
    /// It is no Python program.
    case noPython(pid: Int32, name: RawText?)
    /// It is a Python that cannot be read.
    case unsupported(pid: Int32, reason: String)
    /// Something else failed; the number is the kernel's `errno`.
    case failed(pid: Int32, code: Int32)

    init(_ error: WatchError, pid: Int32) {
        switch error {
        case .gone: self = .gone(pid: pid)
        case .refused: self = .refused(pid: pid)
        case .withoutMemory: self = .withoutMemory(pid: pid)
        case .failed(let code): self = .failed(pid: pid, code: code)
        }
    }
}
