import MemoryModel
import Wire

// What goes out of runs: definitions before figures, figures before ends.
extension RunOutbox {
    /// The next frame about runs; nil if nothing is due.
    mutating func nextFrame() -> Frame? {
        nextDefine() ?? nextPresent() ?? nextTicks() ?? nextPeaks() ?? nextExit()
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
            if delivery.slot == nil, slots.isFull {
                // Those that are over give their slots back first.
                if endingSlotCount > 0 { break }
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
            if delivery.slot == nil { enqueue(key, delivery.due, beside: []) }
            runs.append(
                .init(slot: slot, key: key, description: description, flags: record.flags))
        }
        guard !runs.isEmpty else { return nil }
        return .define(DefineFrame(runs: runs.sorted { $0.slot < $1.slot }))
    }

    /// Takes the first runs of a queue, ordered by slot; `parts` of them are not due any more.
    private mutating func takeDue(
        _ parts: RunChange, from queue: WritableKeyPath<RunOutbox, KeyQueue<ProcessKey>>,
        atMost count: Int
    ) -> [DueRun] {
        var taken: [DueRun] = []
        while taken.count < count, let key = self[keyPath: queue].first {
            self[keyPath: queue].removeFirst()
            guard let delivery = deliveries[key], let slot = delivery.slot else { continue }
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

    // MARK: Ends

    private mutating func nextExit() -> Frame? {
        guard !exitsDue.isEmpty else { return nil }
        var entries: [ExitFrame.Entry] = []
        for run in takeDue(.end, from: \.exitsDue, atMost: frames.exitsPerFrame) {
            guard let record = ledger[run.key], var end = record.end else { continue }
            end.bracket =
                end.bracket
                ?? TimeBracket(
                    notBeforeMilliseconds: 0, notAfterMilliseconds: latestTickMilliseconds)
            entries.append(
                .init(
                    slot: run.slot, end: end, processorMilliseconds: record.processorMilliseconds,
                    faults: record.faults, flags: record.flags))
            deliveries[run.key] = Delivery()
            slots.free(run.slot)
            endingSlotCount -= 1
            keysOfLatestExit.append(run.key)
        }
        admitWaitingRuns(entries.count)
        return entries.isEmpty ? nil : .exit(ExitFrame(entries: entries))
    }

    /// Gives runs that found no slot another chance, now that `count` slots are free again.
    private mutating func admitWaitingRuns(_ count: Int) {
        guard count > 0, !runsOverLimit.isEmpty else { return }
        for key in runsOverLimit.prefix(count) {
            runsOverLimit.remove(key)
            deliveries[key] = nil
            markWhole(key)
        }
    }
}
