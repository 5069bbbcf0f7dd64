package import MemoryModel
package import Wire

/// What an agent knows and has yet to tell: the ledger, and which parts of it are due.
///
/// The outbox is a value without sockets or clocks. Snapshots go in, frames come out when the
/// session has room for them, and ended runs leave it only after their EXIT was acknowledged.
/// While nothing can be sent, new facts merge in the ledger, so an outage costs memory for the
/// runs there are, not for its length.
package struct Outbox {
    /// Where one run stands in the session of the moment.
    private struct Delivery {
        var slot: UInt32?
        var due: RunChange = []
    }

    /// All runs that live, and those that ended and are not yet acknowledged.
    package private(set) var ledger: PeakLedger
    private var deliveries: [ProcessKey: Delivery] = [:]

    private var isSessionOpen = false
    private var isStateEndDue = false
    private var slots = SlotTable(count: 0)
    private var limits = FrameLimits(maximumWireBytes: WireLimits.agentWireBytes)
    private var host: HostDescription
    private var isHostDue = true
    private var latestTickMilliseconds: Int64 = 0
    private var latestAvailableBytes: UInt64?

    // Runs with something due, each at most once in each list.
    private var definesDue: [ProcessKey] = []
    private var currentDue: [ProcessKey] = []
    private var peaksDue: [ProcessKey] = []
    private var exitsDue: [ProcessKey] = []
    private var bufferedTicks: [BufferedTick] = []

    private var counters: [CounterReason: UInt64] = [:]
    private var sentCounters: [CounterReason: UInt64] = [:]
    private var runsOverLimit: Set<ProcessKey> = []
    private var runsOverLimitCount: UInt64 = 0

    /// Runs whose EXIT went out in a frame that is not acknowledged, oldest first.
    private var exitsInFlight: [(sequence: UInt64, keys: [ProcessKey])] = []
    private var keysOfLatestExit: [ProcessKey] = []

    /// Changes of one look at all processes that wait for the next report.
    private struct BufferedTick {
        var atMilliseconds: Int64
        var availableBytes: UInt64?
        var samples: [(key: ProcessKey, change: RunChange, use: RunUse)]
    }

    /// The figures of a run at one tick.
    private struct RunUse {
        var residentBytes: UInt64?
        var swapBytes: UInt64?
        var processorMilliseconds: UInt64?
    }

    /// An outbox with nothing in it for `host`.
    package init(host: HostDescription) {
        self.host = host
        ledger = PeakLedger(limits: PeakLimits(memoryTotalBytes: host.memoryTotalBytes))
    }

    /// How many runs are known, ended ones that are not acknowledged included.
    package var runCount: Int { ledger.runs.count }

    /// Whether the full state of the session of the moment was sent.
    package var isStateSent: Bool { isSessionOpen && !isStateEndDue }

    /// Takes what the host is now; it is sent if it differs from what was sent.
    package mutating func setHost(_ description: HostDescription) {
        var description = description
        let offset = description.wallMinusBootMilliseconds
        description.wallMinusBootMilliseconds = host.wallMinusBootMilliseconds
        if description != host {
            host = description
            isHostDue = true
            ledger.limits = PeakLimits(memoryTotalBytes: host.memoryTotalBytes)
        }
        setWallMinusBoot(milliseconds: offset)
    }

    /// Takes the offset of the wall clock; it is sent if it moved by more than a second.
    package mutating func setWallMinusBoot(milliseconds: Int64) {
        guard abs(milliseconds &- host.wallMinusBootMilliseconds) > 1_000 else { return }
        host.wallMinusBootMilliseconds = milliseconds
        isHostDue = true
    }

    // MARK: Facts in

    /// Takes in what one look at all processes found.
    package mutating func apply(_ snapshot: HostSnapshot) {
        latestTickMilliseconds = snapshot.takenAtMilliseconds
        latestAvailableBytes = snapshot.memoryAvailableBytes
        for run in snapshot.ended {
            mark(run.key, ledger.end(run))
        }
        for run in snapshot.started {
            mark(run.key, ledger.start(run.key, run.description))
        }
        for run in snapshot.renamed {
            mark(run.key, ledger.start(run.key, run.description))
        }
        for run in snapshot.completed {
            mark(run.start.key, ledger.complete(run))
        }
        var tick = BufferedTick(
            atMilliseconds: snapshot.takenAtMilliseconds,
            availableBytes: snapshot.memoryAvailableBytes, samples: [])
        for observation in snapshot.observed {
            let change = ledger.observe(observation, atMilliseconds: snapshot.takenAtMilliseconds)
            guard !change.isEmpty else { continue }
            let sampled = change.intersection([.resident, .swap, .processorTime])
            if isSessionOpen, !sampled.isEmpty {
                note(sampled, of: observation.key, in: &tick)
            }
            mark(observation.key, change.subtracting(sampled))
        }
        if isSessionOpen { buffer(tick) }
        setCounters(snapshot.counters)
    }

    private func note(_ change: RunChange, of key: ProcessKey, in tick: inout BufferedTick) {
        guard let record = ledger[key] else { return }
        let use = RunUse(
            residentBytes: record.current?.residentBytes, swapBytes: record.current?.swapBytes,
            processorMilliseconds: record.processorMilliseconds)
        tick.samples.append((key, change, use))
    }

    /// Keeps a tick for the next report; when too many wait, they become one with the newest
    /// figures.
    private mutating func buffer(_ tick: BufferedTick) {
        var rest = tick
        repeat {
            var part = rest
            part.samples = Array(rest.samples.prefix(limits.samplesPerTick))
            rest.samples.removeFirst(part.samples.count)
            bufferedTicks.append(part)
        } while !rest.samples.isEmpty
        guard bufferedTicks.count > WireLimits.maximumTicksPerFrame else { return }
        for tick in bufferedTicks {
            for sample in tick.samples { mark(sample.key, sample.change) }
        }
        bufferedTicks = []
    }

    private mutating func setCounters(_ sampled: SamplerCounters) {
        counters[.vanished] = sampled.vanished
        counters[.unreadable] = sampled.unreadable
        counters[.malformed] = sampled.malformed
        counters[.skippedTicks] = sampled.skippedTicks
        counters[.refused] = sampled.refused + ledger.refusedCount
        counters[.runsOverLimit] = runsOverLimitCount + sampled.overLimit
    }

    private mutating func mark(_ key: ProcessKey, _ change: RunChange) {
        guard !change.isEmpty else { return }
        let due = deliveries[key]?.due ?? []
        let new = change.subtracting(due)
        guard !new.isEmpty else { return }
        deliveries[key, default: Delivery()].due.formUnion(new)
        if new.contains(.description) { definesDue.append(key) }
        if new.contains(.peak) { peaksDue.append(key) }
        if new.contains(.end) { exitsDue.append(key) }
        let current: RunChange = [.resident, .swap, .processorTime]
        if !new.isDisjoint(with: current), due.isDisjoint(with: current) { currentDue.append(key) }
    }

    // MARK: Sessions

    /// Begins a session: everything is due, the whole state first.
    ///
    /// - Parameters:
    ///   - maximumRuns: Slots are below this number.
    ///   - maximumWireBytes: The largest payload that the collector takes, at least 4,096.
    package mutating func sessionOpened(
        maximumRuns: UInt32, maximumWireBytes: Int = WireLimits.maximumWireBytes
    ) {
        sessionClosed()
        limits = FrameLimits(maximumWireBytes: maximumWireBytes)
        isSessionOpen = true
        isStateEndDue = true
        isHostDue = true
        sentCounters = [:]
        slots = SlotTable(count: maximumRuns)
        for key in ledger.runs.keys { markWhole(key) }
    }

    /// Makes everything about a run due.
    private mutating func markWhole(_ key: ProcessKey) {
        guard let record = ledger[key] else { return }
        var change: RunChange = [.description]
        if record.peak != nil || record.swapPeakBytes != nil { change.insert(.peak) }
        if record.end != nil {
            change.insert(.end)
        } else {
            change.formUnion([.resident, .swap, .processorTime])
        }
        mark(key, change)
    }

    /// Ends the session: what was in flight is as if it had never been sent.
    package mutating func sessionClosed() {
        isSessionOpen = false
        isStateEndDue = false
        deliveries = [:]
        definesDue = []
        currentDue = []
        peaksDue = []
        exitsDue = []
        bufferedTicks = []
        exitsInFlight = []
        keysOfLatestExit = []
        runsOverLimit = []
    }

    /// Takes note that everything up to `sequence` is durable: ended runs can be forgotten.
    package mutating func acknowledged(throughSequence sequence: UInt64) {
        while let first = exitsInFlight.first, first.sequence <= sequence {
            for key in first.keys {
                ledger.forget(key)
                deliveries[key] = nil
            }
            exitsInFlight.removeFirst()
        }
    }

    // MARK: Frames out

    /// The next frame to send, or nil if nothing is due.
    ///
    /// The order keeps every frame true when it arrives: definitions before figures, figures
    /// before ends, ends before the slots are used again. The caller sends the frame and reports
    /// its sequence number by `sent(sequence:)`.
    package mutating func nextFrame() -> Frame? {
        guard isSessionOpen else { return nil }
        keysOfLatestExit = []
        if isHostDue {
            isHostDue = false
            return .host(limits.fitted(host))
        }
        if let frame = nextDefine() ?? nextSamples() ?? nextPeaks() ?? nextExit() { return frame }
        if isStateEndDue {
            isStateEndDue = false
            return .stateEnd(StateEndFrame(liveCount: UInt64(slots.usedCount)))
        }
        return nextCounters()
    }

    /// Takes note of the sequence number under which the frame of `nextFrame()` was sent.
    package mutating func sent(sequence: UInt64) {
        guard !keysOfLatestExit.isEmpty else { return }
        exitsInFlight.append((sequence, keysOfLatestExit))
        keysOfLatestExit = []
    }

    private mutating func nextDefine() -> Frame? {
        var runs: [DefineFrame.Definition] = []
        var bytes = 0
        var taken = 0
        for key in definesDue {
            guard let record = ledger[key], let delivery = deliveries[key] else {
                taken += 1
                continue
            }
            if delivery.slot == nil, slots.isFull {
                taken += 1
                countOverLimit(key)
                continue
            }
            let description = limits.fitted(record.description)
            bytes += FrameLimits.bytes(of: description)
            guard runs.isEmpty || limits.allows(partBytes: bytes),
                runs.count < WireLimits.maximumDefinesPerFrame,
                let slot = delivery.slot ?? slots.take()
            else { break }
            taken += 1
            deliveries[key]?.slot = slot
            deliveries[key]?.due.remove(.description)
            runs.append(.init(slot: slot, key: key, description: description))
        }
        definesDue.removeFirst(taken)
        guard !runs.isEmpty else { return nil }
        return .define(DefineFrame(runs: runs.sorted { $0.slot < $1.slot }))
    }

    /// Counts a run that found no slot once for each session.
    ///
    /// Nothing of it is sent in this session; if it ends, it is forgotten, and the count is what
    /// remains of it.
    private mutating func countOverLimit(_ key: ProcessKey) {
        guard runsOverLimit.insert(key).inserted else { return }
        runsOverLimitCount += 1
        counters[.runsOverLimit, default: 0] += 1
    }

    private mutating func nextSamples() -> Frame? {
        if !currentDue.isEmpty { return nextCurrent() }
        var ticks: [SamplesFrame.Tick] = []
        var bytes = 0
        while let tick = bufferedTicks.first, ticks.count < WireLimits.maximumTicksPerFrame {
            // A tick that was cut in parts goes out in as many frames.
            bytes += FrameLimits.bytes(sampleCount: tick.samples.count)
            guard tick.atMilliseconds > ticks.last?.atMilliseconds ?? -1,
                ticks.isEmpty || limits.allows(partBytes: bytes)
            else { break }
            bufferedTicks.removeFirst()
            let samples = tick.samples.compactMap { sample -> SamplesFrame.Sample? in
                guard let slot = deliveries[sample.key]?.slot else { return nil }
                return Outbox.sample(slot: slot, change: sample.change, use: sample.use)
            }
            ticks.append(
                SamplesFrame.Tick(
                    atMilliseconds: tick.atMilliseconds, availableBytes: tick.availableBytes,
                    samples: samples.sorted { $0.slot < $1.slot }))
        }
        return ticks.isEmpty ? nil : .samples(SamplesFrame(ticks: ticks))
    }

    /// The newest figures of runs whose changes were not kept tick by tick.
    private mutating func nextCurrent() -> Frame? {
        let keys = currentDue.prefix(limits.samplesPerTick)
        var samples: [SamplesFrame.Sample] = []
        for key in keys {
            let current: RunChange = [.resident, .swap, .processorTime]
            let change = deliveries[key]?.due.intersection(current) ?? []
            deliveries[key]?.due.subtract(current)
            guard let record = ledger[key], let slot = deliveries[key]?.slot,
                let sample = Outbox.sample(
                    slot: slot, change: change,
                    use: RunUse(
                        residentBytes: record.current?.residentBytes,
                        swapBytes: record.current?.swapBytes,
                        processorMilliseconds: record.processorMilliseconds))
            else { continue }
            samples.append(sample)
        }
        currentDue.removeFirst(keys.count)
        let tick = SamplesFrame.Tick(
            atMilliseconds: latestTickMilliseconds, availableBytes: latestAvailableBytes,
            samples: samples.sorted { $0.slot < $1.slot })
        return .samples(SamplesFrame(ticks: [tick]))
    }

    private static func sample(
        slot: UInt32, change: RunChange, use: RunUse
    ) -> SamplesFrame.Sample? {
        let processor = change.contains(.processorTime) ? use.processorMilliseconds : nil
        guard change.contains(.resident) || change.contains(.swap) || processor != nil else {
            return nil
        }
        func figure(_ bit: RunChange, _ bytes: UInt64?) -> SamplesFrame.Change {
            guard change.contains(bit) else { return .unchanged }
            return bytes.map { .bytes($0) } ?? .unreadable
        }
        return SamplesFrame.Sample(
            slot: slot, resident: figure(.resident, use.residentBytes),
            swap: figure(.swap, use.swapBytes), processorMilliseconds: processor)
    }

    private mutating func nextPeaks() -> Frame? {
        let keys = peaksDue.prefix(limits.entriesPerFrame)
        guard !keys.isEmpty else { return nil }
        var entries: [PeaksFrame.Entry] = []
        for key in keys {
            deliveries[key]?.due.remove(.peak)
            guard let slot = deliveries[key]?.slot, let record = ledger[key],
                record.peak != nil || record.swapPeakBytes != nil
            else { continue }
            entries.append(
                .init(slot: slot, peak: record.peak, swapPeakBytes: record.swapPeakBytes))
        }
        peaksDue.removeFirst(keys.count)
        guard !entries.isEmpty else { return nextPeaks() }
        return .peaks(PeaksFrame(entries: entries.sorted { $0.slot < $1.slot }))
    }

    private mutating func nextExit() -> Frame? {
        let keys = exitsDue.prefix(limits.entriesPerFrame)
        guard !keys.isEmpty else { return nil }
        var entries: [ExitFrame.Entry] = []
        for key in keys {
            guard let record = ledger[key], let end = record.end, end.bracket != nil,
                let slot = deliveries[key]?.slot
            else {
                // A run that was never given a slot is over: only its count remains.
                ledger.forget(key)
                deliveries[key] = nil
                runsOverLimit.remove(key)
                continue
            }
            entries.append(
                .init(
                    slot: slot, end: end,
                    processorMilliseconds: record.processorMilliseconds))
            deliveries[key]?.slot = nil
            slots.free(slot)
            keysOfLatestExit.append(key)
        }
        exitsDue.removeFirst(keys.count)
        admitWaitingRuns(entries.count)
        guard !entries.isEmpty else { return nextExit() }
        return .exit(ExitFrame(entries: entries.sorted { $0.slot < $1.slot }))
    }

    /// Gives runs that found no slot another chance, now that `count` slots are free again.
    ///
    /// Those that ended while they waited are passed over: they are about to be forgotten, and a
    /// second chance would take a slot from one that lives.
    private mutating func admitWaitingRuns(_ count: Int) {
        guard count > 0 else { return }
        for key in runsOverLimit.filter({ ledger[$0]?.end == nil }).prefix(count) {
            runsOverLimit.remove(key)
            deliveries[key] = nil
            markWhole(key)
        }
    }

    private mutating func nextCounters() -> Frame? {
        let due = counters.filter { $0.value > 0 && sentCounters[$0.key] != $0.value }
        guard !due.isEmpty else { return nil }
        sentCounters.merge(due) { _, new in new }
        return .counters(CountersFrame(values: due))
    }
}
