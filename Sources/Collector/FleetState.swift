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
    /// Sessions of commands that are over with runs that have not ended, and since when.
    private var leftCommands: [SessionID: LeftCommand] = [:]

    private struct LeftCommand {
        /// When it was first missed; nil before.
        var sinceMilliseconds: Int64?
        var isEnded = false
    }

    /// So long a command may be away until what it did not end is taken for ended.
    static let commandPatienceMilliseconds: Int64 = 60_000
    /// What was purged of each host and is not to come back.
    package private(set) var tombstones: [HostID: [Tombstone]] = [:]
    /// What all of it takes.
    package private(set) var use = MemoryUse()

    /// A fleet of no hosts.
    package init() {}

    /// The fleet as `store` has it, with its open runs.
    ///
    /// `onHost` is told after each host how many were read, and how many there are.
    package init(store: any PeakStoring, onHost: (Int, Int) -> Void = { _, _ in }) throws {
        tombstones = Dictionary(grouping: try store.tombstones(), by: \.request.host)
        let known = try store.hosts()
        for (index, host) in known.enumerated() {
            defer { onHost(index + 1, known.count) }
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
        isCommand: Bool = false, nowMilliseconds now: Int64
    ) {
        var record = HostRecord(
            id: host, boot: boot, epoch: epoch, agentVersion: agentVersion, nowMilliseconds: now,
            isPast: true, isCommand: isCommand)
        // A command that is back tells all of it that has not ended again.
        for left in leftCommands.keys
        where pasts[left]?.id == host && pasts[left]?.epoch == epoch { forgetPast(left) }
        record.session = session
        record.tombstones = tombstones[host] ?? []
        pasts[session] = record
        pastSessions[host, default: []].insert(session)
        use.add(record.use)
    }

    /// How many sessions tell what agents of a host left behind, or how many of commands on it.
    package func pastSessionCount(of host: HostID, areCommands: Bool = false) -> Int {
        pastSessions[host]?.count {
            pasts[$0]?.isCommand == areCommands && leftCommands[$0] == nil
        } ?? 0
    }

    /// Who a session is, for a frame of it.
    enum Speaker: Sendable, Equatable {
        /// It speaks for the host as it is now.
        case present
        /// It tells what an agent that ran before left behind.
        case past
    }

    /// Lets `change` work on the record of the host that `session` speaks for.
    ///
    /// - Returns: false if another session speaks for it by now; then nothing was changed.
    package mutating func update(
        _ host: HostID, by session: SessionID, nowMilliseconds now: Int64,
        _ change: (inout HostRecord) -> Void
    ) -> Bool {
        speak(for: host, by: session, nowMilliseconds: now, change) != nil
    }

    /// The same; returns as who the session spoke, nil if another one speaks for the host by now.
    mutating func speak(
        for host: HostID, by session: SessionID, nowMilliseconds now: Int64,
        _ change: (inout HostRecord) -> Void
    ) -> Speaker? {
        if !pasts.isEmpty, let index = pasts.index(forKey: session) {
            pasts.values[index].counted(in: &use, change)
            takeOver(pasts.values[index].takeRaisedRuns(), from: pasts.values[index])
            return .past
        }
        guard let index = hosts.index(forKey: host) else { return nil }
        // A record is large: it is only ever changed in its place, never copied for a question.
        let isPresent = hosts.values[index].counted(in: &use) { record in
            guard record.session == session else { return false }
            record.heard(nowMilliseconds: now)
            change(&record)
            return true
        }
        return isPresent ? .present : nil
    }

    /// Takes note that a session is over.
    package mutating func sessionClosed(_ session: SessionID, host: HostID) {
        if let past = pasts[session] {
            guard past.isCommand, past.hasOpenRuns, past.description != nil else {
                return forgetPast(session)
            }
            leftCommands[session] = LeftCommand()
            return
        }
        guard let record = hosts[host], record.session == session else { return }
        hosts[host]?.session = nil
        // Whoever never said what it is left nothing that could be kept.
        if record.description == nil { set(nil, for: host) }
    }

    /// Forgets a host of which the store has nothing any more.
    ///
    /// One of which something is told by now stays, and is written again as a new one.
    package mutating func forget(_ host: HostID) {
        guard let record = hosts[host] else { return }
        if record.session == nil, record.isOnDisk, record.closedRuns.isEmpty,
            pastSessions[host] == nil
        {
            set(nil, for: host)
        } else {
            hosts[host]?.isHostDirty = true
        }
    }

    /// Whether a session tells of a host, or one of a command on it does.
    func isToldOf(_ host: HostID) -> Bool {
        hosts[host]?.session != nil || pastSessions[host] != nil
    }

    /// Forgets a host, also what was purged of it; false if somebody tells of it.
    mutating func forgetUnlessToldOf(_ host: HostID) -> Bool {
        guard !isToldOf(host) else { return false }
        tombstones[host] = nil
        set(nil, for: host)
        return true
    }

    /// Takes in a host as the store has it, unless it is there.
    mutating func remember(
        _ stored: StoredHost, openRuns: [StoredRun], _ standing: [Tombstone]
    ) {
        guard hosts[stored.id] == nil else { return }
        tombstones[stored.id] = standing.isEmpty ? nil : standing
        set(HostRecord(stored: stored, openRuns: openRuns), for: stored.id)
    }

    // MARK: Past sessions

    /// Shows at once what a past session says of runs that still live, and of a host that nobody
    /// has heard of.
    private mutating func takeOver(_ raised: [RunRecord], from past: HostRecord) {
        guard let index = hosts.index(forKey: past.id) else {
            if let record = HostRecord(past: past) { set(record, for: past.id) }
            return
        }
        hosts.values[index].noteCommand(of: past)
        guard !raised.isEmpty, hosts.values[index].boot == past.boot else { return }
        hosts.values[index].counted(in: &use) { record in
            for run in raised { record.raise(from: run) }
        }
    }

    /// Ends what commands that are gone did not end, once they have been away for long.
    package mutating func endLeftCommands(nowMilliseconds now: Int64) {
        for (session, left) in leftCommands {
            guard let index = pasts.index(forKey: session), let since = left.sinceMilliseconds
            else {
                leftCommands[session]?.sinceMilliseconds = now
                continue
            }
            if left.isEnded {
                if pasts.values[index].isOnDisk { forgetPast(session) }
            } else if abs(now &- since) >= FleetState.commandPatienceMilliseconds {
                leftCommands[session]?.isEnded = true
                let present = hosts[pasts.values[index].id]
                let known = present?.boot == pasts.values[index].boot ? present?.ledger : nil
                pasts.values[index].counted(in: &use) {
                    $0.endOpenRuns(besides: known, nowMilliseconds: now)
                }
            }
        }
    }

    private mutating func forgetPast(_ session: SessionID) {
        guard let record = pasts.removeValue(forKey: session) else { return }
        leftCommands[session] = nil
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
            hosts.values[index].counted(in: &use) { $0.purge(tombstone) }
        }
        for session in pastSessions[host] ?? [] {
            guard let index = pasts.index(forKey: session) else { continue }
            pasts.values[index].counted(in: &use) { $0.purge(tombstone) }
        }
    }

    /// Lets in again what a tombstone kept out; `runs` are those of its host that have not ended,
    /// as the store has them again.
    package mutating func undoPurge(_ tombstone: Tombstone, bringingBack runs: [StoredRun]) {
        let host = tombstone.request.host
        tombstones[host]?.removeAll { $0.id == tombstone.id }
        if tombstones[host]?.isEmpty == true { tombstones[host] = nil }
        if let index = hosts.index(forKey: host) {
            hosts.values[index].counted(in: &use) {
                $0.undoPurge(tombstone.id, bringingBack: runs)
            }
        }
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
        for index in hosts.indices {
            let taken = hosts.values[index].counted(in: &use) { $0.takePending(into: &batch) }
            if let taken { pending.hosts[hosts.keys[index]] = taken }
        }
        for index in pasts.indices {
            let taken = pasts.values[index].counted(in: &use) { $0.takePending(into: &batch) }
            if let taken { pending.pasts[pasts.keys[index]] = taken }
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
            hosts.values[index].counted(in: &use) { change(&$0, part) }
        }
        for (session, part) in pending.pasts {
            guard let index = pasts.index(forKey: session) else { continue }
            pasts.values[index].counted(in: &use) { change(&$0, part) }
        }
    }
}
