import MemoryModel
import Wire

/// The folds that are not yet acknowledged.
///
/// A fold that was ever put into a frame never changes again; until then, runs of the same subject
/// go into it, so that there is at most one such fold for each subject.
struct FoldOutbox {
    private struct Entry {
        var fold: Fold
        /// When a run last went into it, as the clock that counts them.
        var changedAt: UInt64
        var isTold = false
    }

    private var entries: [UInt64: Entry] = [:]
    private var open: [FoldSubject: UInt64] = [:]
    private var names = SharedNames()

    /// What waits to be sent in this session, in the order of ordinals.
    private var due: [UInt64] = []
    private var isSessionOpen = false
    private var taken: [UInt64] = []
    private var inFlight: [(sequence: UInt64, ordinals: [UInt64])] = []
    private var ordinalsInFlight: Set<UInt64> = []

    /// How often a run went into a fold.
    private(set) var clock: UInt64 = 0

    /// The most folds that are held.
    static let maximumFolds = 4_096

    private static let strideBytes =
        MemoryLayout<UInt64>.stride + MemoryLayout<Entry>.stride
    private static let openBytes =
        MemoryLayout<FoldSubject>.stride + MemoryLayout<UInt64>.stride
    /// A histogram, few of which have more than twelve steps.
    private static let histogramBytes = HeldBytes.table(capacity: 12, strideBytes: 2 + 8)

    /// How many there are.
    var count: Int { entries.count }

    /// What they take in memory, in bytes.
    var bytes: Int {
        entries.count * FoldOutbox.histogramBytes + names.bytes
            + HeldBytes.table(capacity: entries.capacity, strideBytes: FoldOutbox.strideBytes)
            + HeldBytes.table(capacity: open.capacity, strideBytes: FoldOutbox.openBytes)
    }

    /// The folds with whether they stood in a frame, in no order.
    var all: some Sequence<(fold: Fold, isTold: Bool)> {
        entries.values.lazy.map { (fold: $0.fold, isTold: $0.isTold) }
    }

    /// Whether all were acknowledged.
    var isAcknowledged: Bool { entries.isEmpty }

    /// Whether some may not be sent yet, because of what stands in the state file.
    func isHeld(by saved: SavedState) -> Bool {
        entries.values.contains { !$0.isTold && saved.mayHold(runsFoldedAt: $0.changedAt) }
    }

    // MARK: Runs in

    /// Whether there is a fold that a run of this subject would go into.
    func isOpen(_ subject: FoldSubject) -> Bool { open[subject] != nil }

    /// Whether there is room for one more.
    var hasRoom: Bool { entries.count < FoldOutbox.maximumFolds }

    /// Puts a run into the fold of its subject, which begins with the number `nextOrdinal` if
    /// there is none.
    mutating func add(_ record: RunRecord, _ subject: FoldSubject, nextOrdinal: inout UInt64) {
        clock += 1
        let ordinal: UInt64
        if let known = open[subject] {
            ordinal = known
        } else {
            ordinal = nextOrdinal
            nextOrdinal += 1
            var subject = subject
            names.share(&subject)
            open[subject] = ordinal
            entries[ordinal] = Entry(
                fold: Fold(ordinal: ordinal, subject: subject), changedAt: clock)
            if isSessionOpen { due.append(ordinal) }
        }
        guard let index = entries.index(forKey: ordinal) else { return }
        entries.values[index].fold.add(record)
        entries.values[index].changedAt = clock
    }

    /// Lets a fold go; nil if it is on its way.
    mutating func drop(_ ordinal: UInt64) -> Fold? {
        guard !ordinalsInFlight.contains(ordinal) else { return nil }
        return remove(ordinal)
    }

    /// Forgets the peaks of folds that were never sent and whose greatest one lies in a stretch.
    ///
    /// Which others of its runs had theirs then is not known any more, so all go.
    mutating func forgetPeaks(in stretches: [TimeBracket]) -> Bool {
        var isChanged = false
        for index in entries.indices {
            let entry = entries.values[index]
            guard !entry.isTold, entry.fold.peak?.bracket?.overlaps(anyOf: stretches) == true
            else { continue }
            entries.values[index].fold.forgetPeaks()
            isChanged = true
        }
        return isChanged
    }

    private mutating func remove(_ ordinal: UInt64) -> Fold? {
        guard let fold = entries.removeValue(forKey: ordinal)?.fold else { return nil }
        if open[fold.subject] == ordinal { open[fold.subject] = nil }
        names.release(fold.subject)
        entries.giveBackMemory()
        open.giveBackMemory()
        return fold
    }

    // MARK: Sessions

    mutating func sessionOpened() {
        sessionClosed()
        isSessionOpen = true
        due = entries.keys.sorted()
    }

    mutating func sessionClosed() {
        isSessionOpen = false
        due = []
        taken = []
        inFlight = []
        ordinalsInFlight = []
    }

    /// The next frame; nil if no fold may be sent.
    mutating func nextFrame(_ limits: FrameLimits, _ saved: SavedState) -> Frame? {
        guard !due.isEmpty else { return nil }
        var folds: [Fold] = []
        var left: [UInt64] = []
        var bytes = 0
        for (place, ordinal) in due.enumerated() {
            guard let entry = entries[ordinal] else { continue }
            if !entry.isTold, saved.mayHold(runsFoldedAt: entry.changedAt) {
                left.append(ordinal)
                continue
            }
            bytes += limits.bytes(of: entry.fold)
            guard folds.isEmpty || limits.allows(partBytes: bytes) else {
                left.append(contentsOf: due[place...])
                break
            }
            folds.append(limits.fitted(entry.fold))
            seal(ordinal, entry.fold.subject)
        }
        due = left
        return folds.isEmpty ? nil : .fold(FoldFrame(folds: folds))
    }

    private mutating func seal(_ ordinal: UInt64, _ subject: FoldSubject) {
        entries[ordinal]?.isTold = true
        if open[subject] == ordinal { open[subject] = nil }
        taken.append(ordinal)
        ordinalsInFlight.insert(ordinal)
    }

    mutating func sent(sequence: UInt64) {
        guard !taken.isEmpty else { return }
        inFlight.append((sequence, taken))
        taken = []
    }

    /// Returns whether folds were let go.
    mutating func acknowledged(throughSequence sequence: UInt64) -> Bool {
        let count = inFlight.prefix { $0.sequence <= sequence }.count
        for ordinal in inFlight.prefix(count).flatMap(\.ordinals) {
            ordinalsInFlight.remove(ordinal)
            _ = remove(ordinal)
        }
        inFlight.removeFirst(count)
        return count > 0
    }
}
