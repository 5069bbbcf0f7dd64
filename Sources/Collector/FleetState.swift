package import MemoryModel
package import PeakStore

/// Every host that a collector knows, and what of them is not on the disk yet.
///
/// A value without sockets, disk or clock: sessions' events go in, batches for the store come
/// out, and only what was reported as committed is acknowledged to anyone.
package struct FleetState {
    /// The hosts by their id.
    package private(set) var hosts: [HostID: HostRecord] = [:]

    /// A fleet of no hosts.
    package init() {}

    /// The fleet as `store` has it, with its open runs.
    package init(store: any PeakStoring) throws {
        for host in try store.hosts() {
            let runs = try store.openRuns(of: host.id)
            hosts[host.id] = HostRecord(stored: host, openRuns: runs)
        }
    }

    /// Takes in a session that was accepted for a host.
    ///
    /// - Returns: The session that spoke for the host until now, which is to be replaced.
    package mutating func sessionAccepted(
        _ session: SessionID, host: HostID, boot: BootID, epoch: UInt64, agentVersion: RawText,
        nowMilliseconds now: Int64
    ) -> SessionID? {
        let replaced = hosts[host]?.session
        hosts[
            host,
            default: HostRecord(
                id: host, boot: boot, epoch: epoch, agentVersion: agentVersion,
                nowMilliseconds: now)
        ].sessionAccepted(
            session, boot: boot, epoch: epoch, agentVersion: agentVersion, nowMilliseconds: now)
        return replaced
    }

    /// Lets `change` work on the host that `session` speaks for.
    ///
    /// - Returns: false if another session speaks for it by now; then nothing was changed.
    package mutating func update(
        _ host: HostID, by session: SessionID, nowMilliseconds now: Int64,
        _ change: (inout HostRecord) -> Void
    ) -> Bool {
        guard let index = hosts.index(forKey: host), hosts.values[index].session == session else {
            return false
        }
        hosts.values[index].heard(nowMilliseconds: now)
        change(&hosts.values[index])
        return true
    }

    /// Takes note that a session is over.
    package mutating func sessionClosed(_ session: SessionID, host: HostID) {
        guard hosts[host]?.session == session else { return }
        hosts[host]?.session = nil
    }

    // MARK: Committing

    /// What is on its way to the disk.
    package struct Pending {
        fileprivate var hosts: [HostID: HostRecord.Pending]
    }

    /// Everything that is not on the disk yet, as one batch, and what to report back of it.
    package mutating func takeBatch() -> (batch: CommitBatch, pending: Pending) {
        var batch = CommitBatch()
        var pending = Pending(hosts: [:])
        for index in hosts.indices {
            let host = hosts.keys[index]
            pending.hosts[host] = hosts.values[index].takePending(into: &batch)
        }
        return (batch, pending)
    }

    /// Takes note that `pending` is on the disk.
    package mutating func committed(_ pending: Pending) {
        for (host, part) in pending.hosts { hosts[host]?.committed(part) }
    }

    /// Takes note that `pending` did not reach the disk; it will be in the next batch.
    package mutating func commitFailed(_ pending: Pending) {
        for (host, part) in pending.hosts { hosts[host]?.commitFailed(part) }
    }
}
