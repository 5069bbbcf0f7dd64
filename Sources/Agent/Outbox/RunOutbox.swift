import MemoryModel
import Wire

/// What an agent knows of runs and has yet to tell: those that live, those that ended, folds, and
/// which parts of them are due.
struct RunOutbox {
    /// Where one run stands in the session of the moment.
    struct Delivery {
        var slot: UInt32?
        var due: RunChange = []
        /// Whether its composition waits for the next turn.
        var isCompositionWaiting = false
    }

    /// All runs that live.
    var ledger: PeakLedger
    /// Runs that ended and are not yet acknowledged.
    var ended = EndedRuns()
    /// What became of those for which there was no room.
    var folds = FoldOutbox()
    /// Runs that live and stood in a frame, of whatever session.
    var toldRuns: Set<ProcessKey> = []
    /// Which minute is open, what moved in it, and the windows that are over.
    var minutes = WatchedMinutes()
    var movements = RunMovements()
    var windows = WindowLedger()
    /// What makes a time of day of boot time, as the collector is told.
    var wallMinusBootMilliseconds: Int64 = 0
    /// The number of the next run that ends or fold that begins.
    var nextOrdinal: UInt64 = 0
    /// What the command lines of runs that live take in memory, in bytes.
    private var commandBytes = 0

    /// What frames may hold in the session of the moment.
    var frames = FrameLimits(maximumWireBytes: WireLimits.agentWireBytes)
    var slots = SlotTable(count: 0)
    /// Runs of which something is due or that have a slot.
    var deliveries: [ProcessKey: Delivery] = [:]

    var isSessionOpen = false

    // Runs that live with something due, each at most once in each queue. One without a slot
    // waits to be defined, and comes into the others then.
    var definesDue = KeyQueue<ProcessKey>()
    var presentDue = KeyQueue<ProcessKey>()
    var peaksDue = KeyQueue<ProcessKey>()
    var compositionsWaiting: [ProcessKey] = []

    /// What of the runs that ended is told in this session.
    var ends = EndDelivery()
    /// Whether it is the turn of the runs that ended.
    var isTurnOfEnds = false

    var latestTickMilliseconds: Int64 = 0
    var latestAvailableBytes: UInt64?
    var bufferedTicks: [BufferedTick] = []
    private var tick = BufferedTick(atMilliseconds: 0)

    /// Runs that found no slot in this session; they live.
    var runsOverLimit: Set<ProcessKey> = []
    /// How many found none, in all sessions.
    var overLimitCount: UInt64 = 0
    /// How many were folded, and how many were dropped.
    var foldedCount: UInt64 = 0
    var droppedCount: UInt64 = 0
    /// How many windows of minutes became part of an hour's, and how many windows were dropped.
    var mergedWindowCount: UInt64 = 0
    var droppedWindowCount: UInt64 = 0

    /// Rises with every change of what a state file would hold of runs.
    var changeCount: UInt64 = 0

    /// An outbox without runs that believes figures within `limits`.
    init(limits: PeakLimits) {
        ledger = PeakLedger(limits: limits)
    }

    /// What runs that live take, in bytes.
    var liveBytes: Int {
        commandBytes
            + HeldBytes.table(
                capacity: ledger.runs.capacity,
                strideBytes: MemoryLayout<ProcessKey>.stride + MemoryLayout<Int32>.stride)
            + ledger.runs.recordCapacity * MemoryLayout<RunRecord>.stride
            + HeldBytes.table(
                capacity: deliveries.capacity,
                strideBytes: MemoryLayout<ProcessKey>.stride + MemoryLayout<Delivery>.stride)
            + HeldBytes.table(
                capacity: toldRuns.capacity, strideBytes: MemoryLayout<ProcessKey>.stride)
    }

    /// What runs that ended and folds take, in bytes.
    var endedBytes: Int { ended.bytes + folds.bytes + ends.bytes }

    /// Whether the collector of this session has everything about runs but their present.
    var isAcknowledged: Bool {
        ended.count == 0 && folds.isAcknowledged && definesDue.isEmpty && peaksDue.isEmpty
            && windows.isEmpty
    }

    // MARK: Facts in

    /// Takes in a run that began or is called by another name now.
    mutating func start(_ run: StartedRun) {
        if ended.contains(run.key) {
            amend(run.key) {
                $0.start(run.key, run.description).union($0.add(run.flags, to: run.key))
            }
            return
        }
        commandBytes -= RunOutbox.commandBytes(of: ledger[run.key])
        var change = ledger.start(run.key, run.description)
        change.formUnion(ledger.add(run.flags, to: run.key))
        commandBytes += RunOutbox.commandBytes(of: ledger[run.key])
        mark(run.key, change)
    }

    private static func commandBytes(of record: RunRecord?) -> Int {
        record?.description.command.map { HeldBytes.text($0) } ?? 0
    }

    /// Takes in what an earlier agent of the same boot knew of a run that lives.
    ///
    /// Returns false if the run does not live.
    mutating func restore(_ record: RunRecord) -> Bool {
        guard let known = ledger[record.key] else { return false }
        let before = ledger.level(of: known)
        guard let change = ledger.restore(record) else { return false }
        noteRestored(record.key, before)
        mark(record.key, change)
        return true
    }

    /// Takes in the end of a run.
    mutating func end(_ run: EndedRun) {
        if ended.contains(run.key) {
            amend(run.key) { $0.end(run) }
        } else if let known = ledger[run.key] {
            let before = ledger.level(of: known)
            finish(run.key, ledger.end(run), before)
        }
    }

    /// Takes in a run that began and ended between two looks.
    mutating func complete(_ run: CompletedRun) {
        if ended.contains(run.start.key) {
            amend(run.start.key) { $0.complete(run) }
            return
        }
        let before = ledger[run.start.key].map { ledger.level(of: $0) }
        commandBytes -= RunOutbox.commandBytes(of: ledger[run.start.key])
        let change = ledger.complete(run)
        commandBytes += RunOutbox.commandBytes(of: ledger[run.start.key])
        finish(run.start.key, change, before ?? RunLevel())
    }

    /// Adds flags that became known by other ways than an observation.
    mutating func add(_ flags: RunFlags, to key: ProcessKey) {
        if ended.contains(key) {
            amend(key) { $0.add(flags, to: key) }
        } else {
            mark(key, ledger.add(flags, to: key))
        }
    }

    /// Moves a run that ended from those that live to those that are over, and gives it its number.
    mutating func finish(
        _ key: ProcessKey, _ change: RunChange, _ before: RunLevel
    ) {
        guard var record = ledger[key], record.end != nil else { return mark(key, change) }
        changeCount += 1
        commandBytes -= RunOutbox.commandBytes(of: record)
        noteEnd(record, change, before)
        ledger.forget(key)
        let isTold = toldRuns.remove(key) != nil
        deliveries.giveBackMemory()
        if runsOverLimit.remove(key) != nil {
            // It never had a slot: only its count remains.
            deliveries[key] = nil
            windows.forgetEnded(key)
            return
        }
        record.ordinal = nextOrdinal
        nextOrdinal += 1
        ended.insert(record, isTold: isTold)
        guard isSessionOpen else { return }
        if deliveries[key]?.slot != nil {
            deliveries[key]?.due.formUnion(change.intersection(.peak))
            deliveries[key]?.due.formIntersection([.description, .peak])
            ends.slottedCount += 1
        } else {
            deliveries[key] = nil
        }
        ends.due.append(key)
    }

    /// Takes in what more became known of a run that is over.
    mutating func amend(_ key: ProcessKey, _ fact: (inout PeakLedger) -> RunChange) {
        guard let known = ended[key] else { return }
        ledger.merge(known, otherIsNewer: true)
        let change = fact(&ledger)
        let record = ledger[key]
        ledger.forget(key)
        guard let record, !change.isEmpty else { return }
        changeCount += 1
        ended.replace(record)
        if change.contains(.peak) { noteLatePeak(record) }
        guard isSessionOpen else { return }
        if deliveries[key]?.slot != nil, !ends.isBegun(key) {
            deliveries[key]?.due.formUnion(change.intersection([.description, .peak]))
        } else {
            ends.tellAgain(key, change)
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
        var before = RunLevel()
        let change = ledger.observe(
            observation, atMilliseconds: latestTickMilliseconds, levelBefore: &before)
        guard !change.isEmpty, let record = ledger[observation.key] else { return nil }
        if !change.isDisjoint(with: [.resident, .peak]) { noteMovement(record, change, before) }
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

    /// Makes parts of a run that lives due; without a session nothing is, because a new one begins
    /// with all.
    mutating func mark(_ key: ProcessKey, _ change: RunChange) {
        guard !change.isEmpty, ledger[key] != nil else { return }
        if !change.isDisjoint(with: [.description, .peak]) { changeCount += 1 }
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
        if !new.isDisjoint(with: .present), due.isDisjoint(with: .present) {
            presentDue.append(key)
        }
    }

    /// Makes everything about a run that lives due.
    mutating func markWhole(_ key: ProcessKey) {
        guard let record = ledger[key] else { return }
        var change: RunChange = [.description]
        if record.peak != nil || record.swapPeakBytes != nil { change.insert(.peak) }
        mark(key, change.union(.present))
    }

    /// Lets a run go that is over.
    mutating func forgetEnded(_ key: ProcessKey) {
        changeCount += 1
        ended.remove(key)
        windows.forgetEnded(key)
    }

    // MARK: Sessions

    /// Begins a session: everything is due.
    mutating func sessionOpened(maximumRuns: UInt32, frames: FrameLimits) {
        sessionClosed()
        self.frames = frames
        isSessionOpen = true
        slots = SlotTable(count: maximumRuns)
        deliveries = Dictionary(minimumCapacity: ledger.runs.count)
        for key in ledger.runs.keys { markWhole(key) }
        for key in ended.keysInOrder { ends.due.append(key) }
        folds.sessionOpened()
        windows.sessionOpened()
    }

    /// Ends the session: what was in flight is as if it had never been sent.
    mutating func sessionClosed() {
        isSessionOpen = false
        isTurnOfEnds = false
        deliveries = [:]
        definesDue.removeAll()
        presentDue.removeAll()
        peaksDue.removeAll()
        ends = EndDelivery()
        compositionsWaiting = []
        bufferedTicks = []
        runsOverLimit = []
        folds.sessionClosed()
        windows.sessionClosed()
    }

    /// Takes note of the number under which the frame of `nextFrame()` was sent.
    mutating func sent(sequence: UInt64) {
        ends.sent(sequence: sequence)
        folds.sent(sequence: sequence)
        windows.sent(sequence: sequence)
    }

    /// Takes note that everything up to `sequence` is durable: ended runs can be forgotten.
    mutating func acknowledged(throughSequence sequence: UInt64) {
        for run in ends.acknowledged(throughSequence: sequence) {
            // More may have become known of it since, and waits to be told.
            guard ended.version(of: run.key) == run.version else { continue }
            ends.forget(run.key)
            forgetEnded(run.key)
        }
        if folds.acknowledged(throughSequence: sequence) { changeCount += 1 }
        windows.acknowledged(throughSequence: sequence)
    }
}
