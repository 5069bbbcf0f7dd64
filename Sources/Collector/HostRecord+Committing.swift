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
        let isHostDue = isHostDirty || isHeardDue || !closedRuns.isEmpty
        guard isHostDue || !dirtyRuns.isEmpty || !facts.isEmpty else { return nil }
        batch.hosts.append(
            StoredHost(
                id: id, boot: boot, epoch: epoch, description: description,
                agentVersion: agentVersion, firstHeardAtMilliseconds: firstHeardAtMilliseconds,
                lastHeardAtMilliseconds: lastHeardAtMilliseconds))
        batch.runs += closedRuns
        for key in dirtyRuns {
            if let record = ledger[key] {
                batch.runs.append(
                    StoredRun(host: id, boot: boot, record: record, epoch: ordinalEpochs[key]))
            }
        }
        let pending = Pending(
            runs: dirtyRuns, boot: boot, closed: closedRuns, facts: facts.take(into: &batch),
            heardAtMilliseconds: lastHeardAtMilliseconds)
        dirtyRuns = []
        closedRuns = []
        isHostDirty = false
        return pending
    }

    /// Takes note that `pending` is on the disk: ended runs that did not change since can go.
    package mutating func committed(_ pending: Pending) {
        storedHeardAtMilliseconds = pending.heardAtMilliseconds
        facts.committed(pending.facts)
        guard pending.boot == boot else { return }
        for key in pending.runs where !dirtyRuns.contains(key) && ledger[key]?.end != nil {
            nameBytes -= ledger[key]?.description.nameBytes ?? 0
            ledger.forget(key)
            ordinalEpochs[key] = nil
        }
    }

    /// Takes note that `pending` did not reach the disk: it is due again.
    package mutating func commitFailed(_ pending: Pending) {
        closedRuns += pending.closed
        facts.commitFailed(pending.facts)
        isHostDirty = true
        guard pending.boot == boot else { return }
        dirtyRuns.formUnion(pending.runs)
    }
}
