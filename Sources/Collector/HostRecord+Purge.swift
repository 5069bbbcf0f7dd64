import MemoryModel
import PeakStore

// What was purged of a host does not come back.

extension HostRecord {
    /// Whether what happened at that time, in UTC, was purged; counted if so.
    mutating func isPurged(_ bracket: TimeBracket?) -> Bool {
        guard !tombstones.isEmpty, tombstones.contains(where: { $0.request.covers(bracket) })
        else { return false }
        keptOutCount += 1
        return true
    }

    /// Forgets what `tombstone` covers, and keeps it out from now on.
    ///
    /// What was told before is on the disk by then, where the store has set it aside.
    mutating func purge(_ tombstone: Tombstone) {
        tombstones.append(tombstone)
        for key in ledger.dropPeaks(where: { tombstone.request.covers($0.bracket) }) {
            dirtyRuns.insert(key)
        }
    }

    /// Lets in again what a tombstone kept out, and shows the peaks of the runs that still live.
    mutating func undoPurge(_ id: Int64, bringingBack runs: [StoredRun]) {
        tombstones.removeAll { $0.id == id }
        for run in runs where run.boot == boot && !isPast { raise(from: run.record) }
    }

    /// What was purged, as stretches of the host's boot time, newest first, at most `limit`.
    ///
    /// What ended before the boot is left out: no agent of this boot can tell it.
    func purgedStretches(limit: Int) -> [TimeBracket] {
        guard let offset = description?.wallMinusBootMilliseconds else { return [] }
        let newest = tombstones.sorted {
            ($0.createdAtMilliseconds, $0.id) > ($1.createdAtMilliseconds, $1.id)
        }
        let stretches = newest.compactMap { tombstone -> TimeBracket? in
            let request = tombstone.request
            let (since, before) = request.sinceMilliseconds.subtractingReportingOverflow(offset)
            let (until, after) = request.untilMilliseconds.subtractingReportingOverflow(offset)
            let begin = before ? 0 : max(0, since)
            let end = after ? Int64.max : until
            guard end >= begin else { return nil }
            return TimeBracket(notBeforeMilliseconds: begin, notAfterMilliseconds: end)
        }
        return Array(stretches.prefix(limit))
    }
}
