import MemoryModel
import Wire

/// What an agent knows of runs and has yet to tell: the ledger, and which parts of it are due.
struct RunOutbox {
    /// Where one run stands in the session of the moment.
    struct Delivery {
        var slot: UInt32?
        var due: RunChange = []
        /// Whether its composition waits for the next turn.
        var isCompositionWaiting = false
    }

    /// All runs that live, and those that ended and are not yet acknowledged.
    var ledger: PeakLedger
    /// What frames may hold in the session of the moment.
    var frames = FrameLimits(maximumWireBytes: WireLimits.agentWireBytes)
    var slots = SlotTable(count: 0)
    var deliveries: [ProcessKey: Delivery] = [:]

    private var isSessionOpen = false
    /// Runs that have a slot and give it back with their EXIT, which is due.
    var endingSlotCount = 0

    // Runs with something due, each at most once in each queue. One without a slot waits to be
    // defined, and comes into the others then.
    var definesDue = KeyQueue<ProcessKey>()
    var presentDue = KeyQueue<ProcessKey>()
    var peaksDue = KeyQueue<ProcessKey>()
    var exitsDue = KeyQueue<ProcessKey>()
    var compositionsWaiting: [ProcessKey] = []

    var latestTickMilliseconds: Int64 = 0
    var latestAvailableBytes: UInt64?
    var bufferedTicks: [BufferedTick] = []
    private var tick = BufferedTick(atMilliseconds: 0)

    /// Runs that found no slot in this session; they live.
    var runsOverLimit: Set<ProcessKey> = []
    /// How many found none, in all sessions.
    private(set) var overLimitCount: UInt64 = 0

    /// Runs whose EXIT went out in a frame that is not acknowledged, oldest first.
    private var exitsInFlight: [(sequence: UInt64, keys: [ProcessKey])] = []
    var keysOfLatestExit: [ProcessKey] = []

    /// Rises with every change of what a state file would hold of runs.
    var changeCount: UInt64 = 0

    /// How often runs were folded.
    private(set) var foldClock: UInt64 = 0

    var heldBytes: Int { ledger.runs.count * 800 }
    var foldCount: Int { 0 }
    var isAcknowledged: Bool {
        definesDue.isEmpty && peaksDue.isEmpty && exitsDue.isEmpty && exitsInFlight.isEmpty
    }
    func holdsFolds(_ saved: SavedState) -> Bool { false }

    /// An outbox without runs that believes figures within `limits`.
    init(limits: PeakLimits) {
        ledger = PeakLedger(limits: limits)
    }

    // MARK: Facts in

    /// Takes in a run that began or is called by another name now.
    mutating func start(_ run: StartedRun) {
        var change = ledger.start(run.key, run.description)
        change.formUnion(ledger.add(run.flags, to: run.key))
        mark(run.key, change)
    }

    /// Takes in what an earlier agent of the same boot knew of a run that lives.
    ///
    /// Returns false if the run does not live.
    mutating func restore(_ record: RunRecord) -> Bool {
        guard let change = ledger.restore(record) else { return false }
        mark(record.key, change)
        return true
    }

    /// Takes in the end of a run.
    mutating func end(_ run: EndedRun) {
        let change = ledger.end(run)
        if change.contains(.end) {
            markEnd(run.key, change)
        } else if !change.isEmpty {
            tellAgain(run.key)
        }
    }

    /// Takes in a run that began and ended between two looks.
    mutating func complete(_ run: CompletedRun) {
        let change = ledger.complete(run)
        mark(run.start.key, change.intersection(.description))
        markEnd(run.start.key, change)
    }

    /// Marks what is told of an end; EXIT itself carries flags, faults and processor time.
    private mutating func markEnd(_ key: ProcessKey, _ change: RunChange) {
        if runsOverLimit.remove(key) != nil {
            // It never had a slot: only its count remains.
            forget(key)
        } else {
            mark(key, change.intersection([.peak, .end]))
        }
    }

    /// Adds flags that became known by other ways than an observation.
    mutating func add(_ flags: RunFlags, to key: ProcessKey) {
        guard !ledger.add(flags, to: key).isEmpty else { return }
        if ledger[key]?.end == nil {
            mark(key, .description)
        } else {
            tellAgain(key)
        }
    }

    /// Makes a run due that is over and of which more became known.
    private mutating func tellAgain(_ key: ProcessKey) {
        guard isSessionOpen else { return }
        if deliveries[key]?.due.contains(.end) == true {
            mark(key, .peak)
        } else {
            markWhole(key)
        }
    }

    /// Begins to take in what a look measured.
    mutating func beginTick(_ snapshot: HostSnapshot) {
        latestTickMilliseconds = snapshot.takenAtMilliseconds
        latestAvailableBytes = snapshot.memoryAvailableBytes
        tick = BufferedTick(
            atMilliseconds: snapshot.takenAtMilliseconds,
            availableBytes: snapshot.memoryAvailableBytes)
    }

    /// Takes in an observation.
    ///
    /// Returns the resident memory of its run if that is another than before.
    mutating func observe(_ observation: RunObservation) -> UInt64? {
        let change = ledger.observe(observation, atMilliseconds: latestTickMilliseconds)
        guard !change.isEmpty, let record = ledger[observation.key] else { return nil }
        if isSessionOpen {
            let sampled = change.intersection(.sampled)
            if !sampled.isEmpty {
                tick.samples.append(
                    BufferedSample(key: record.key, change: sampled, use: RunUse(record)))
            }
            if change.contains(.composition) { waitWithComposition(record.key) }
            mark(record.key, change.subtracting(.present))
        }
        return change.contains(.resident) ? record.current?.residentBytes : nil
    }

    private mutating func waitWithComposition(_ key: ProcessKey) {
        guard deliveries[key]?.isCompositionWaiting == false else { return }
        deliveries[key]?.isCompositionWaiting = true
        compositionsWaiting.append(key)
    }

    /// Ends a look; if it is time, what changed of compositions goes out with it.
    mutating func endTick(withComposition isTurn: Bool) {
        guard isSessionOpen else { return }
        if isTurn { addCompositions() }
        buffer(tick)
        tick.samples = []
    }

    private mutating func addCompositions() {
        guard !compositionsWaiting.isEmpty else { return }
        var places: [ProcessKey: Int] = [:]
        for (place, sample) in tick.samples.enumerated() { places[sample.key] = place }
        // A run that found no slot and got one later may be in the list twice.
        for key in compositionsWaiting where deliveries[key]?.isCompositionWaiting == true {
            deliveries[key]?.isCompositionWaiting = false
            if let place = places[key] {
                tick.samples[place].change.insert(.composition)
            } else if let record = ledger[key], record.end == nil {
                tick.samples.append(
                    BufferedSample(key: key, change: .composition, use: RunUse(record)))
            }
        }
        compositionsWaiting.removeAll(keepingCapacity: true)
    }

    /// Keeps a tick for the next report; when too many wait, they become one with the newest
    /// figures.
    private mutating func buffer(_ tick: BufferedTick) {
        if tick.samples.count <= frames.samplesPerTick {
            bufferedTicks.append(tick)
        } else {
            var rest = tick.samples[...]
            while !rest.isEmpty {
                var part = tick
                part.samples = Array(rest.prefix(frames.samplesPerTick))
                rest.removeFirst(part.samples.count)
                bufferedTicks.append(part)
            }
        }
        guard bufferedTicks.count > WireLimits.maximumTicksPerFrame else { return }
        for tick in bufferedTicks {
            for sample in tick.samples { mark(sample.key, sample.change) }
        }
        bufferedTicks = []
    }

    // MARK: What is due

    /// Makes parts of a run due; without a session nothing is, because a new one begins with all.
    mutating func mark(_ key: ProcessKey, _ change: RunChange) {
        guard !change.isEmpty else { return }
        if !change.isDisjoint(with: [.description, .peak, .end]) { changeCount += 1 }
        guard isSessionOpen else { return }
        let delivery = deliveries[key] ?? Delivery()
        let new = change.subtracting(delivery.due)
        guard !new.isEmpty else { return }
        deliveries[key, default: delivery].due.formUnion(new)
        if new.contains(.description) { definesDue.append(key) }
        if delivery.slot != nil { enqueue(key, new, beside: delivery.due) }
    }

    /// Puts a run that has a slot into the queues of what is newly due of it.
    mutating func enqueue(_ key: ProcessKey, _ new: RunChange, beside due: RunChange) {
        if new.contains(.peak) { peaksDue.append(key) }
        if new.contains(.end) {
            exitsDue.append(key)
            endingSlotCount += 1
        }
        if !new.isDisjoint(with: .present), due.isDisjoint(with: .present) {
            presentDue.append(key)
        }
    }

    /// Makes everything about a run due.
    mutating func markWhole(_ key: ProcessKey) {
        guard let record = ledger[key] else { return }
        var change: RunChange = [.description]
        if record.peak != nil || record.swapPeakBytes != nil { change.insert(.peak) }
        if record.end != nil {
            change.insert(.end)
        } else {
            change.formUnion(.present)
        }
        mark(key, change)
    }

    /// Counts a run that found no slot once for each session.
    ///
    /// Nothing of it is sent in this session; if it is over, it is forgotten, and the count is
    /// what remains of it.
    mutating func countOverLimit(_ key: ProcessKey) {
        guard !runsOverLimit.contains(key) else { return }
        overLimitCount += 1
        if ledger[key]?.end == nil {
            runsOverLimit.insert(key)
        } else {
            forget(key)
        }
    }

    private mutating func forget(_ key: ProcessKey) {
        changeCount += 1
        ledger.forget(key)
        deliveries[key] = nil
    }

    // MARK: Sessions

    /// Begins a session: everything is due, first what is over and gives its slot back.
    mutating func sessionOpened(maximumRuns: UInt32, frames: FrameLimits) {
        sessionClosed()
        self.frames = frames
        isSessionOpen = true
        slots = SlotTable(count: maximumRuns)
        for (key, record) in ledger.runs where record.end != nil { markWhole(key) }
        for (key, record) in ledger.runs where record.end == nil { markWhole(key) }
    }

    /// Ends the session: what was in flight is as if it had never been sent.
    mutating func sessionClosed() {
        isSessionOpen = false
        deliveries = [:]
        endingSlotCount = 0
        definesDue.removeAll()
        presentDue.removeAll()
        peaksDue.removeAll()
        exitsDue.removeAll()
        compositionsWaiting = []
        bufferedTicks = []
        exitsInFlight = []
        keysOfLatestExit = []
        runsOverLimit = []
    }

    /// Takes note of the number under which the frame of `nextFrame()` was sent.
    mutating func sent(sequence: UInt64) {
        guard !keysOfLatestExit.isEmpty else { return }
        exitsInFlight.append((sequence, keysOfLatestExit))
        keysOfLatestExit = []
    }

    /// Takes note that everything up to `sequence` is durable: ended runs can be forgotten.
    mutating func acknowledged(throughSequence sequence: UInt64) {
        let count = exitsInFlight.prefix { $0.sequence <= sequence }.count
        for key in exitsInFlight.prefix(count).flatMap(\.keys) {
            // More may have become known of it since, and waits to be told.
            if deliveries[key]?.due.contains(.end) != true { forget(key) }
        }
        exitsInFlight.removeFirst(count)
    }
}
