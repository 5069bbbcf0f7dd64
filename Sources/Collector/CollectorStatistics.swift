import Report
import Synchronization

/// What a collector did since it started, counted where it happens.
final class CollectorStatistics: Sendable {
    /// Why a connection, a session or a frame was turned away.
    enum Refused: String, CaseIterable, Sendable {
        /// There are too many connections.
        case connections
        /// Two machines claim one host id.
        case identity
        /// There is no memory for more.
        case memory
        /// There are too many hosts.
        case hosts
        /// Others tell already what earlier agents of the host left behind.
        case past
        /// The peer sent what is no frame, or broke a rule of the protocol.
        case malformed
    }

    private struct Counts {
        var refused: [Refused: UInt64] = [:]
        var commitTimes = CollectorFigures.CommitTimes()
        var failedCommits: UInt64 = 0
        var committedRuns: UInt64 = 0
        var foldedRuns: UInt64 = 0
        var purges: UInt64 = 0
        var sessions: UInt64 = 0
    }

    private let counts = Mutex(Counts())
    // Counted for each frame, so without a lock.
    private let frames = Atomic<UInt64>(0)
    private let bytes = Atomic<UInt64>(0)

    func tookFrame(wireBytes: Int) {
        frames.wrappingAdd(1, ordering: .relaxed)
        bytes.wrappingAdd(UInt64(wireBytes), ordering: .relaxed)
    }

    func accepted() { counts.withLock { $0.sessions += 1 } }

    func refused(_ reason: Refused) { counts.withLock { $0.refused[reason, default: 0] += 1 } }

    func committed(runs: Int, foldedRuns: UInt64, in duration: Duration) {
        let (seconds, attoseconds) = duration.components
        let microseconds =
            UInt64(clamping: seconds) * 1_000_000
            + UInt64(clamping: attoseconds / 1_000_000_000_000)
        counts.withLock { counts in
            counts.commitTimes.add(microseconds: microseconds)
            counts.committedRuns += UInt64(runs)
            counts.foldedRuns += foldedRuns
        }
    }

    func commitFailed() { counts.withLock { $0.failedCommits += 1 } }

    func purged() { counts.withLock { $0.purges += 1 } }

    /// Writes all of it into `figures`.
    func fill(_ figures: inout CollectorFigures) {
        figures.frameCount = frames.load(ordering: .relaxed)
        figures.receivedBytes = bytes.load(ordering: .relaxed)
        counts.withLock { counts in
            figures.acceptedSessionCount = counts.sessions
            figures.refusedCounts = Refused.allCases.map { reason in
                (reason.rawValue, counts.refused[reason] ?? 0)
            }
            figures.commitTimes = counts.commitTimes
            figures.failedCommitCount = counts.failedCommits
            figures.committedRunCount = counts.committedRuns
            figures.foldedRunCount = counts.foldedRuns
            figures.purgeCount = counts.purges
        }
    }
}
