import MemoryModel
import Wire

// What goes out of runs that ended: in batches, each run defined, then its peak, then its end.
extension RunOutbox {
    /// The next frame about runs that ended; nil if none waits or there is no slot for any.
    mutating func nextOfEnds() -> Frame? {
        if ends.batch == nil { beginBatch() }
        return nextDefineOfBatch() ?? nextPeaksOfBatch() ?? nextWindowsOfBatch() ?? nextExit()
    }

    /// Begins a batch of as many runs as one EXIT holds and as there are slots for.
    private mutating func beginBatch() {
        let count = min(frames.exitsPerFrame, frames.peaksPerFrame)
        while ends.batch?.runs.count ?? 0 < count, let key = ends.due.first {
            guard let record = ended[key] else {
                ends.due.removeFirst()
                continue
            }
            let hasFigures = record.peak != nil || record.swapPeakBytes != nil
            if let delivery = deliveries[key], let slot = delivery.slot {
                ends.slottedCount -= 1
                deliveries[key] = nil
                ends.begin(
                    .init(key: key, slot: slot), defines: delivery.due.contains(.description),
                    peaks: delivery.due.contains(.peak) && hasFigures)
            } else if let slot = slots.take() {
                ends.begin(.init(key: key, slot: slot), defines: true, peaks: hasFigures)
            } else if ends.slottedCount > 0 {
                // It waits for those that give their slots back.
                ends.due.append(key)
            } else if ends.batch == nil {
                // All slots belong to runs that live: its count is what remains of it.
                overLimitCount += 1
                forgetEnded(key)
            } else {
                break
            }
            ends.due.removeFirst()
        }
    }

    private mutating func nextDefineOfBatch() -> Frame? {
        var runs: [DefineFrame.Definition] = []
        var bytes = 0
        while let run = ends.batch?.defines.first {
            guard let record = ended[run.key] else { break }
            let description = frames.fitted(record.description)
            bytes += FrameLimits.bytes(of: description)
            guard runs.isEmpty || frames.allows(partBytes: bytes) else { break }
            ends.batch?.defines.removeFirst()
            ended.markTold(run.key)
            if runs.last?.slot == run.slot { runs.removeLast() }
            runs.append(
                .init(
                    slot: run.slot, key: run.key, description: description, flags: record.flags))
        }
        guard !runs.isEmpty else { return nil }
        return .define(DefineFrame(runs: runs.sorted { $0.slot < $1.slot }))
    }

    private mutating func nextPeaksOfBatch() -> Frame? {
        var entries: [UInt32: PeaksFrame.Entry] = [:]
        while entries.count < frames.peaksPerFrame, let run = ends.batch?.peaks.first {
            ends.batch?.peaks.removeFirst()
            guard let record = ended[run.key], record.peak != nil || record.swapPeakBytes != nil
            else { continue }
            entries[run.slot] = PeaksFrame.Entry(
                slot: run.slot, peak: record.peak, swapPeakBytes: record.swapPeakBytes)
        }
        guard !entries.isEmpty else { return nil }
        return .peaks(PeaksFrame(entries: entries.values.sorted { $0.slot < $1.slot }))
    }

    private mutating func nextExit() -> Frame? {
        guard let batch = ends.batch else { return nil }
        var entries: [ExitFrame.Entry] = []
        var told: [EndDelivery.ToldRun] = []
        for run in batch.runs {
            slots.free(run.slot)
            guard let record = ended[run.key], let end = endWithTime(of: record) else { continue }
            entries.append(
                .init(
                    slot: run.slot, end: end, processorMilliseconds: record.processorMilliseconds,
                    faults: record.faults, flags: record.flags, ordinal: record.ordinal))
            told.append(.init(key: run.key, version: ended.version(of: run.key) ?? 0))
        }
        ends.finish(told)
        admitWaitingRuns(entries.count)
        guard !entries.isEmpty else { return nil }
        return .exit(ExitFrame(entries: entries.sorted { $0.slot < $1.slot }))
    }

    /// The end of a run; when it is not known, it was at some time until the latest look.
    func endWithTime(of record: RunRecord) -> RunEnd? {
        guard var end = record.end else { return nil }
        end.bracket =
            end.bracket
            ?? TimeBracket(
                notBeforeMilliseconds: 0, notAfterMilliseconds: max(0, latestTickMilliseconds))
        return end
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
