import CLinux
import ServiceLifecycle

/// When to commit: once in each interval, and before that when much waits for the disk.
///
/// What watches does not wait for a commit: if that takes long, agents are told to send less while
/// it does.
struct CommitPace: Sendable {
    private let fleet: Fleet
    private let intervalMilliseconds: Int64
    private let due: AsyncStream<Void>
    private let notify: AsyncStream<Void>.Continuation

    /// How often memory and lag are looked at.
    private static let watchMilliseconds: Int64 = 100

    init(fleet: Fleet, intervalMilliseconds: Int64) {
        self.fleet = fleet
        self.intervalMilliseconds = intervalMilliseconds
        (due, notify) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Says when a commit is due and adjusts what agents may send, until graceful shutdown.
    func watch() async {
        await cancelWhenGracefulShutdown {
            var committedAt = WallClock.monotonicMilliseconds() - intervalMilliseconds
            while !Task.isCancelled {
                let now = WallClock.now()
                fleet.adjustCredit(at: now)
                if now.monotonicMilliseconds - committedAt >= intervalMilliseconds
                    || fleet.isCommitDue
                {
                    committedAt = now.monotonicMilliseconds
                    notify.yield()
                }
                let wait = min(CommitPace.watchMilliseconds, intervalMilliseconds)
                do {
                    try await Task.sleep(for: .milliseconds(wait))
                } catch {
                    break
                }
            }
        }
        notify.finish()
    }

    /// Commits whenever one is due and tidies the store in between, until graceful shutdown;
    /// throws what either throws.
    func commit(with committer: Committer, _ maintainer: Maintainer) async throws {
        var tidyAt = WallClock.monotonicMilliseconds()
        for await _ in due {
            // A commit is not cut short: what it wrote would never be acknowledged.
            try await Task { try await committer.commit() }.value
            let now = WallClock.monotonicMilliseconds()
            if now >= tidyAt, fleet.health.0 == .working {
                let fleet = fleet
                let isMoreDue = try await maintainer.work { fleet.isCommitDue }
                tidyAt = isMoreDue ? now : now + Maintainer.pauseMilliseconds
            }
            if fleet.takeMemoryWorthReturning() { clinux_release_free_memory() }
        }
    }
}
