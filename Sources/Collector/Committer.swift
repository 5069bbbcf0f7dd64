package import Logging
import MemoryModel
package import NIOPosix
package import PeakStore
import Synchronization

/// Writes what the fleet learned to the store, about once a second, and has it acknowledged.
package struct Committer: Sendable {
    private let fleet: Fleet
    private let store: any PeakStoring
    private let thread: NIOThreadPool
    private let logger: Logger
    private let failure = Failure()

    /// Why nothing may be acknowledged any more; one for all copies of a committer.
    private final class Failure: Sendable {
        let error = Mutex<(any Error)?>(nil)
    }

    /// Writes on the one thread of `thread`, because a commit waits for the disk.
    ///
    /// What a commit takes from the fleet and writes there cannot be interleaved with a purge.
    package init(
        fleet: Fleet, store: any PeakStoring, thread: NIOThreadPool, logger: Logger
    ) {
        self.fleet = fleet
        self.store = store
        self.thread = thread
        self.logger = logger
    }

    /// Commits once.
    ///
    /// A full disk, or another program that holds the database, is reported and tried again with
    /// the next commit. Any other failure is thrown: after it nobody can tell what is on the disk,
    /// so nothing may be acknowledged any more. Every commit that follows throws it again, whoever
    /// asked for the one that failed, so that the service ends.
    package func commit() async throws {
        try await thread.runIfActive { try commitHere() }
    }

    /// The same on the thread that writes, which has to be the present one.
    func commitHere() throws {
        if let error = failure.error.withLock({ $0 }) { throw error }
        let commit = fleet.takeCommit(at: WallClock.now())
        do {
            try write(commit.batch)
            let (health, _) = fleet.health
            if health != .working { logger.notice("the store is writing again") }
            fleet.committed(commit, at: WallClock.now())
        } catch let error as PeakStoreError where error.isPassing {
            let (health, _) = fleet.health
            if health == .working {
                logger.error(
                    "the store cannot write; agents keep what they have, and it is tried again",
                    metadata: ["reason": "\(CollectorProblem.store(error))"])
            }
            fleet.statistics.commitFailed()
            fleet.commitFailed(commit, error: error, at: WallClock.now())
        } catch {
            // What this commit took from the fleet is in no later one.
            failure.error.withLock { $0 = error }
            throw error
        }
    }

    private func write(_ batch: CommitBatch) throws {
        let start = ContinuousClock.now
        // An empty batch as well: the store knows whether anything may be acknowledged.
        try store.commit(batch)
        guard !batch.isEmpty else { return }
        fleet.statistics.committed(
            runs: batch.runs.count,
            foldedRuns: batch.folds.reduce(0) { $0 &+ $1.fold.runCount },
            in: ContinuousClock.now - start)
    }
}
