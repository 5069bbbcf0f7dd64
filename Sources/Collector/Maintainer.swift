import CLinux
package import Logging
package import MemoryModel
package import NIOPosix
package import PeakStore

/// Keeps the store small between commits, on the thread that writes.
package struct Maintainer: Sendable {
    private let store: any StoreMaintaining
    private let thread: NIOThreadPool
    private let retention: Retention
    private let logger: Logger
    private let log: MaintenanceLog
    private let onHosts: @Sendable ([HostID]) -> Void

    /// So long steps may follow one another until the next commit is looked for.
    private static let roundMilliseconds: Int64 = 200
    /// When nothing was left to do, it is looked for again after this time.
    static let pauseMilliseconds: Int64 = 60_000

    /// Works on the one thread of `thread`, in steps between commits.
    ///
    /// `onHosts` is told which hosts the store has nothing of any more.
    package init(
        store: any StoreMaintaining, thread: NIOThreadPool, retention: Retention, logger: Logger,
        onHosts: @Sendable @escaping ([HostID]) -> Void = { _ in }
    ) {
        self.store = store
        self.thread = thread
        self.retention = retention
        self.logger = logger
        self.onHosts = onHosts
        log = MaintenanceLog(logger: logger)
    }

    /// Takes steps as long as nothing waits for the disk, and says whether more are due.
    ///
    /// A full disk puts it off. Any other failure is thrown, as by a commit.
    package func work(unless isCommitDue: @Sendable @escaping () -> Bool) async throws -> Bool {
        try await thread.runIfActive {
            let end = WallClock.monotonicMilliseconds() + Maintainer.roundMilliseconds
            var counts = MaintenanceCounts()
            var isOver = false
            defer {
                log.add(
                    counts, isOver: isOver, atMilliseconds: WallClock.monotonicMilliseconds())
            }
            while WallClock.monotonicMilliseconds() < end, !isCommitDue() {
                do {
                    let outcome = try store.maintain(
                        nowMilliseconds: WallClock.nowMilliseconds(), retention: retention)
                    counts.add(outcome.counts)
                    log.addFindings(of: outcome)
                    onHosts(outcome.removedHosts)
                    isOver = !outcome.isMoreDue
                    if isOver { return false }
                } catch let error as PeakStoreError where error.isPassing {
                    logger.warning(
                        "the store cannot be tidied now; it is tried again",
                        metadata: ["reason": "\(CollectorProblem.store(error))"])
                    return false
                }
            }
            return true
        }
    }
}
