import MemoryModel
package import PeakStore

// What of a host is not on the disk yet.

extension HostRecord {
    /// What of a host is on its way to the disk.
    package struct Pending {
        fileprivate var runs: Set<ProcessKey>
        fileprivate var boot: BootID
        fileprivate var closed: [StoredRun]
        fileprivate var facts: FactBuffer.Taken
        fileprivate var heardAtMilliseconds: Int64?
    }

    /// Puts everything that is not on the disk into `batch`; nil if there is nothing.
    package mutating func takePending(into batch: inout CommitBatch) -> Pending? {
        guard let description else { return nil }
        let isHeardDue =
            abs(lastHeardAtMilliseconds - (storedHeardAtMilliseconds ?? .min / 2))
            >= HostRecord.heardIntervalMilliseconds
        let isHostDue = !isPast && (isHostDirty || isHeardDue || !closedRuns.isEmpty)
        guard isHostDue || !dirtyRuns.isEmpty || !facts.isEmpty else { return nil }
        // What was left behind says nothing of the host's present, and a change of a run nothing
        // of its host.
        if isHostDue {
            batch.hosts.append(
                StoredHost(
                    id: id, boot: boot, epoch: epoch, description: description,
                    agentVersion: agentVersion, firstHeardAtMilliseconds: firstHeardAtMilliseconds,
                    lastHeardAtMilliseconds: lastHeardAtMilliseconds))
        }
        batch.runs += closedRuns
        // In the order of the table, so that a full state fills its pages one after the other.
        for key in dirtyRuns.sorted() {
            if let record = ledger[key] {
                batch.runs.append(
                    StoredRun(host: id, boot: boot, record: record, epoch: ordinalEpochs[key]))
            }
        }
        let pending = Pending(
            runs: dirtyRuns, boot: boot, closed: closedRuns, facts: facts.take(into: &batch),
            heardAtMilliseconds: isHostDue ? lastHeardAtMilliseconds : nil)
        underWayRunCount += dirtyRuns.count
        underWayClosedCount += closedRuns.count
        dirtyRuns = []
        closedRuns = []
        isHostDirty = false
        return pending
    }

    /// Takes note that `pending` is on the disk: ended runs that did not change since can go.
    package mutating func committed(_ pending: Pending) {
        storedHeardAtMilliseconds = pending.heardAtMilliseconds ?? storedHeardAtMilliseconds
        facts.committed(pending.facts)
        landed(pending)
        guard pending.boot == boot else { return }
        for key in pending.runs where ledger.hasEnded(key) && !dirtyRuns.contains(key) {
            nameBytes -= ledger.nameBytes(of: key) ?? 0
            ledger.forget(key)
            ordinalEpochs[key] = nil
        }
        // A table keeps the room that a storm of runs once took.
        let most = max(1_024, ledger.runs.count * 4)
        if ledger.runs.capacity > most { ledger.giveBackRoom() }
        if ordinalEpochs.capacity > most { ordinalEpochs = ordinalEpochs.filter { _ in true } }
    }

    /// Takes note that `pending` did not reach the disk: it is due again.
    package mutating func commitFailed(_ pending: Pending) {
        closedRuns += pending.closed
        landed(pending)
        facts.commitFailed(pending.facts)
        if pending.heardAtMilliseconds != nil { isHostDirty = true }
        guard pending.boot == boot else { return }
        dirtyRuns.formUnion(pending.runs)
    }

    /// Takes note that `pending` is under way no more.
    private mutating func landed(_ pending: Pending) {
        underWayRunCount -= pending.runs.count
        underWayClosedCount -= pending.closed.count
    }
}
