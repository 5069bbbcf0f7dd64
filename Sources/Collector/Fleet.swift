package import MemoryModel
package import PeakStore
import Synchronization

/// What a session is told from outside of its event loop.
package enum SessionCommand: Sendable, Equatable {
    /// Everything up to this frame is on the disk, and this is the credit from now on.
    case committed(throughSequence: UInt64, credit: UInt64)
    /// The store cannot write for now: nothing new may be sent.
    case suspended
    /// A newer session speaks for the host.
    case replaced
    /// The collector stops.
    case drain(retryAfterMilliseconds: UInt64)
}

/// Where the store stands, for people and for monitoring.
package enum StoreHealth: Sendable, Equatable {
    /// The last commit succeeded.
    case working
    /// Commits fail since this time for something that can pass; nothing is acknowledged, and it
    /// is tried again.
    case stalled(PeakStoreError, sinceMilliseconds: Int64)
}

/// The fleet as the event loops, the committer and the views share it.
///
/// One lock guards it. Nobody holds it while waiting for a disk or a socket.
package final class Fleet: Sendable {
    private struct Guarded {
        var fleet: FleetState
        var sessions: [SessionID: Session] = [:]
        var nextSession: UInt64 = 1
        var health = StoreHealth.working
        var committedAtMilliseconds: Int64?
    }

    private struct Session {
        var tell: @Sendable (SessionCommand) -> Void
        var appliedSequence: UInt64?
        var toldSequence: UInt64?
    }

    private let guarded: Mutex<Guarded>
    private let credit: UInt64

    /// Shares `fleet`; each session gets `credit` frames.
    package init(fleet: FleetState, credit: UInt64) {
        guarded = Mutex(Guarded(fleet: fleet))
        self.credit = credit
    }

    // MARK: Sessions

    /// Takes in a session that was accepted for a host, and tells the one that it replaces.
    ///
    /// `tell` reaches the session from any thread.
    package func accept(
        host: HostID, boot: BootID, epoch: UInt64, agentVersion: RawText,
        nowMilliseconds now: Int64, tell: @escaping @Sendable (SessionCommand) -> Void
    ) -> SessionID {
        let (session, replaced) = guarded.withLock { guarded in
            let session = SessionID(number: guarded.nextSession)
            guarded.nextSession += 1
            guarded.sessions[session] = Session(tell: tell)
            let replaced = guarded.fleet.sessionAccepted(
                session, host: host, boot: boot, epoch: epoch, agentVersion: agentVersion,
                nowMilliseconds: now)
            return (session, replaced.flatMap { guarded.sessions.removeValue(forKey: $0)?.tell })
        }
        replaced?(.replaced)
        return session
    }

    /// Lets `change` work on the host that `session` speaks for, then counts the frame
    /// `sequence` as taken.
    ///
    /// - Returns: false if another session speaks for it by now.
    package func apply(
        _ host: HostID, by session: SessionID, sequence: UInt64, nowMilliseconds now: Int64,
        _ change: (inout HostRecord) -> Void
    ) -> Bool {
        guarded.withLock { guarded in
            guard guarded.fleet.update(host, by: session, nowMilliseconds: now, change) else {
                return false
            }
            guarded.sessions[session]?.appliedSequence = sequence
            return true
        }
    }

    /// Takes note that a host said something that is not to be kept.
    package func heard(_ host: HostID, by session: SessionID, nowMilliseconds now: Int64) {
        guarded.withLock { guarded in
            _ = guarded.fleet.update(host, by: session, nowMilliseconds: now) { _ in }
        }
    }

    /// Takes note that a session is over.
    package func close(_ session: SessionID, host: HostID) {
        guarded.withLock { guarded in
            guarded.sessions[session] = nil
            guarded.fleet.sessionClosed(session, host: host)
        }
    }

    /// Tells every session to go, each with another delay before it comes back.
    package func drain() {
        let sessions = guarded.withLock { $0.sessions.values.map(\.tell) }
        for (index, tell) in sessions.enumerated() {
            // Spread over at most ten seconds, so that not all come back at once.
            let delay = 500 + UInt64(index) * 9_500 / UInt64(sessions.count)
            tell(.drain(retryAfterMilliseconds: delay))
        }
    }

    /// How many sessions there are.
    package var sessionCount: Int { guarded.withLock { $0.sessions.count } }

    // MARK: Committing

    /// A batch for the store and what to do once it is there.
    package struct Commit {
        package let batch: CommitBatch
        fileprivate let pending: FleetState.Pending
        fileprivate let applied: [(SessionID, UInt64)]
    }

    /// Takes everything that is not on the disk.
    package func takeCommit() -> Commit {
        guarded.withLock { guarded in
            let (batch, pending) = guarded.fleet.takeBatch()
            let applied = guarded.sessions.compactMap { id, session in
                session.appliedSequence.map { (id, $0) }
            }
            return Commit(batch: batch, pending: pending, applied: applied)
        }
    }

    /// Takes note that `commit` is on the disk, and acknowledges what it held.
    package func committed(_ commit: Commit, atMilliseconds now: Int64) {
        let told = guarded.withLock { guarded in
            guarded.fleet.committed(commit.pending)
            let wasFull = guarded.health != .working
            guarded.health = .working
            guarded.committedAtMilliseconds = now
            let applied = Dictionary(uniqueKeysWithValues: commit.applied)
            return guarded.sessions.compactMap { id, session in
                // Whoever has sent nothing yet was suspended too, and needs credit to begin.
                let known = applied[id] ?? (wasFull ? session.toldSequence ?? 0 : nil)
                guard let sequence = known, wasFull || session.toldSequence != sequence else {
                    return (@Sendable (SessionCommand) -> Void, UInt64)?.none
                }
                guarded.sessions[id]?.toldSequence = sequence
                return (session.tell, sequence)
            }
        }
        for (tell, sequence) in told {
            tell(.committed(throughSequence: sequence, credit: credit))
        }
    }

    /// Takes note that the store cannot write for now: `commit` is due again, and nobody may send
    /// more.
    package func commitFailed(
        _ commit: Commit, error: PeakStoreError, atMilliseconds now: Int64
    ) {
        let told = guarded.withLock { guarded in
            guarded.fleet.commitFailed(commit.pending)
            if case .working = guarded.health {
                guarded.health = .stalled(error, sinceMilliseconds: now)
            }
            return guarded.sessions.values.map(\.tell)
        }
        for tell in told { tell(.suspended) }
    }

    // MARK: Views

    /// Where the store stands and when it last committed.
    package var health: (StoreHealth, committedAtMilliseconds: Int64?) {
        guarded.withLock { ($0.health, $0.committedAtMilliseconds) }
    }

    /// Reads the fleet as it is now; `body` must be short, because sessions wait for it.
    package func read<Result: Sendable>(_ body: (borrowing FleetState) -> sending Result)
        -> sending Result
    {
        guarded.withLock { body($0.fleet) }
    }
}
