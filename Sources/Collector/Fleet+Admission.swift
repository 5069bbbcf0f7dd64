import MemoryModel
import Synchronization
package import Wire

/// What becomes of an agent that said who it is.
package enum Admission: Sendable, Equatable {
    /// It has a session.
    case accepted(SessionID)
    /// It is turned away.
    case refused(Refusal)
}

/// Why an agent is turned away, and for how long.
package struct Refusal: Sendable, Equatable {
    /// What it is told.
    package var code: ErrorCode
    package var text: String
    package var retryAfterMilliseconds: UInt64
    /// Whether a line in the log is worth it.
    package var isNotable: Bool
}

extension Fleet {
    /// A host's session that was silent for so long no longer stands against another boot: longer
    /// than two pings take, shorter than the idle deadline.
    static let conflictSilenceMilliseconds: Int64 = 30_000

    /// When to come back to see whether the other machine is one that restarted.
    ///
    /// Once it is known to live, the agent waits some minutes, as after every refusal for good.
    static let conflictRetryMilliseconds: UInt64 = 20_000

    /// So many sessions may tell at one time what agents of one host left behind.
    static let maximumPastSessions = 4
    /// So many commands that run on one host may be told of at one time.
    static let maximumCommandSessions = 256

    /// Takes in an agent that said who it is, and tells the session that it replaces; or says why
    /// not.
    ///
    /// `tell` reaches the session from any thread. `credit` is what it was granted already.
    package func accept(
        _ agent: SessionIdentity, from address: String, credit: UInt64, at now: Moment,
        tell: @escaping @Sendable (SessionCommand) -> Void
    ) -> Admission {
        let (admission, replaced) = guarded.withLock { guarded in
            if let refusal = refusal(of: agent, from: address, at: now, &guarded) {
                return (Admission.refused(refusal), (@Sendable (SessionCommand) -> Void)?.none)
            }
            let session = SessionID(number: guarded.nextSession)
            guarded.nextSession += 1
            guarded.sessions[session] = Session(
                host: agent.hostID, address: address, tell: tell, toldCredit: credit,
                heardAtMilliseconds: now.monotonicMilliseconds)
            let replaced = guarded.fleet.accept(
                session, agent, nowMilliseconds: now.utcMilliseconds)
            return (
                .accepted(session),
                replaced.flatMap { guarded.sessions.removeValue(forKey: $0)?.tell }
            )
        }
        if case .accepted = admission { statistics.accepted() }
        replaced?(.replaced(by: address))
        return admission
    }

    private func refusal(
        of agent: SessionIdentity, from address: String, at now: Moment, _ guarded: inout Guarded
    ) -> Refusal? {
        let maximum =
            agent.isCommand ? Fleet.maximumCommandSessions : Fleet.maximumPastSessions
        if agent.isPast,
            guarded.fleet.pastSessionCount(of: agent.hostID, areCommands: agent.isCommand)
                >= maximum
        {
            statistics.refused(.past)
            return Refusal(
                code: .busy,
                text: agent.isCommand
                    ? "\(maximum) commands of this host are told of already"
                    : "others tell already what earlier agents of this host left",
                retryAfterMilliseconds: 30_000, isNotable: false)
        }
        if agent.isCommand, let known = guarded.fleet.hosts[agent.hostID], known.boot == agent.boot,
            known.session != nil
        {
            return Refusal(
                code: .toldByAgent, text: "the agent of this host tells of the command",
                retryAfterMilliseconds: 0, isNotable: false)
        }
        guard let known = guarded.fleet.hosts[agent.hostID] else {
            return refusalOfNewHost(at: now, &guarded)
        }
        guard !agent.isPast, known.boot != agent.boot, let session = known.session,
            let present = guarded.sessions[session],
            now.monotonicMilliseconds - present.heardAtMilliseconds
                < Fleet.conflictSilenceMilliseconds
        else { return nil }
        statistics.refused(.identity)
        let (isNotable, isConfirmed) = guarded.conflicts.note(
            agent.hostID, present.address, address, at: now)
        return Refusal(
            code: .identityConflict,
            text: "two machines claim the host id \(agent.hostID): \(present.address), which is "
                + "connected, and \(address); give one of them another with --host-id",
            retryAfterMilliseconds: isConfirmed ? 0 : Fleet.conflictRetryMilliseconds,
            isNotable: isNotable)
    }

    private func refusalOfNewHost(at now: Moment, _ guarded: inout Guarded) -> Refusal? {
        let reason: Refusals.Reason
        let text: String
        if guarded.fleet.hosts.count >= limits.hosts {
            reason = .hosts
            text = "this collector knows \(limits.hosts) hosts already and takes no more"
        } else if guarded.fleet.use.heldBytes >= limits.memoryBytes {
            reason = .memory
            text = "this collector has no memory for another host (--memory-limit)"
        } else {
            return nil
        }
        statistics.refused(reason == .hosts ? .hosts : .memory)
        let isNotable = guarded.refusals.note(reason, at: now)
        return Refusal(
            code: .busy, text: text, retryAfterMilliseconds: 60_000, isNotable: isNotable)
    }

    /// Which machines claim one host id, seen within the last hour.
    func conflicts(at now: Moment) -> [HostID: IdentityConflict] {
        guarded.withLock { $0.conflicts.recent(at: now) }
    }
}

extension FleetState {
    fileprivate mutating func accept(
        _ session: SessionID, _ agent: SessionIdentity, nowMilliseconds now: Int64
    ) -> SessionID? {
        guard agent.isPast else {
            return sessionAccepted(
                session, host: agent.hostID, boot: agent.boot, epoch: agent.epoch,
                agentVersion: agent.agentVersion, nowMilliseconds: now)
        }
        pastSessionAccepted(
            session, host: agent.hostID, boot: agent.boot, epoch: agent.epoch,
            agentVersion: agent.agentVersion, isCommand: agent.isCommand, nowMilliseconds: now)
        return nil
    }
}
