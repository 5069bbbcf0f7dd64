import Synchronization

/// Tells the listener to exit records which numbers are processes' and not other threads'.
///
/// Before taskstats version 12 (Linux 5.19) the records do not say; forks and execs do.
final class ProcessNotes: Sendable {
    private let pids = Mutex<[Int32]>([])

    /// The most notes that wait; without its note, the end of a process is not told.
    private static let maximumWaiting = 65_536

    /// Adds processes.
    func append(_ more: some Sequence<Int32>) {
        pids.withLock { pids in
            for pid in more where pids.count < ProcessNotes.maximumWaiting { pids.append(pid) }
        }
    }

    /// Takes everything out.
    func drain() -> [Int32] {
        pids.withLock { pids in
            defer { pids.removeAll(keepingCapacity: true) }
            return pids
        }
    }
}
