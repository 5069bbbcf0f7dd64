import MemoryModel
import PeakStore

/// What a part of the fleet takes of the collector's memory, estimated in bytes.
///
/// The estimate is on the safe side: hashed tables are taken as three eighths full, lists as having
/// grown a moment ago, a run that changed as copied into a batch, and each run as having names of
/// its own.
package struct MemoryUse: Hashable, Sendable {
    /// All of it.
    package private(set) var heldBytes = 0
    /// What of it is not on the disk.
    package private(set) var uncommittedBytes = 0

    /// What it takes with its way to the disk, where all of it is written once more.
    var withWritingBytes: Int { heldBytes + uncommittedBytes }

    package init() {}

    package init(heldBytes: Int, uncommittedBytes: Int) {
        self.heldBytes = heldBytes
        self.uncommittedBytes = uncommittedBytes
    }

    mutating func add(_ other: MemoryUse) {
        heldBytes += other.heldBytes
        uncommittedBytes += other.uncommittedBytes
    }

    mutating func remove(_ other: MemoryUse) {
        heldBytes -= other.heldBytes
        uncommittedBytes -= other.uncommittedBytes
    }

    /// A host without runs, with its session.
    static let hostBytes = 2 * MemoryLayout<HostRecord>.stride + 4_096
    /// A run of the ledger without the bytes of its names: its record, its place in the tables of
    /// the ledger and of its session, and what holds its names.
    static let runBytes =
        MemoryLayout<RunRecord>.stride * 5 / 4 + hashed(placeBytes) * 2
        + MemoryLayout<ProcessKey?>.stride + nameCount * 64
    /// What a run of the ledger takes beside that on its way to the disk: its copy in a batch, and
    /// its keys among those that are due, under way and numbered.
    static let uncommittedRunBytes =
        MemoryLayout<StoredRun>.stride * 2 + hashed(MemoryLayout<ProcessKey>.stride) * 2
        + hashed(placeBytes + 4)
    /// A run that is not in the ledger any more, and its copy in a batch.
    static let closedRunBytes = 3 * MemoryLayout<StoredRun>.stride + nameCount * 64
    /// A key and the number of a place.
    private static let placeBytes = MemoryLayout<ProcessKey>.stride + 4
    /// An entry of a hashed table that has grown a moment ago.
    private static func hashed(_ bytes: Int) -> Int { bytes * 8 / 3 }
    /// Names of a run, each with a header of its own and what the allocator rounds up.
    private static let nameCount = 6
}

extension HostRecord {
    /// Lets `change` work on it, and keeps `total`, in which it is counted, true.
    mutating func counted<Result>(
        in total: inout MemoryUse, _ change: (inout HostRecord) -> Result
    ) -> Result {
        total.remove(use)
        defer { total.add(use) }
        return change(&self)
    }

    /// What it takes.
    var use: MemoryUse {
        let changed = dirtyRuns.count + underWayRunCount
        let closed = closedRuns.count + underWayClosedCount
        let uncommitted =
            min(changed, ledger.runs.count) * MemoryUse.uncommittedRunBytes
            + closed * MemoryUse.closedRunBytes + facts.sizeBytes
        let held =
            MemoryUse.hostBytes + ledger.runs.count * MemoryUse.runBytes + nameBytes
            + closed * MemoryUse.closedRunBytes + facts.sizeBytes
        return MemoryUse(heldBytes: held, uncommittedBytes: uncommitted)
    }
}

extension FactBuffer.Size {
    /// What so much takes in bytes, with its copy in a batch.
    var bytes: Int {
        totals * 3 * (MemoryLayout<StoredTotal>.stride + MemoryLayout<StoredTotal.Key>.stride)
            + cgroups * 3
            * (MemoryLayout<StoredCgroup>.stride + MemoryLayout<StoredCgroup.Key>.stride)
            + kills * 3 * (MemoryLayout<StoredKill>.stride + MemoryLayout<StoredKill.Key>.stride)
            + gaps * 3 * (MemoryLayout<StoredGap>.stride + MemoryLayout<StoredGap.Key>.stride)
            + epochs * 1_024
            + folds * 3 * (MemoryLayout<StoredFold>.stride + MemoryLayout<StoredFold.Key>.stride)
            + windows * 3 * MemoryLayout<StoredWindow>.stride
            + coverage * 3 * MemoryLayout<StoredCoverage>.stride
            + sections * 3
            * (MemoryLayout<StoredSection>.stride + MemoryLayout<StoredSection.Key>.stride)
            + growth * 3
            * (MemoryLayout<StoredGrowth>.stride + MemoryLayout<StoredGrowth.Key>.stride)
            + nameBytes
    }
}
