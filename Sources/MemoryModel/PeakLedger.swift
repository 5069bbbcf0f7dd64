/// Every run of one boot of one host, and the rules by which two copies of a run become one.
///
/// The ledger is a value without a clock: whoever feeds it says when things happened. Feeding it
/// the same facts twice, or in another order, gives the same peaks.
public struct PeakLedger: Hashable, Sendable {
    /// The runs by their key: those that live, and those that ended and were not yet forgotten.
    public private(set) var runs: [ProcessKey: RunRecord] = [:]
    /// Which figures are believed.
    public var limits: PeakLimits
    /// Figures that were refused because they cannot be true.
    public private(set) var refusedCount: UInt64 = 0

    /// An empty ledger that believes figures within `limits`.
    public init(limits: PeakLimits) {
        self.limits = limits
    }

    /// The run of `key`; nil if it is not known or was forgotten.
    public subscript(key: ProcessKey) -> RunRecord? { runs[key] }

    /// Begins a run, or gives one that is known a new description.
    ///
    /// Returns `.description` unless exactly this was known already.
    @discardableResult
    public mutating func start(_ key: ProcessKey, _ description: RunDescription) -> RunChange {
        if let known = runs[key]?.description {
            guard known != description else { return [] }
            runs[key]?.description = description
        } else {
            runs[key] = RunRecord(key: key, description: description)
        }
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
        guard let index = runs.index(forKey: observation.key) else { return [] }
        let resident = believed(observation.residentBytes)
        let mark = believed(observation.markBytes)
        let swap = believed(observation.swapBytes)
        return runs.values[index].observe(
            residentBytes: resident, markBytes: mark, swapBytes: swap,
            processorMilliseconds: observation.processorMilliseconds, atMilliseconds: at)
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

    /// Takes in the present of a run.
    ///
    /// Returns which of its figures changed.
    @discardableResult
    public mutating func setCurrent(_ key: ProcessKey, to use: CurrentUse) -> RunChange {
        guard let index = runs.index(forKey: key) else { return [] }
        var use = use
        use.residentBytes = believed(use.residentBytes)
        use.swapBytes = believed(use.swapBytes)
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
        guard let index = runs.index(forKey: key) else { return [] }
        return runs.values[index].setEnd(end)
    }

    /// Takes in a whole record, as a store or another copy of the ledger holds it.
    @discardableResult
    public mutating func merge(_ record: RunRecord, otherIsNewer newer: Bool) -> RunChange {
        guard let index = runs.index(forKey: record.key) else {
            runs[record.key] = record
            return .description
        }
        return runs.values[index].merge(record, otherIsNewer: newer)
    }

    /// Drops a run, once everything about it is kept elsewhere.
    public mutating func forget(_ key: ProcessKey) {
        runs[key] = nil
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
        residentBytes: UInt64?, markBytes: UInt64?, swapBytes: UInt64?,
        processorMilliseconds: UInt64?, atMilliseconds at: Int64
    ) -> RunChange {
        var change: RunChange = []
        if let markBytes {
            if markBytes > max(description.inheritedBytes ?? 0, peak?.bytes ?? 0) {
                let bracket = TimeBracket(
                    notBeforeMilliseconds: markReadAtMilliseconds
                        ?? description.startedAtMilliseconds ?? 0,
                    notAfterMilliseconds: at)
                change.formUnion(
                    raisePeak(Peak(bytes: markBytes, bracket: bracket, source: .hwm)))
            }
            markReadAtMilliseconds = at
        }
        if let residentBytes, residentBytes > peak?.bytes ?? 0 {
            let bracket = TimeBracket(notBeforeMilliseconds: at, notAfterMilliseconds: at)
            change.formUnion(
                raisePeak(Peak(bytes: residentBytes, bracket: bracket, source: .sampled)))
        }
        change.formUnion(raiseSwapPeak(swapBytes))
        if residentBytes != nil || swapBytes != nil {
            let use = CurrentUse(
                residentBytes: residentBytes ?? current?.residentBytes,
                swapBytes: swapBytes ?? current?.swapBytes, atMilliseconds: at)
            change.formUnion(setCurrent(use))
        }
        change.formUnion(raiseProcessorTime(processorMilliseconds))
        return change
    }
}
