import MemoryModel
package import PeakStore
import Synchronization
import Wire

// What was purged of a host, and its agent is to forget.

extension Fleet {
    /// The most stretches that an agent is told of at once.
    static let maximumStretches = 64

    /// Forgets what was purged, keeps it out from now on and has the host's agent forget it.
    package func purge(_ tombstone: Tombstone) {
        let reset = guarded.withLock { guarded in
            guarded.fleet.purge(tombstone)
            return guarded.reset(tombstone.request.host)
        }
        reset?()
    }

    /// Lets in again what a tombstone kept out; `runs` are those of its host that have not ended,
    /// as the store has them again.
    package func undoPurge(_ tombstone: Tombstone, bringingBack runs: [StoredRun]) {
        guarded.withLock { $0.fleet.undoPurge(tombstone, bringingBack: runs) }
    }

    /// How many copies of what was purged of a host were kept out since the collector started.
    func keptOutCount(of host: HostID) -> UInt64 {
        guarded.withLock { $0.fleet.hosts[host]?.keptOutCount ?? 0 }
    }
}

extension Fleet.Guarded {
    /// What tells the session of a host what was purged; nil if there is nothing to tell.
    func reset(_ host: HostID) -> (@Sendable () -> Void)? {
        guard let record = fleet.hosts[host], !record.tombstones.isEmpty,
            let session = record.session.flatMap({ sessions[$0] })
        else { return nil }
        let stretches = record.purgedStretches(limit: Fleet.maximumStretches)
        guard !stretches.isEmpty else { return nil }
        let tell = session.tell
        return { tell(.reset(stretches)) }
    }
}
