package import MemoryModel
package import PeakStore

/// Every host that a collector knows, and what of them is not on the disk yet.
///
/// A value without sockets, disk or clock: sessions' events go in, batches for the store come
/// out, and only what was reported as committed is acknowledged to anyone.
package struct FleetState {
    /// The hosts by their id.
    package private(set) var hosts: [HostID: HostRecord] = [:]
    /// What agents that ran before left behind, by the session that tells it.
    package private(set) var pasts: [SessionID: HostRecord] = [:]
    private var pastSessions: [HostID: Set<SessionID>] = [:]
    /// What was purged of each host and is not to come back.
    package private(set) var tombstones: [HostID: [Tombstone]] = [:]
    /// What all of it takes.
    package private(set) var use = MemoryUse()

    /// A fleet of no hosts.
    package init() {}

    /// The fleet as `store` has it, with its open runs.
    package init(store: any PeakStoring) throws {
        tombstones = Dictionary(grouping: try store.tombstones(), by: \.request.host)
        for host in try store.hosts() {
            let runs = try store.openRuns(of: host.id)
            set(HostRecord(stored: host, openRuns: runs), for: host.id)
        }
    }

    /// Takes in a session that was accepted for a host.
    ///
    /// - Returns: The session that spoke for the host until now, which is to be replaced.
    package mutating func sessionAccepted(
        _ session: SessionID, host: HostID, boot: BootID, epoch: UInt64, agentVersion: RawText,
        nowMilliseconds now: Int64
    ) -> SessionID? {
        var record =
            hosts[host]
            ?? HostRecord(
                id: host, boot: boot, epoch: epoch, agentVersion: agentVersion,
                nowMilliseconds: now)
        let replaced = record.session
        record.sessionAccepted(
            session, boot: boot, epoch: epoch, agentVersion: agentVersion, nowMilliseconds: now)
        set(record, for: host)
        return replaced
    }

    /// Takes in a session that tells what an agent that ran before left behind.
    ///
    /// It stands beside the one that speaks for the host, and beside others of its kind.
    package mutating func pastSessionAccepted(
        _ session: SessionID, host: HostID, boot: BootID, epoch: UInt64, agentVersion: RawText,
        nowMilliseconds now: Int64
    ) {
        var record = HostRecord(
            id: host, boot: boot, epoch: epoch, agentVersion: agentVersion, nowMilliseconds: now,
            isPast: true)
        record.session = session
        record.tombstones = tombstones[host] ?? []
        pasts[session] = record
        pastSessions[host, default: []].insert(session)
        use.add(record.use)
    }

    /// How many sessions tell what agents of a host left behind.
    package func pastSessionCount(of host: HostID) -> Int { pastSessions[host]?.count ?? 0 }

    /// Lets `change` work on the record of the host that `session` speaks for.
    ///
    /// - Returns: false if another session speaks for it by now; then nothing was changed.
    package mutating func update(
        _ host: HostID, by session: SessionID, nowMilliseconds now: Int64,
        _ change: (inout HostRecord) -> Void
    ) -> Bool {
        if let index = pasts.index(forKey: session) {
            use.remove(pasts.values[index].use)
            change(&pasts.values[index])
            use.add(pasts.values[index].use)
            takeOver(pasts.values[index].takeRaisedRuns(), from: pasts.values[index])
            return true
        }
        guard let index = hosts.index(forKey: host), hosts.values[index].session == session else {
            return false
        }
        use.remove(hosts.values[index].use)
        hosts.values[index].heard(nowMilliseconds: now)
        change(&hosts.values[index])
        use.add(hosts.values[index].use)
        return true
    }

    /// Takes note that a session is over.
    package mutating func sessionClosed(_ session: SessionID, host: HostID) {
        guard pasts[session] == nil else { return forgetPast(session) }
        guard let record = hosts[host], record.session == session else { return }
        hosts[host]?.session = nil
        // Whoever never said what it is left nothing that could be kept.
        if record.description == nil { set(nil, for: host) }
    }

    // MARK: Past sessions

    /// Shows at once what a past session says of runs that still live, and of a host that nobody
    /// has heard of.
    private mutating func takeOver(_ raised: [RunRecord], from past: HostRecord) {
        guard let index = hosts.index(forKey: past.id) else {
            if let record = HostRecord(past: past) { set(record, for: past.id) }
            return
        }
        guard !raised.isEmpty, hosts.values[index].boot == past.boot else { return }
        use.remove(hosts.values[index].use)
        for run in raised { hosts.values[index].raise(from: run) }
        use.add(hosts.values[index].use)
    }

    private mutating func forgetPast(_ session: SessionID) {
        guard let record = pasts.removeValue(forKey: session) else { return }
        pastSessions[record.id]?.remove(session)
        if pastSessions[record.id]?.isEmpty == true { pastSessions[record.id] = nil }
        use.remove(record.use)
    }

    // MARK: Memory

    private mutating func set(_ given: HostRecord?, for host: HostID) {
        if let known = hosts[host] { use.remove(known.use) }
        var record = given
        record?.tombstones = tombstones[host] ?? []
        hosts[host] = record
        if let record { use.add(record.use) }
    }

    // MARK: Purging

    /// Forgets what was purged, and keeps it out from now on.
    package mutating func purge(_ tombstone: Tombstone) {
        let host = tombstone.request.host
        tombstones[host, default: []].append(tombstone)
        if let index = hosts.index(forKey: host) {
            use.remove(hosts.values[index].use)
            hosts.values[index].purge(tombstone)
            use.add(hosts.values[index].use)
        }
        for session in pastSessions[host] ?? [] {
            guard let index = pasts.index(forKey: session) else { continue }
            use.remove(pasts.values[index].use)
            pasts.values[index].purge(tombstone)
            use.add(pasts.values[index].use)
        }
    }

    /// Lets in again what a tombstone kept out; `runs` are those of its host that have not ended,
    /// as the store has them again.
    package mutating func undoPurge(_ tombstone: Tombstone, bringingBack runs: [StoredRun]) {
        let host = tombstone.request.host
        tombstones[host]?.removeAll { $0.id == tombstone.id }
        if tombstones[host]?.isEmpty == true { tombstones[host] = nil }
        hosts[host]?.undoPurge(tombstone.id, bringingBack: runs)
        for past in pastSessions[host] ?? [] {
            pasts[past]?.undoPurge(tombstone.id, bringingBack: [])
        }
    }

    // MARK: Committing

    /// What is on its way to the disk.
    package struct Pending {
        fileprivate var hosts: [HostID: HostRecord.Pending] = [:]
        fileprivate var pasts: [SessionID: HostRecord.Pending] = [:]
    }

    /// Everything that is not on the disk yet, as one batch, and what to report back of it.
    package mutating func takeBatch() -> (batch: CommitBatch, pending: Pending) {
        var batch = CommitBatch()
        var pending = Pending()
        use = MemoryUse()
        for index in hosts.indices {
            let host = hosts.keys[index]
            pending.hosts[host] = hosts.values[index].takePending(into: &batch)
            use.add(hosts.values[index].use)
        }
        for index in pasts.indices {
            let session = pasts.keys[index]
            pending.pasts[session] = pasts.values[index].takePending(into: &batch)
            use.add(pasts.values[index].use)
        }
        return (batch, pending)
    }

    /// Takes note that `pending` is on the disk.
    package mutating func committed(_ pending: Pending) {
        settle(pending) { $0.committed($1) }
    }

    /// Takes note that `pending` did not reach the disk; it will be in the next batch.
    package mutating func commitFailed(_ pending: Pending) {
        settle(pending) { $0.commitFailed($1) }
    }

    private mutating func settle(
        _ pending: Pending, _ change: (inout HostRecord, HostRecord.Pending) -> Void
    ) {
        for (host, part) in pending.hosts {
            guard let index = hosts.index(forKey: host) else { continue }
            use.remove(hosts.values[index].use)
            change(&hosts.values[index], part)
            use.add(hosts.values[index].use)
        }
        for (session, part) in pending.pasts {
            guard let index = pasts.index(forKey: session) else { continue }
            use.remove(pasts.values[index].use)
            change(&pasts.values[index], part)
            use.add(pasts.values[index].use)
        }
    }
}
