package import Logging
import MemoryModel
package import NIOPosix
package import PeakStore

/// Writes what the fleet learned to the store, about once a second, and has it acknowledged.
package struct Committer: Sendable {
    private let fleet: Fleet
    private let store: any PeakStoring
    private let threads: NIOThreadPool
    private let logger: Logger

    /// Writes on a thread of `threads`, because a commit waits for the disk.
    package init(
        fleet: Fleet, store: any PeakStoring, threads: NIOThreadPool, logger: Logger
    ) {
        self.fleet = fleet
        self.store = store
        self.threads = threads
        self.logger = logger
    }

    /// Commits once.
    ///
    /// A full disk is reported and tried again with the next commit. Any other failure is thrown:
    /// after it nobody can tell what is on the disk, so nothing may be acknowledged any more.
    package func commit() async throws {
        let commit = fleet.takeCommit()
        do {
            if !commit.batch.isEmpty {
                try await threads.runIfActive { [store] in try store.commit(commit.batch) }
            }
            let (health, _) = fleet.health
            if health != .working {
                logger.notice("the disk has room again; the store is writing")
            }
            fleet.committed(commit, atMilliseconds: WallClock.nowMilliseconds())
        } catch PeakStoreError.full(let reason) {
            let (health, _) = fleet.health
            if health == .working {
                logger.error(
                    """
                    the disk is full; agents keep what they have until there is room: free some, \
                    no restart is needed
                    """,
                    metadata: ["reason": "\(reason)"])
            }
            fleet.commitFailed(
                commit, reason: reason, atMilliseconds: WallClock.nowMilliseconds())
        }
    }
}
