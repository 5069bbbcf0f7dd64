import MemoryModel

extension SessionSlots {
    /// Turns a data frame about slots into an event about runs, and keeps the table.
    ///
    /// Throws badPayload where a frame names a slot that is free, or gives away one that is not.
    /// After a throw the table may be half changed; the session ends.
    mutating func event(of frame: Frame) throws(WireError) -> SessionEvent {
        switch frame {
        case .host(let description): return .host(description)
        case .define(let frame): return try define(frame)
        case .samples(let frame): return try samples(frame)
        case .peaks(let frame): return try peaks(frame)
        case .windows(let frame): return try windows(frame)
        case .covered(let frame): return .covered(frame)
        case .exit(let frame): return try exits(frame)
        case .fold(let frame): return .folds(frame.folds)
        case .counters(let frame): return .counters(frame.values)
        case .totals(let frame): return .totals(frame.entries)
        case .cgroup(let frame): return .cgroups(frame.records)
        case .outOfMemory(let frame): return .kills(frame.kills)
        case .health(let frame): return .health(frame.health)
        case .gap(let frame): return .gaps(frame.gaps)
        case .sections(let frame): return .sections(frame.sections)
        case .pythonGrowth(let frame): return .growth(frame.runs)
        case .stateEnd(let frame): return try stateEnd(frame)
        default: throw WireError.unexpected(frame, "carries no data")
        }
    }

    private func key(_ slot: UInt32, _ name: StaticString) throws(WireError) -> ProcessKey {
        guard let key = self[slot] else {
            throw WireError(code: .badPayload, reason: "\(name) names slot \(slot), which is free")
        }
        return key
    }

    private mutating func define(_ frame: DefineFrame) throws(WireError) -> SessionEvent {
        var runs: [StartedRun] = []
        runs.reserveCapacity(frame.runs.count)
        for run in frame.runs {
            try define(run.slot, as: run.key)
            runs.append(
                StartedRun(key: run.key, description: run.description, flags: run.flags))
        }
        return .define(runs)
    }

    private func samples(_ frame: SamplesFrame) throws(WireError) -> SessionEvent {
        var ticks: [TickEvent] = []
        ticks.reserveCapacity(frame.ticks.count)
        for tick in frame.ticks {
            var samples: [SampleEvent] = []
            samples.reserveCapacity(tick.samples.count)
            for sample in tick.samples {
                samples.append(
                    SampleEvent(
                        key: try key(sample.slot, "SAMPLES"), resident: sample.resident,
                        swap: sample.swap,
                        processorMilliseconds: sample.processorMilliseconds,
                        file: sample.file, proportional: sample.proportional))
            }
            ticks.append(
                TickEvent(
                    atMilliseconds: tick.atMilliseconds, availableBytes: tick.availableBytes,
                    samples: samples))
        }
        return .samples(ticks)
    }

    private func peaks(_ frame: PeaksFrame) throws(WireError) -> SessionEvent {
        var peaks: [PeakEvent] = []
        peaks.reserveCapacity(frame.entries.count)
        for entry in frame.entries {
            peaks.append(
                PeakEvent(
                    key: try key(entry.slot, "PEAKS"), peak: entry.peak,
                    swapPeakBytes: entry.swapPeakBytes))
        }
        return .peaks(peaks)
    }

    private func windows(_ frame: WindowsFrame) throws(WireError) -> SessionEvent {
        var windows: [ProcessKey: Window] = [:]
        windows.reserveCapacity(frame.entries.count)
        for entry in frame.entries { windows[try key(entry.slot, "WINDOWS")] = entry.window }
        return .windows(
            WindowsEvent(
                length: frame.length, startsAtMilliseconds: frame.startsAtMilliseconds,
                windows: windows))
    }

    private mutating func exits(_ frame: ExitFrame) throws(WireError) -> SessionEvent {
        var exits: [ExitEvent] = []
        exits.reserveCapacity(frame.entries.count)
        for entry in frame.entries {
            let key = try key(entry.slot, "EXIT")
            free(entry.slot)
            exits.append(
                ExitEvent(
                    key: key, end: entry.end,
                    processorMilliseconds: entry.processorMilliseconds,
                    faults: entry.faults, flags: entry.flags, ordinal: entry.ordinal))
        }
        return .exits(exits)
    }

    private func stateEnd(_ frame: StateEndFrame) throws(WireError) -> SessionEvent {
        guard frame.liveCount == UInt64(usedCount) else {
            throw WireError(
                code: .badPayload,
                reason: "STATE_END counts \(frame.liveCount) slots, \(usedCount) are in use")
        }
        return .stateEnd(live: keys)
    }
}
