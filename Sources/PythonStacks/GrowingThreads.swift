import MemoryModel
import ProcessSampler

/// Which threads of a process grew, by their page faults since the last question.
///
/// Memory grows by page faults: the thread that touched the new pages is the one that had most of
/// them.
struct GrowingThreads {
    /// A thread and its share of the growth.
    struct Share: Equatable {
        /// The thread's id on this host.
        var thread: Int32
        /// Page faults since the last question.
        var faults: UInt64
    }

    /// The most threads that one growth is shared between.
    static let maximumShares = 4

    private var counts: [Int32: UInt64] = [:]

    /// The threads with the most new faults, each with at least a tenth of all; empty if it cannot
    /// be told.
    mutating func shares(of process: WatchedProcess) -> [Share] {
        // Most programs have one thread, which needs no list.
        if let only = process.faultsOfOnlyThread() { return shares([only]) }
        return shares(process.threads().compactMap { process.faults(ofThread: $0) })
    }

    /// The same for counts that were read.
    mutating func shares(_ read: [ThreadFaults]) -> [Share] {
        // Threads that were not there before had all of their faults since.
        let isFirst = counts.isEmpty
        var shares: [Share] = []
        var next: [Int32: UInt64] = [:]
        for entry in read {
            next[entry.thread] = entry.count
            let before = counts[entry.thread] ?? 0
            guard entry.count > before else { continue }
            shares.append(Share(thread: entry.thread, faults: entry.count - before))
        }
        counts = next
        // What each thread had in its life says nothing of the growth just now.
        if isFirst { return [] }
        let total = shares.reduce(UInt64(0)) { $0.saturatingSum($1.faults) }
        shares.sort { ($1.faults, $0.thread) < ($0.faults, $1.thread) }
        return shares.filter { $0.faults >= total / 10 }.prefix(GrowingThreads.maximumShares)
            .map { $0 }
    }

    /// Takes the counts as they are now, to have something to compare with.
    mutating func prime(_ process: WatchedProcess) {
        counts = [:]
        _ = shares(of: process)
    }
}
