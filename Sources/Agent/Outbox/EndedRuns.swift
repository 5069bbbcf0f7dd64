import MemoryModel

/// Runs that are over and not yet acknowledged.
///
/// Each is in a block of memory of its own, and its names are kept once for all, so that what they
/// take grows and shrinks with their number and can be told without counting.
struct EndedRuns {
    private indirect enum Block {
        case record(RunRecord)
    }

    /// One run, and what the outbox has to know of it.
    private struct Entry {
        var block: Block
        /// How often more became known of it since it ended.
        var version: UInt32 = 0
        /// Whether it ever stood in a frame, of whatever session.
        var isTold: Bool

        var record: RunRecord {
            switch block {
            case .record(let record): record
            }
        }
    }

    private var entries: [ProcessKey: Entry] = [:]
    private var names = SharedNames()

    private static let blockBytes = HeldBytes.object(RunRecord.self)
    private static let strideBytes =
        MemoryLayout<ProcessKey>.stride + MemoryLayout<Entry>.stride

    /// How many there are.
    var count: Int { entries.count }

    /// What they take in memory, in bytes.
    var bytes: Int {
        entries.count * EndedRuns.blockBytes + names.bytes
            + HeldBytes.table(capacity: entries.capacity, strideBytes: EndedRuns.strideBytes)
    }

    /// The run of `key`; nil if there is none.
    subscript(key: ProcessKey) -> RunRecord? { entries[key]?.record }

    /// How often more became known of a run since it ended; nil if there is none.
    func version(of key: ProcessKey) -> UInt32? { entries[key]?.version }

    /// Whether a run stood in a frame.
    func isTold(_ key: ProcessKey) -> Bool { entries[key]?.isTold ?? false }

    /// The keys of those whose process has one of `pids`, in no order.
    func keys(ofPids pids: Set<Int32>) -> [ProcessKey] {
        entries.keys.filter { pids.contains($0.pid) }
    }

    /// Whether there is such a run.
    func contains(_ key: ProcessKey) -> Bool { entries[key] != nil }

    /// All runs with whether they stood in a frame, in no order.
    var all: some Sequence<(record: RunRecord, isTold: Bool)> {
        entries.values.lazy.map { (record: $0.record, isTold: $0.isTold) }
    }

    /// The keys of all runs in the order of their ends.
    var keysInOrder: [ProcessKey] {
        entries.values
            .map { (ordinal: $0.record.ordinal ?? 0, key: $0.record.key) }
            .sorted { $0.ordinal < $1.ordinal }
            .map(\.key)
    }

    /// Takes in a run.
    mutating func insert(_ record: RunRecord, isTold: Bool) {
        var record = record
        // Nobody is told what a run used last, once it is over.
        record.current = nil
        names.share(&record.description)
        entries[record.key] = Entry(block: .record(record), isTold: isTold)
    }

    /// Takes what more became known of a run.
    mutating func replace(_ record: RunRecord) {
        guard let old = entries[record.key] else { return }
        var record = record
        names.share(&record.description)
        names.release(old.record.description)
        entries[record.key] = Entry(
            block: .record(record), version: old.version &+ 1, isTold: old.isTold)
    }

    /// Takes note that a run stands in a frame.
    mutating func markTold(_ key: ProcessKey) {
        guard let index = entries.index(forKey: key), !entries.values[index].isTold else { return }
        entries.values[index].isTold = true
    }

    /// Forgets the peaks of runs whose time overlaps one of `stretches`.
    ///
    /// Returns whether there were any. Whoever told the agent to forget has forgotten those that
    /// are on their way, so that nothing needs to be told anew.
    mutating func forgetPeaks(in stretches: [TimeBracket]) -> Bool {
        var isChanged = false
        for index in entries.indices {
            var record = entries.values[index].record
            guard let bracket = record.peak?.bracket, bracket.overlaps(anyOf: stretches) else {
                continue
            }
            record.peak = nil
            entries.values[index].block = .record(record)
            isChanged = true
        }
        return isChanged
    }

    /// Lets a run go.
    @discardableResult
    mutating func remove(_ key: ProcessKey) -> RunRecord? {
        guard let entry = entries.removeValue(forKey: key) else { return nil }
        names.release(entry.record.description)
        entries.giveBackMemory()
        names.giveBackMemory()
        return entry.record
    }
}
