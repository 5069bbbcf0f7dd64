import PeakStore
import Report

// How the collector itself is.

extension Views {
    /// A commit that takes longer is worth a word.
    private static let notableLagMilliseconds: Int64 = 5_000

    /// How the store is, and what of the collector is wrong, the worst first.
    func storeStatus(at now: Moment) -> StoreStatus {
        let status = fleet.status(at: now)
        var problems: [String] = []
        if case .stalled(let error, let since) = status.health {
            let time = Timestamp.text(since) ?? "an unknown time"
            problems.append(
                "Nothing can be written since \(time): \(CollectorProblem.store(error)). Agents "
                    + "keep what they have until then.")
        }
        if status.lagMilliseconds >= Views.notableLagMilliseconds {
            let length = DurationText.approximate(
                milliseconds: status.lagMilliseconds / 1_000 * 1_000)
            problems.append(
                "The disk is slow: a commit has been under way for \(length). Agents send less "
                    + "until it is done.")
        }
        if status.use.heldBytes >= fleet.limits.memoryBytes {
            problems.append(
                "What agents tell takes all of \(ByteSize(UInt64(fleet.limits.memoryBytes)).text). "
                    + "Those with more to tell keep it; raise --memory-limit.")
        } else if status.use.uncommittedBytes >= fleet.scale.patienceBytes {
            let size = ByteSize(UInt64(status.use.uncommittedBytes)).text
            problems.append(
                "\(size) wait for the disk. Agents send less until it has caught up.")
        }
        problems += status.refusals.map { reason in
            switch reason {
            case .memory:
                "Agents were turned away in the last 10 minutes for want of memory; raise "
                    + "--memory-limit."
            case .hosts:
                "New hosts were turned away in the last 10 minutes: this collector takes "
                    + "\(fleet.limits.hosts)."
            }
        }
        var store = StoreStatus(
            lastCommitAtMilliseconds: status.committedAtMilliseconds,
            sizeBytes: self.store.sizeBytes(), problems: problems)
        store.logBytes = self.store.logBytes()
        return store
    }
}
