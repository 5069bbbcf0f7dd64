/// Every run of one boot of one host, and the rules by which two copies of a run become one.
///
/// The ledger is a value without a clock: whoever feeds it says when things happened. Feeding it
/// the same facts twice, or in another order, gives the same peaks.
public struct PeakLedger: Hashable, Sendable {
    /// The runs by their key: those that live, and those that ended and were not yet forgotten.
    public private(set) var runs = RunTable()
    /// Which figures are believed.
    public var limits: PeakLimits
    /// Figures that were refused because they cannot be true.
    public internal(set) var refusedCount: UInt64 = 0
    /// Marks of the kernel that were forgotten with their peaks; one that is not above them is
    /// none of what the run did since.
    private(set) var forgottenMarks: [ProcessKey: UInt64] = [:]

    /// An empty ledger that believes figures within `limits`.
    public init(limits: PeakLimits) {
        self.limits = limits
    }

    /// The run of `key`; nil if it is not known or was forgotten.
    public subscript(key: ProcessKey) -> RunRecord? { runs[key] }

    /// Where a run stands: what it holds, and what it can have held at most until its mark was
    /// last read.
    ///
    /// A mark that was forgotten with its peak is no bound of what the run did since; until the
    /// mark rises, there is none. Nor is one that the program resets.
    public func level(of record: RunRecord) -> RunLevel {
        var level = RunLevel(residentBytes: record.current?.residentBytes, atMostBytes: nil)
        let isMarkKnown =
            (record.markReadAtMilliseconds != nil || record.flags.contains(.peakIsFinal))
            && !record.flags.contains(.markReset)
        guard isMarkKnown, let peak = record.peak?.bytes else { return level }
        if !forgottenMarks.isEmpty, let mark = forgottenMarks[record.key], peak <= mark {
            return level
        }
        level.atMostBytes = max(peak, record.description.inheritedBytes ?? 0)
        return level
    }

    /// Begins a run, or gives one that is known a new description.
    ///
    /// Returns `.description` unless exactly this was known already.
    @discardableResult
    public mutating func start(_ key: ProcessKey, _ description: RunDescription) -> RunChange {
        guard let index = runs.index(forKey: key) else {
            runs.insert(RunRecord(key: key, description: description))
            return .description
        }
        guard runs.values[index].description != description else { return [] }
        runs.values[index].description = description
        return .description
    }

    /// Takes in what one look at a run gave.
    ///
    /// - Parameters:
    ///   - observation: What was measured. A run that is not known is passed over.
    ///   - at: When, in milliseconds since boot.
    /// - Returns: What became different.
    @discardableResult
    public mutating func observe(
        _ observation: RunObservation, atMilliseconds at: Int64
    ) -> RunChange {
        var level = RunLevel()
        return observe(observation, atMilliseconds: at, levelBefore: &level)
    }

    /// Takes in what one look at a run gave, and says in `level` where the run stood before.
    public mutating func observe(
        _ observation: RunObservation, atMilliseconds at: Int64, levelBefore level: inout RunLevel
    ) -> RunChange {
        guard let index = runs.index(forKey: observation.key) else { return [] }
        level = self.level(of: runs.values[index])
        let resident = believed(observation.residentBytes)
        let mark = believed(observation.markBytes)
        let swap = believed(observation.swapBytes)
        let file = believed(observation.fileBytes)
        let proportional = believed(observation.proportionalBytes)
        var believed = observation
        believed.residentBytes = resident
        believed.markBytes = mark
        believed.swapBytes = swap
        believed.fileBytes = file
        believed.proportionalBytes = proportional
        return runs.values[index].observe(
            believed, forgottenMarkBytes: forgottenMarks[observation.key], atMilliseconds: at)
    }

    /// Takes in a peak that was reported of a run.
    ///
    /// Returns `.peak` if it raised it.
    @discardableResult
    public mutating func raisePeak(_ key: ProcessKey, to peak: Peak) -> RunChange {
        guard believed(peak.bytes) != nil, let index = runs.index(forKey: key) else { return [] }
        return runs.values[index].raisePeak(peak)
    }

    /// Takes in the largest swap that was reported of a run.
    ///
    /// Returns `.peak` if it raised it.
    @discardableResult
    public mutating func raiseSwapPeak(_ key: ProcessKey, to bytes: UInt64) -> RunChange {
        guard believed(bytes) != nil, let index = runs.index(forKey: key) else { return [] }
        return runs.values[index].raiseSwapPeak(bytes)
    }

    /// Takes in what became different of a run's present, and its processor time if that is known.
    ///
    /// - Parameters:
    ///   - key: A run; one that is not known is passed over.
    ///   - milliseconds: Its processor time; nil where that did not change.
    ///   - change: Gets the present as it was, to make it what it is.
    /// - Returns: What became different.
    @discardableResult
    public mutating func update(
        _ key: ProcessKey, processorMilliseconds milliseconds: UInt64?,
        _ change: (inout CurrentUse?) -> Void
    ) -> RunChange {
        guard let index = runs.index(forKey: key) else { return [] }
        var use = runs.values[index].current
        change(&use)
        var changed = runs.values[index].raiseProcessorTime(milliseconds)
        if let use, use != runs.values[index].current {
            changed.formUnion(setCurrent(at: index, to: use))
        }
        return changed
    }

    /// Takes in the present of a run.
    ///
    /// Returns which of its figures changed.
    @discardableResult
    public mutating func setCurrent(_ key: ProcessKey, to use: CurrentUse) -> RunChange {
        guard let index = runs.index(forKey: key) else { return [] }
        return setCurrent(at: index, to: use)
    }

    private mutating func setCurrent(at index: Int, to use: CurrentUse) -> RunChange {
        var use = use
        use.residentBytes = believed(use.residentBytes)
        use.swapBytes = believed(use.swapBytes)
        use.fileBytes = believed(use.fileBytes)
        use.proportionalBytes = believed(use.proportionalBytes)
        return runs.values[index].setCurrent(use)
    }

    /// Takes in the processor time of a run.
    ///
    /// Returns `.processorTime` if it is more than before.
    @discardableResult
    public mutating func raiseProcessorTime(
        _ key: ProcessKey, toMilliseconds milliseconds: UInt64
    ) -> RunChange {
        guard let index = runs.index(forKey: key) else { return [] }
        return runs.values[index].raiseProcessorTime(milliseconds)
    }

    /// Ends a run.
    ///
    /// Returns `.end` unless it had ended already or is not known.
    @discardableResult
    public mutating func end(_ key: ProcessKey, _ end: RunEnd) -> RunChange {
        self.end(EndedRun(key: key, end: end))
    }

    /// Ends a run and takes in what the kernel's record of its exit says.
    ///
    /// Returns what became different.
    @discardableResult
    public mutating func end(_ run: EndedRun) -> RunChange {
        guard let index = runs.index(forKey: run.key) else { return [] }
        var change: RunChange = []
        if var record = run.record {
            record.markBytes = believed(record.markBytes)
            if let mark = record.markBytes, mark <= forgottenMarks[run.key] ?? 0 {
                record.markBytes = nil
            }
            change.formUnion(runs.values[index].take(record, at: run.end.bracket))
        }
        change.formUnion(runs.values[index].setEnd(run.end))
        return change
    }

    /// Takes in a run that began and ended between two looks.
    ///
    /// Returns what became different.
    @discardableResult
    public mutating func complete(_ run: CompletedRun) -> RunChange {
        var change = start(run.start.key, run.start.description)
        change.formUnion(add(run.start.flags, to: run.start.key))
        if let peak = run.peak { change.formUnion(raisePeak(run.start.key, to: peak)) }
        change.formUnion(end(run.end))
        return change
    }

    /// Adds flags to a run.
    ///
    /// Returns `.description` if one of them was not there before.
    @discardableResult
    public mutating func add(_ flags: RunFlags, to key: ProcessKey) -> RunChange {
        guard !flags.isEmpty, let index = runs.index(forKey: key) else { return [] }
        return runs.values[index].add(flags)
    }

    /// Gives a run its number among what its agent's start ended, unless it has one.
    ///
    /// Returns whether it got it.
    @discardableResult
    public mutating func number(_ key: ProcessKey, _ ordinal: UInt64) -> Bool {
        guard let index = runs.index(forKey: key), runs.values[index].ordinal == nil else {
            return false
        }
        runs.values[index].ordinal = ordinal
        return true
    }

    /// Whether a run is known and has ended.
    public func hasEnded(_ key: ProcessKey) -> Bool {
        guard let index = runs.index(forKey: key) else { return false }
        return runs.values[index].end != nil
    }

    /// What the names of a run take in bytes; nil if it is not known.
    public func nameBytes(of key: ProcessKey) -> Int? {
        guard let index = runs.index(forKey: key) else { return nil }
        return runs.values[index].description.nameBytes
    }

    /// Takes in the faults of a run, which count for nothing but its own record.
    public mutating func raiseFaults(_ key: ProcessKey, to faults: FaultCounts?) {
        guard let faults, let index = runs.index(forKey: key) else { return }
        runs.values[index].raiseFaults(faults)
    }

    /// Takes in a whole record, as a store or another copy of the ledger holds it.
    @discardableResult
    public mutating func merge(_ record: RunRecord, otherIsNewer newer: Bool) -> RunChange {
        guard let index = runs.index(forKey: record.key) else {
            runs.insert(record)
            return .description
        }
        return runs.values[index].merge(record, otherIsNewer: newer)
    }

    /// Takes in what an earlier agent of the same boot knew of a run that lives: its peaks, flags,
    /// processor time, faults and beginning.
    ///
    /// Returns what became different; nil if the run is not known or has ended.
    public mutating func restore(_ record: RunRecord) -> RunChange? {
        guard let index = runs.index(forKey: record.key), runs.values[index].end == nil else {
            return nil
        }
        var change: RunChange = []
        if let peak = record.peak, believed(peak.bytes) != nil {
            change.formUnion(runs.values[index].raisePeak(peak))
        }
        change.formUnion(runs.values[index].raiseSwapPeak(believed(record.swapPeakBytes)))
        change.formUnion(runs.values[index].raiseProcessorTime(record.processorMilliseconds))
        runs.values[index].raiseFaults(record.faults)
        change.formUnion(runs.values[index].add(record.flags))
        let known = runs.values[index].description.startedAtMilliseconds
        if let started = record.description.startedAtMilliseconds, started < known ?? .max {
            runs.values[index].description.startedAtMilliseconds = started
            change.insert(.description)
        }
        return change
    }

    /// Drops a run, once everything about it is kept elsewhere.
    public mutating func forget(_ key: ProcessKey) {
        runs.remove(key)
        if !forgottenMarks.isEmpty { forgottenMarks[key] = nil }
        runs.giveBackMemory()
    }

    /// Forgets the peaks of runs that live whose time overlaps one of `stretches`.
    ///
    /// Such a run begins anew with what it holds at present. The kernel's mark stays as high as it
    /// was and means nothing until it rises, as one that was inherited.
    ///
    /// - Parameters:
    ///   - stretches: On the owner's clock.
    ///   - now: When the new peak counts from.
    /// - Returns: The runs that had such a peak.
    public mutating func forgetPeaks(
        in stretches: [TimeBracket], atMilliseconds now: Int64
    ) -> [ProcessKey] {
        var keys: [ProcessKey] = []
        for index in runs.indices {
            let record = runs.values[index]
            guard record.end == nil, let peak = record.peak,
                peak.bracket.map({ $0.overlaps(anyOf: stretches) }) ?? false
            else { continue }
            forgottenMarks[record.key] = max(forgottenMarks[record.key] ?? 0, peak.bytes)
            runs.values[index].peak = record.current?.residentBytes.map {
                let bracket = TimeBracket(notBeforeMilliseconds: now, notAfterMilliseconds: now)
                return Peak(bytes: $0, bracket: bracket, source: .sampled)
            }
            if record.markReadAtMilliseconds != nil {
                runs.values[index].markReadAtMilliseconds = now
            }
            keys.append(record.key)
        }
        return keys
    }

    /// Drops the resident peaks that are to be forgotten, so that lesser ones count again.
    ///
    /// Returns the runs whose peak is not known any more.
    public mutating func dropPeaks(where isDropped: (Peak) -> Bool) -> [ProcessKey] {
        var dropped: [ProcessKey] = []
        for index in runs.indices where runs.values[index].peak.map(isDropped) ?? false {
            runs.values[index].peak = nil
            runs.values[index].flags.remove(.peakIsFinal)
            dropped.append(runs.values[index].key)
        }
        return dropped
    }

    /// Gives back the room that more runs once took.
    public mutating func giveBackRoom() {
        runs.giveBackRoom()
    }

    private mutating func believed(_ bytes: UInt64?) -> UInt64? {
        guard let bytes else { return nil }
        guard limits.accepts(bytes) else {
            refusedCount += 1
            return nil
        }
        return bytes
    }
}

extension RunRecord {
    /// Takes in what one look gave; all figures are believed already.
    ///
    /// The kernel's mark counts as this run's own peak only where it is above what the run
    /// inherited; below that the samples speak.
    fileprivate mutating func observe(
        _ seen: RunObservation, forgottenMarkBytes: UInt64?, atMilliseconds at: Int64
    ) -> RunChange {
        var change: RunChange = []
        if let markBytes = seen.markBytes {
            let floor = max(description.inheritedBytes ?? 0, forgottenMarkBytes ?? 0)
            if markBytes > max(floor, peak?.bytes ?? 0) {
                let bracket = TimeBracket(
                    notBeforeMilliseconds: markReadAtMilliseconds
                        ?? description.startedAtMilliseconds ?? 0,
                    notAfterMilliseconds: at)
                change.formUnion(
                    raisePeak(Peak(bytes: markBytes, bracket: bracket, source: .hwm)))
            }
            markReadAtMilliseconds = at
        }
        if let residentBytes = seen.residentBytes, residentBytes > peak?.bytes ?? 0 {
            let bracket = TimeBracket(notBeforeMilliseconds: at, notAfterMilliseconds: at)
            change.formUnion(
                raisePeak(Peak(bytes: residentBytes, bracket: bracket, source: .sampled)))
        }
        change.formUnion(raiseSwapPeak(seen.swapBytes))
        if seen.residentBytes != nil || seen.swapBytes != nil || seen.fileBytes != nil
            || seen.proportionalBytes != nil
        {
            let use = CurrentUse(
                residentBytes: seen.residentBytes ?? current?.residentBytes,
                swapBytes: seen.swapBytes ?? current?.swapBytes,
                fileBytes: seen.fileBytes ?? current?.fileBytes,
                proportionalBytes: seen.proportionalBytes ?? current?.proportionalBytes,
                atMilliseconds: at)
            change.formUnion(setCurrent(use))
        }
        change.formUnion(raiseProcessorTime(seen.processorMilliseconds))
        raiseFaults(seen.faults)
        change.formUnion(add(seen.flags))
        return change
    }

    /// Takes in the kernel's record of the exit; its mark is believed already.
    ///
    /// An equal mark confirms the peak, whose bracket says better when it was. So does a lesser
    /// one: the kernel's counters are approximate, and what was seen once is kept. A mark that is
    /// no more than what was inherited is the whole truth all the same, and is known as inherited.
    fileprivate mutating func take(_ record: ExitFigures, at bracket: TimeBracket?) -> RunChange {
        var change: RunChange = []
        if let markBytes = record.markBytes {
            if markBytes > peak?.bytes ?? 0 || peak == nil {
                change.formUnion(
                    raisePeak(
                        Peak(bytes: markBytes, bracket: lastRise(endingIn: bracket), source: .exit)
                    ))
            }
            change.formUnion(add(.peakIsFinal))
        }
        change.formUnion(raiseProcessorTime(record.processorMilliseconds))
        raiseFaults(record.faults)
        return change
    }

    /// When a mark rose that only the record of the exit shows: since it was last read, else since
    /// the run began, until it ended.
    private func lastRise(endingIn bracket: TimeBracket?) -> TimeBracket? {
        guard let bracket else { return nil }
        let begin =
            markReadAtMilliseconds ?? description.startedAtMilliseconds
            ?? bracket.notBeforeMilliseconds
        return TimeBracket(
            notBeforeMilliseconds: begin, notAfterMilliseconds: bracket.notAfterMilliseconds)
    }
}
