package import MemoryModel
package import PeakStore
import Synchronization
package import Wire

/// What a session is told from outside of its event loop.
package enum SessionCommand: Sendable, Equatable {
    /// Everything up to this frame is on the disk, and this is the credit from now on.
    case committed(throughSequence: UInt64, credit: UInt64)
    /// This is the credit from now on; nothing more is on the disk.
    case credit(UInt64)
    /// A newer session, from this address, speaks for the host.
    case replaced(by: String)
    /// What happened in these stretches of boot time was purged and is to be forgotten.
    case reset([TimeBracket])
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

/// What a collector's fleet may grow to.
package struct FleetLimits: Sendable {
    /// Data frames of one session that may be without an acknowledgement.
    package var credit: UInt64
    /// What all of it may take in memory, by the collector's own estimate.
    package var memoryBytes: Int
    /// Hosts in all.
    package var hosts: Int

    package init(credit: UInt64 = 64, memoryBytes: Int = 1 << 30, hosts: Int = 100_000) {
        self.credit = credit
        self.memoryBytes = memoryBytes
        self.hosts = hosts
    }
}

/// The fleet as the event loops, the committer and the views share it.
///
/// One lock guards it. Nobody holds it while waiting for a disk or a socket.
package final class Fleet: Sendable {
    struct Guarded {
        var fleet: FleetState
        var sessions: [SessionID: Session] = [:]
        var nextSession: UInt64 = 1
        var health = StoreHealth.working
        var committedAtMilliseconds: Int64?
        /// Since when a commit has been under way, on the monotonic clock; nil while none is.
        var commitBeganAtMilliseconds: Int64?
        var conflicts = IdentityConflicts()
        var refusals = Refusals()
        var allowances = RateAllowances()
        /// The most that was held since memory was last given back.
        var mostHeldBytes = 0
    }

    struct Session {
        let host: HostID
        let address: String
        let tell: @Sendable (SessionCommand) -> Void
        var appliedSequence: UInt64?
        var toldSequence: UInt64?
        var toldCredit: UInt64
        /// On the monotonic clock.
        var heardAtMilliseconds: Int64
    }

    let guarded: Mutex<Guarded>
    package let limits: FleetLimits
    let statistics = CollectorStatistics()
    let scale: CreditScale
    /// Above this a commit begins before its time.
    let commitBytes: Int

    /// Shares `fleet`, which may grow to `limits`.
    package init(fleet: FleetState, limits: FleetLimits = FleetLimits()) {
        guarded = Mutex(Guarded(fleet: fleet))
        self.limits = limits
        scale = CreditScale(most: limits.credit, memoryLimitBytes: limits.memoryBytes)
        commitBytes = min(64 << 20, limits.memoryBytes / 16)
    }

    // MARK: Sessions

    /// How a frame was taken.
    package enum Outcome: Sendable, Equatable {
        /// It was.
        case taken
        /// It was not: another session speaks for the host by now.
        case replaced
        /// Not whole: the host tells more than one host may.
        case tooMuch
        /// It was not: there is no memory for more.
        case busy
    }

    /// Lets `event` work on the host that `session` speaks for, then counts the frame `sequence`
    /// as taken.
    package func apply(
        _ event: SessionEvent, to host: HostID, by session: SessionID, sequence: UInt64,
        at now: Moment
    ) -> Outcome {
        let (outcome, reset) = guarded.withLock { guarded in
            let outcome = apply(event, to: host, by: session, sequence, at: now, &guarded)
            // HOST begins a session, or says that the clock was set.
            guard case .host = event, outcome == .taken,
                guarded.fleet.hosts[host]?.session == session
            else { return (outcome, (@Sendable () -> Void)?.none) }
            return (outcome, guarded.reset(host))
        }
        reset?()
        return outcome
    }

    private func apply(
        _ event: SessionEvent, to host: HostID, by session: SessionID, _ sequence: UInt64,
        at now: Moment, _ guarded: inout Guarded
    ) -> Outcome {
        guard
            guarded.fleet.use.heldBytes < limits.memoryBytes
                || !guarded.takesMemory(event, of: host)
        else {
            guarded.refusals.note(.memory, at: now)
            statistics.refused(.memory)
            return .busy
        }
        var isTaken = true
        let speaker = guarded.fleet.speak(
            for: host, by: session, nowMilliseconds: now.utcMilliseconds
        ) {
            isTaken = $0.apply(event, nowMilliseconds: now.utcMilliseconds)
        }
        guard let speaker else { return .replaced }
        guarded.noteHeard(session, of: host, as: speaker, sequence, at: now)
        guarded.mostHeldBytes = max(guarded.mostHeldBytes, guarded.fleet.use.withWritingBytes)
        return isTaken ? .taken : .tooMuch
    }

    /// Takes note that a host said something that is not to be kept.
    package func heard(_ host: HostID, by session: SessionID, at now: Moment) {
        guarded.withLock { guarded in
            let speaker = guarded.fleet.speak(
                for: host, by: session, nowMilliseconds: now.utcMilliseconds
            ) { _ in }
            guarded.noteHeard(session, of: host, as: speaker, at: now)
        }
    }

    /// Takes note that a session is over, and of what its host may send when it comes back.
    package func close(
        _ session: SessionID, host: HostID, allowance: RateAllowance? = nil,
        at now: Moment = WallClock.now()
    ) {
        guarded.withLock { guarded in
            guarded.sessions[session] = nil
            guarded.fleet.sessionClosed(session, host: host)
            if let allowance { guarded.allowances.add(allowance, of: host, at: now) }
        }
    }

    /// What a host that comes back may send at once; nil if that is everything.
    func takeAllowance(of host: HostID, at now: Moment) -> RateAllowance? {
        guarded.withLock { $0.allowances.take(of: host, at: now) }
    }

    /// Forgets hosts of which the store has nothing any more.
    package func forget(_ removed: [HostID]) {
        guard !removed.isEmpty else { return }
        guarded.withLock { guarded in
            for host in removed { guarded.fleet.forget(host) }
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

    // MARK: Views

    /// Reads the fleet as it is now; `body` must be short, because sessions wait for it.
    package func read<Result: Sendable>(_ body: (borrowing FleetState) -> sending Result)
        -> sending Result
    {
        guarded.withLock { body($0.fleet) }
    }
}

extension Fleet.Guarded {
    /// Takes note of a sign of life, and of the frame that was applied, if it was one.
    mutating func noteHeard(
        _ session: SessionID, of host: HostID, as speaker: FleetState.Speaker?,
        _ appliedSequence: UInt64? = nil, at now: Moment
    ) {
        guard let index = sessions.index(forKey: session) else { return }
        sessions.values[index].heardAtMilliseconds = now.monotonicMilliseconds
        if let appliedSequence { sessions.values[index].appliedSequence = appliedSequence }
        // Both machines live, so that it is not one that has restarted.
        if speaker == .present { conflicts.confirm(host, at: now) }
    }

    /// Whether a frame adds something to what is kept, instead of changing what is there.
    func takesMemory(_ event: SessionEvent, of host: HostID) -> Bool {
        switch event {
        case .define(let runs):
            // A host that only came back defines what is known.
            let ledger = fleet.hosts[host]?.ledger
            return runs.contains { ledger?[$0.key] == nil }
        case .folds, .counters, .totals, .cgroups, .kills, .gaps, .windows, .covered:
            return true
        default: return false
        }
    }
}
