import MemoryModel
import Wire

/// How far a session has come with telling of the runs that are over.
struct EndDelivery {
    /// Runs that are defined, get their figures and end in frames that follow each other.
    struct Batch {
        /// All of them with their slots.
        var runs: [SlottedRun] = []
        /// Those that are still to be defined.
        var defines = KeyQueue<SlottedRun>()
        /// Those whose figures are still to be told.
        var peaks = KeyQueue<SlottedRun>()
        /// Windows that are still to be told, the latest first; nil before they were gathered.
        var windows: [WindowsFrame]?
    }

    /// A run and its slot.
    struct SlottedRun {
        var key: ProcessKey
        var slot: UInt32
    }

    /// A run that was told as it was when so much more had become known of it.
    struct ToldRun {
        var key: ProcessKey
        var version: UInt32
    }

    private enum Progress {
        case begun
        case told
    }

    /// Runs that wait for their batch, each at most once, in the order of their ends; one that is
    /// not there any more was folded or dropped.
    var due = KeyQueue<ProcessKey>()
    /// How many of those that wait have a slot, because they lived in this session.
    var slottedCount = 0
    /// The batch of the moment.
    var batch: Batch?

    private var progress: [ProcessKey: Progress] = [:]
    private var taken: [ToldRun] = []
    private var inFlight: [(sequence: UInt64, runs: [ToldRun])] = []

    /// Whether nothing is left to be sent.
    var isEmpty: Bool { batch == nil && due.isEmpty }

    /// What is held of it in memory, in bytes.
    var bytes: Int { due.bytes }

    /// Whether a run is in the batch of the moment or waits for its acknowledgement.
    func isBegun(_ key: ProcessKey) -> Bool { progress[key] != nil }

    /// Begins with a run, which is in the batch of the moment now.
    mutating func begin(_ run: SlottedRun, defines: Bool, peaks: Bool) {
        if batch == nil { batch = Batch() }
        progress[run.key] = .begun
        batch?.runs.append(run)
        if defines { batch?.defines.append(run) }
        if peaks { batch?.peaks.append(run) }
    }

    /// Takes note that the batch was told to its end.
    mutating func finish(_ runs: [ToldRun]) {
        for run in runs { progress[run.key] = .told }
        taken += runs
        batch = nil
    }

    /// Makes a run due of which more became known: what its EXIT does not carry, or all of it once
    /// more if that was sent.
    mutating func tellAgain(_ key: ProcessKey, _ change: RunChange) {
        switch progress[key] {
        case nil: break
        case .told:
            progress[key] = nil
            due.append(key)
        case .begun:
            guard let run = batch?.runs.first(where: { $0.key == key }) else { return }
            // Once more than needed does no harm.
            if change.contains(.description) { batch?.defines.append(run) }
            if change.contains(.peak) {
                batch?.peaks.append(run)
                batch?.windows = nil
            }
        }
    }

    /// Forgets a run.
    mutating func forget(_ key: ProcessKey) { progress[key] = nil }

    /// Takes note of the number of the frame that was made last.
    mutating func sent(sequence: UInt64) {
        guard !taken.isEmpty else { return }
        inFlight.append((sequence, taken))
        taken = []
    }

    /// The runs that are durable with everything up to `sequence`.
    mutating func acknowledged(throughSequence sequence: UInt64) -> [ToldRun] {
        let count = inFlight.prefix { $0.sequence <= sequence }.count
        defer { inFlight.removeFirst(count) }
        return inFlight.prefix(count).flatMap(\.runs)
    }
}
