package import PeakStore
import Synchronization

// What reaches the disk, and how much may wait for it.

extension Fleet {
    /// A batch for the store and what to do once it is there.
    package struct Commit {
        package let batch: CommitBatch
        fileprivate let pending: FleetState.Pending
        fileprivate let applied: [SessionID: UInt64]
    }

    /// Takes everything that is not on the disk.
    package func takeCommit(at now: Moment) -> Commit {
        guarded.withLock { guarded in
            guarded.fleet.endLeftCommands(nowMilliseconds: now.utcMilliseconds)
            let (batch, pending) = guarded.fleet.takeBatch()
            guarded.commitBeganAtMilliseconds = now.monotonicMilliseconds
            let applied = guarded.sessions.compactMapValues(\.appliedSequence)
            return Commit(batch: batch, pending: pending, applied: applied)
        }
    }

    /// Takes note that `commit` is on the disk, and acknowledges what it held.
    package func committed(_ commit: Commit, at now: Moment) {
        let told = guarded.withLock { guarded in
            guarded.fleet.committed(commit.pending)
            guarded.health = .working
            guarded.committedAtMilliseconds = now.utcMilliseconds
            guarded.commitBeganAtMilliseconds = nil
            let credit = credit(guarded, at: now)
            return guarded.sessions.compactMap { id, session in
                // Whoever has sent nothing yet may have lost its credit too, and needs it to begin.
                let sequence = commit.applied[id] ?? session.toldSequence
                guard session.toldSequence != sequence || session.toldCredit != credit else {
                    return (@Sendable (SessionCommand) -> Void, SessionCommand)?.none
                }
                guarded.sessions[id]?.toldSequence = sequence
                guarded.sessions[id]?.toldCredit = credit
                let command =
                    sequence.map { SessionCommand.committed(throughSequence: $0, credit: credit) }
                return (session.tell, command ?? .credit(credit))
            }
        }
        for (tell, command) in told { tell(command) }
    }

    /// Takes note that the store cannot write for now: `commit` is due again, and nobody may send
    /// more.
    package func commitFailed(_ commit: Commit, error: PeakStoreError, at now: Moment) {
        guarded.withLock { guarded in
            guarded.fleet.commitFailed(commit.pending)
            guarded.commitBeganAtMilliseconds = nil
            if case .working = guarded.health {
                guarded.health = .stalled(error, sinceMilliseconds: now.utcMilliseconds)
            }
        }
        adjustCredit(at: now)
    }

    /// Tells every session its credit where that has changed.
    package func adjustCredit(at now: Moment) {
        let told = guarded.withLock { guarded in
            let credit = credit(guarded, at: now)
            var told: [(tell: @Sendable (SessionCommand) -> Void, credit: UInt64)] = []
            for index in guarded.sessions.indices
            where guarded.sessions.values[index].toldCredit != credit {
                guarded.sessions.values[index].toldCredit = credit
                told.append((guarded.sessions.values[index].tell, credit))
            }
            return told
        }
        for (tell, credit) in told { tell(.credit(credit)) }
    }

    /// The credit with which a session begins now.
    package func credit(at now: Moment) -> UInt64 {
        guarded.withLock { credit($0, at: now) }
    }

    private func credit(_ guarded: borrowing Guarded, at now: Moment) -> UInt64 {
        scale.credit(
            uncommittedBytes: guarded.fleet.use.uncommittedBytes,
            lagMilliseconds: guarded.commitLagMilliseconds(at: now),
            isStalled: guarded.health != .working)
    }

    /// Whether so much waits that a commit is due before its time.
    package var isCommitDue: Bool {
        guarded.withLock { guarded in
            guarded.health == .working && guarded.commitBeganAtMilliseconds == nil
                && guarded.fleet.use.uncommittedBytes > commitBytes
        }
    }

    /// Whether so much less is held than once was that giving it back to the kernel is worth it.
    package func takeMemoryWorthReturning() -> Bool {
        guarded.withLock { guarded in
            let held = guarded.fleet.use.withWritingBytes
            guard guarded.mostHeldBytes - held > 32 << 20 else { return false }
            guarded.mostHeldBytes = held
            return true
        }
    }

    /// Where the store stands and when it last committed.
    package var health: (StoreHealth, committedAtMilliseconds: Int64?) {
        guarded.withLock { ($0.health, $0.committedAtMilliseconds) }
    }

    /// How things stand with memory and disk, for whoever looks.
    struct Status {
        var health: StoreHealth
        var committedAtMilliseconds: Int64?
        /// For how long a commit has been under way; 0 while none is.
        var lagMilliseconds: Int64
        var use: MemoryUse
        var refusals: [Refusals.Reason]
    }

    /// How things stand now.
    func status(at now: Moment) -> Status {
        guarded.withLock { guarded in
            Status(
                health: guarded.health, committedAtMilliseconds: guarded.committedAtMilliseconds,
                lagMilliseconds: guarded.commitLagMilliseconds(at: now), use: guarded.fleet.use,
                refusals: guarded.refusals.recent(at: now))
        }
    }
}

extension Fleet.Guarded {
    /// For how long a commit has been under way; 0 while none is.
    fileprivate func commitLagMilliseconds(at now: Moment) -> Int64 {
        commitBeganAtMilliseconds.map { max(0, now.monotonicMilliseconds - $0) } ?? 0
    }
}
