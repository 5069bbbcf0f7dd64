import MemoryModel
import Wire

// What goes out of runs that live: definitions before figures.
extension RunOutbox {
    /// The next frame about runs; nil if nothing may be sent.
    ///
    /// Runs that live and runs that ended take turns, so that neither waits for all of the other:
    /// a frame of those, then a batch of these with its definitions, peaks and ends.
    mutating func nextFrame(_ saved: SavedState) -> Frame? {
        if ends.batch == nil {
            isTurnOfEnds.toggle()
            if isTurnOfEnds, let frame = nextOfLiving() { return frame }
        }
        return nextOfEnds() ?? nextOfLiving() ?? folds.nextFrame(frames, saved)
    }

    private mutating func nextOfLiving() -> Frame? {
        nextDefine() ?? nextPresent() ?? nextTicks() ?? nextPeaks() ?? nextWindows()
    }

    private mutating func nextDefine() -> Frame? {
        var runs: [DefineFrame.Definition] = []
        var bytes = 0
        while let key = definesDue.first, runs.count < WireLimits.maximumDefinesPerFrame {
            guard let delivery = deliveries[key], delivery.due.contains(.description),
                let record = ledger[key]
            else {
                definesDue.removeFirst()
                continue
            }
            if delivery.slot == nil, slots.freeCount <= slotsForEnds {
                // Those that are over need slots, too, and give them back at once.
                if !ends.isEmpty { break }
                definesDue.removeFirst()
                countOverLimit(key)
                continue
            }
            let description = frames.fitted(record.description)
            bytes += FrameLimits.bytes(of: description)
            guard runs.isEmpty || frames.allows(partBytes: bytes),
                let slot = delivery.slot ?? slots.take()
            else { break }
            definesDue.removeFirst()
            deliveries[key]?.slot = slot
            deliveries[key]?.due.remove(.description)
            if delivery.slot == nil {
                toldRuns.insert(key)
                enqueue(key, delivery.due, beside: [])
            }
            runs.append(
                .init(slot: slot, key: key, description: description, flags: record.flags))
        }
        guard !runs.isEmpty else { return nil }
        return .define(DefineFrame(runs: runs.sorted { $0.slot < $1.slot }))
    }

    /// How many slots are kept free for runs that ended while some of them wait.
    private var slotsForEnds: Int {
        ends.isEmpty ? 0 : min(frames.exitsPerFrame, max(1, Int(slots.count) / 4))
    }

    /// Counts a run that lives and found no slot, once for each session.
    private mutating func countOverLimit(_ key: ProcessKey) {
        guard runsOverLimit.insert(key).inserted else { return }
        overLimitCount += 1
    }

    /// Takes the first runs of a queue, ordered by slot; `parts` of them are not due any more.
    private mutating func takeDue(
        _ parts: RunChange, from queue: WritableKeyPath<RunOutbox, KeyQueue<ProcessKey>>,
        atMost count: Int
    ) -> [DueRun] {
        var taken: [DueRun] = []
        while taken.count < count, let key = self[keyPath: queue].first {
            self[keyPath: queue].removeFirst()
            guard let delivery = deliveries[key], let slot = delivery.slot, ledger[key] != nil
            else { continue }
            deliveries[key]?.due.subtract(parts)
            taken.append(
                DueRun(key: key, slot: slot, change: delivery.due.intersection(parts)))
        }
        return taken.sorted { $0.slot < $1.slot }
    }

    /// A run that has a slot, and what of it is due.
    private struct DueRun {
        var key: ProcessKey
        var slot: UInt32
        var change: RunChange
    }

    // MARK: Figures

    private mutating func nextTicks() -> Frame? {
        var ticks: [SamplesFrame.Tick] = []
        var bytes = 0
        var taken = 0
        for tick in bufferedTicks where ticks.count < WireLimits.maximumTicksPerFrame {
            // A tick that was cut in parts goes out in as many frames.
            bytes += FrameLimits.bytes(sampleCount: tick.samples.count)
            guard tick.atMilliseconds > ticks.last?.atMilliseconds ?? -1,
                ticks.isEmpty || frames.allows(partBytes: bytes)
            else { break }
            taken += 1
            var samples: [SamplesFrame.Sample] = []
            samples.reserveCapacity(tick.samples.count)
            for sample in tick.samples {
                if let slot = deliveries[sample.key]?.slot {
                    let made = RunOutbox.sample(slot: slot, change: sample.change, use: sample.use)
                    if let made { samples.append(made) }
                } else if !runsOverLimit.contains(sample.key), ledger[sample.key] != nil {
                    mark(sample.key, sample.change)
                }
            }
            samples.sort { $0.slot < $1.slot }
            ticks.append(
                SamplesFrame.Tick(
                    atMilliseconds: tick.atMilliseconds, availableBytes: tick.availableBytes,
                    samples: samples))
        }
        bufferedTicks.removeFirst(taken)
        return ticks.isEmpty ? nil : .samples(SamplesFrame(ticks: ticks))
    }

    /// The newest figures of runs whose changes were not kept tick by tick.
    private mutating func nextPresent() -> Frame? {
        guard !presentDue.isEmpty else { return nil }
        var samples: [SamplesFrame.Sample] = []
        let due = takeDue(.present, from: \.presentDue, atMost: frames.samplesPerTick)
        for run in due {
            guard let record = ledger[run.key],
                let sample = RunOutbox.sample(
                    slot: run.slot, change: run.change, use: RunUse(record))
            else { continue }
            samples.append(sample)
        }
        guard !samples.isEmpty else { return nil }
        let tick = SamplesFrame.Tick(
            atMilliseconds: latestTickMilliseconds, availableBytes: latestAvailableBytes,
            samples: samples)
        return .samples(SamplesFrame(ticks: [tick]))
    }

    private static func sample(
        slot: UInt32, change: RunChange, use: RunUse
    ) -> SamplesFrame.Sample? {
        func figure(_ bit: RunChange, _ bytes: UInt64?) -> SamplesFrame.Change {
            guard change.contains(bit) else { return .unchanged }
            return bytes.map { .bytes($0) } ?? .unreadable
        }
        // Without a figure these were never measured: once known, they stay known.
        func composition(_ bytes: UInt64?) -> SamplesFrame.Change {
            bytes == nil ? .unchanged : figure(.composition, bytes)
        }
        let sample = SamplesFrame.Sample(
            slot: slot, resident: figure(.resident, use.residentBytes),
            swap: figure(.swap, use.swapBytes),
            processorMilliseconds: change.contains(.processorTime)
                ? use.processorMilliseconds : nil,
            file: composition(use.fileBytes), proportional: composition(use.proportionalBytes))
        let isEmpty =
            sample.resident == .unchanged && sample.swap == .unchanged
            && sample.processorMilliseconds == nil && sample.file == .unchanged
            && sample.proportional == .unchanged
        return isEmpty ? nil : sample
    }

    private mutating func nextPeaks() -> Frame? {
        guard !peaksDue.isEmpty else { return nil }
        var entries: [PeaksFrame.Entry] = []
        for run in takeDue(.peak, from: \.peaksDue, atMost: frames.peaksPerFrame) {
            guard let record = ledger[run.key], record.peak != nil || record.swapPeakBytes != nil
            else { continue }
            entries.append(
                .init(slot: run.slot, peak: record.peak, swapPeakBytes: record.swapPeakBytes))
        }
        return entries.isEmpty ? nil : .peaks(PeaksFrame(entries: entries))
    }
}
