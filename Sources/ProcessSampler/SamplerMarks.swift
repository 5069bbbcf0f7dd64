import MemoryModel

/// What tells of forks, execs and exits between two looks.
protocol EventReading: AnyObject {
    /// What was told since the last call.
    func drain() -> KernelEvents
}

/// What reads the statistics of many threads at once.
protocol MarkReading: AnyObject {
    /// Gives each index into `threads` once with what the kernel says; nil for what has ended.
    ///
    /// Throws if the kernel does not let this program ask (any more).
    func read(
        _ threads: [Int32], _ take: (Int, TaskStatistics?) -> Void
    ) throws(NetlinkFailure)
}

/// A process whose memory was read and whose mark is still to be asked for.
struct AwaitedMark {
    /// Where it is in the list of processes.
    var index: Int
    /// Its memory.
    var statm: StatmLine
    /// The inode number of its directory, as the listing has it.
    var inode: UInt64
}

/// Marks that are asked for together, after the memory of all processes was read.
extension Sampler {
    /// How long a mark may stay unread while its process's memory stays as it is.
    var markIntervalMilliseconds: Int64 {
        marks == nil ? limits.markIntervalMilliseconds : Sampler.idleMarkIntervalMilliseconds
    }

    /// Puts a process in the list of those whose mark is asked for at the end of this look.
    func await(_ index: Int, _ statm: StatmLine, inode: UInt64) {
        let state = processes[index].state
        awaited.append(AwaitedMark(index: index, statm: statm, inode: inode))
        awaitedThreads.append(state.thread != 0 ? state.thread : state.key.pid)
    }

    /// Asks for the marks of the list, and goes on with each process.
    ///
    /// Returns the places of those that have ended.
    func takeMarks(into snapshot: inout HostSnapshot) -> [Int] {
        guard !awaited.isEmpty, let marks else { return [] }
        defer {
            awaited.removeAll(keepingCapacity: true)
            awaitedThreads.removeAll(keepingCapacity: true)
        }
        var removed: [Int] = []
        do throws(NetlinkFailure) {
            try marks.read(awaitedThreads) { place, statistics in
                let wanted = awaited[place]
                guard let statistics else { return }
                var figures = Figures(statm: wanted.statm, status: StatusFile(statistics))
                figures.swapBytes = swap(of: &processes[wanted.index].state, wanted, snapshot)
                let presence = look(
                    at: &processes[wanted.index], figures, inode: wanted.inode, into: &snapshot)
                if presence != .lives { removed.append(wanted.index) }
            }
        } catch {
            // The files say the same; they are opened where they are not held.
            self.marks = nil
        }
        return removed
    }

    /// Swap, which the kernel's statistics do not have: read seldom, and only of what changed.
    private func swap(
        of state: inout ProcessState, _ wanted: AwaitedMark, _ snapshot: HostSnapshot
    ) -> UInt64? {
        let now = snapshot.takenAtMilliseconds
        guard state.swapDueMilliseconds <= now, state.statmOfStatus != wanted.statm else {
            return nil
        }
        state.swapDueMilliseconds = now + swapIntervalMilliseconds
        state.statmOfStatus = wanted.statm
        return status(of: state)?.swapBytes
    }
}

extension KernelEventSource: EventReading {}

extension TaskMarkReader: MarkReading {}

extension StatusFile {
    /// What a thread's statistics say of what stands in `status`, too.
    init(_ statistics: TaskStatistics) {
        self.init()
        name = statistics.name
        userID = statistics.userID
        markBytes = statistics.markBytes
    }
}
