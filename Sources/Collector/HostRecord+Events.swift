import MemoryModel
import PeakStore
package import Wire

// What the frames of a host's session say of its runs.

extension HostRecord {
    /// What a frame of the host's session says.
    ///
    /// Returns whether it was taken whole; if not, the host tells more than one host may, and its
    /// session is to end.
    @discardableResult
    package mutating func apply(_ event: SessionEvent, nowMilliseconds now: Int64) -> Bool {
        switch event {
        case .host(let description): setDescription(description)
        case .define(let runs):
            for run in runs {
                guard define(run, nowMilliseconds: now) else { return false }
            }
        case .samples(let ticks):
            for tick in ticks { take(tick, nowMilliseconds: now) }
        case .peaks(let peaks):
            for peak in peaks { raise(peak, nowMilliseconds: now) }
        case .exits(let exits):
            for exit in exits {
                end(exit, nowMilliseconds: now)
                guard addWindowOfOnlyMinute(exit.key) else { return false }
            }
        case .folds(let folds): return take(folds, nowMilliseconds: now)
        case .counters(let values): return setCounters(values)
        case .totals(let totals): return take(totals, nowMilliseconds: now)
        case .cgroups(let cgroups): return take(cgroups, nowMilliseconds: now)
        case .kills(let kills): return take(kills, nowMilliseconds: now)
        case .windows(let windows): return take(windows, nowMilliseconds: now)
        case .covered(let covered): return take(covered, nowMilliseconds: now)
        case .gaps(let gaps): return take(gaps, nowMilliseconds: now)
        case .sections(let sections): return take(sections, nowMilliseconds: now)
        case .growth(let growth): return take(growth)
        case .health(let health): return take(health, nowMilliseconds: now)
        case .stateEnd(let live): stateEnd(live: live, nowMilliseconds: now)
        }
        return true
    }

    private mutating func setDescription(_ description: HostDescription) {
        guard description != self.description else { return }
        if description.wallMinusBootMilliseconds != self.description?.wallMinusBootMilliseconds {
            // The clock was set; its next times say whether it is right now.
            isClockSuspect = false
        }
        self.description = description
        ledger.limits = PeakLimits(memoryTotalBytes: description.memoryTotalBytes)
        isHostDirty = true
    }

    private mutating func define(_ run: StartedRun, nowMilliseconds now: Int64) -> Bool {
        let known = ledger.nameBytes(of: run.key)
        let bytes = nameBytes - (known ?? 0) + run.description.nameBytes
        guard bytes <= HostRecord.maximumNameBytes,
            known != nil || ledger.runs.count < HostRecord.maximumRuns
        else { return false }
        nameBytes = bytes
        var description = run.description
        description.startedAtMilliseconds = description.startedAtMilliseconds
            .flatMap { utc($0, nowMilliseconds: now) }
        note(run.key, ledger.start(run.key, description))
        note(run.key, ledger.add(run.flags, to: run.key))
        return true
    }

    /// Takes in the present.
    ///
    /// It is not written for its own sake: that would cost a row for each sample.
    private mutating func take(_ tick: TickEvent, nowMilliseconds now: Int64) {
        if !isPast { availableBytes = tick.availableBytes }
        let at = utc(tick.atMilliseconds, nowMilliseconds: now) ?? now
        for sample in tick.samples {
            let changesPresent = sample.changesPresent && !isPast
            ledger.update(
                sample.key, processorMilliseconds: sample.processorMilliseconds
            ) { use in
                if changesPresent { use = sample.present(after: use, atMilliseconds: at) }
            }
        }
    }

    private mutating func raise(_ event: PeakEvent, nowMilliseconds now: Int64) {
        if var peak = event.peak {
            peak.bracket = peak.bracket.flatMap { utc($0, nowMilliseconds: now) }
            if !isPurged(peak.bracket) {
                note(event.key, ledger.raisePeak(event.key, to: peak))
            }
        }
        if let bytes = event.swapPeakBytes {
            note(event.key, ledger.raiseSwapPeak(event.key, to: bytes))
        }
    }

    private mutating func end(_ event: ExitEvent, nowMilliseconds now: Int64) {
        if let milliseconds = event.processorMilliseconds {
            ledger.raiseProcessorTime(event.key, toMilliseconds: milliseconds)
        }
        ledger.raiseFaults(event.key, to: event.faults)
        note(event.key, ledger.add(event.flags, to: event.key))
        var end = event.end
        end.bracket = end.bracket.flatMap { utc($0, nowMilliseconds: now) }
        note(event.key, ledger.end(event.key, end))
        number(event.key, event.ordinal)
    }

    /// An ordinal counts within the start of the agent that gave it: the first that is known
    /// stays, with its epoch.
    private mutating func number(_ key: ProcessKey, _ ordinal: UInt64?) {
        guard let ordinal, ledger.number(key, ordinal) else { return }
        ordinalEpochs[key] = epoch
        dirtyRuns.insert(key)
    }

    /// STATE_END: every open run that is not among `live` ended while nobody watched.
    private mutating func stateEnd(live: [ProcessKey], nowMilliseconds now: Int64) {
        // Who tells what was left behind does not know what lives now.
        guard !isPast else { return }
        let live = Set(live)
        let gone = ledger.runs.values.filter { $0.end == nil && !live.contains($0.key) }
        for record in gone {
            let bracket = TimeBracket(
                notBeforeMilliseconds: lastKnownAliveMilliseconds(record),
                notAfterMilliseconds: now)
            note(record.key, ledger.end(record.key, RunEnd(bracket: bracket, reason: .unobserved)))
        }
    }

    /// The latest time at which a run is known to have been there.
    ///
    /// That its host was heard later says nothing: the run may have ended by then, unreported.
    func lastKnownAliveMilliseconds(_ record: RunRecord) -> Int64 {
        let known = [
            record.current?.atMilliseconds, record.description.startedAtMilliseconds,
            record.peak?.bracket?.notBeforeMilliseconds,
        ]
        return known.compactMap { $0 }.max() ?? firstHeardAtMilliseconds
    }

    private mutating func setCounters(_ values: [CounterReason: UInt64]) -> Bool {
        let risen = values.filter { $0.value > counters[$0.key] ?? 0 }
        guard !risen.isEmpty else { return true }
        let merged = counters.merging(risen) { $1 }
        guard facts.add(StoredCounters(host: id, epoch: epoch, values: merged)) else {
            return false
        }
        counters = merged
        return true
    }

    /// Takes note that a change of a run is not on the disk.
    mutating func note(_ key: ProcessKey, _ change: RunChange) {
        guard !change.isEmpty else { return }
        dirtyRuns.insert(key)
        if isPast, change.contains(.peak) { raisedRuns.insert(key) }
    }
}

extension SampleEvent {
    /// Whether anything but processor time changed.
    fileprivate var changesPresent: Bool {
        resident != .unchanged || swap != .unchanged || file != .unchanged
            || proportional != .unchanged
    }

    /// The present after this change, where it was `known` before.
    fileprivate func present(after known: CurrentUse?, atMilliseconds at: Int64) -> CurrentUse {
        CurrentUse(
            residentBytes: resident.figure(orElse: known?.residentBytes),
            swapBytes: swap.figure(orElse: known?.swapBytes),
            fileBytes: file.figure(orElse: known?.fileBytes),
            proportionalBytes: proportional.figure(orElse: known?.proportionalBytes),
            atMilliseconds: at)
    }
}

extension SamplesFrame.Change {
    /// The figure after this change, where it was `known` before.
    fileprivate func figure(orElse known: UInt64?) -> UInt64? {
        switch self {
        case .unchanged: known
        case .unreadable: nil
        case .bytes(let bytes): bytes
        }
    }
}
