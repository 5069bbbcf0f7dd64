import MemoryModel

// What a session tells that an agent which ran before left behind.

extension HostRecord {
    /// The record of a host of which only `past` tells; nil before its HOST.
    init?(past: HostRecord) {
        guard let description = past.description else { return nil }
        self.init(
            id: past.id, boot: past.boot, epoch: past.epoch, agentVersion: past.agentVersion,
            nowMilliseconds: past.firstHeardAtMilliseconds)
        self.description = description
        isKnownFromPastOnly = true
    }

    /// Whether it tells of a run whose end is not known.
    var hasOpenRuns: Bool { ledger.runs.values.contains { $0.end == nil } }

    /// Whether something of it is not on the disk.
    var isOnDisk: Bool { dirtyRuns.isEmpty && underWayRunCount == 0 && facts.isEmpty }

    /// Ends the runs of a command that nobody tells of any more, but those that `present` knows.
    mutating func endOpenRuns(besides present: PeakLedger?, nowMilliseconds now: Int64) {
        for record in ledger.runs.values where record.end == nil && present?[record.key] == nil {
            let bracket = TimeBracket(
                notBeforeMilliseconds: lastKnownAliveMilliseconds(record),
                notAfterMilliseconds: now)
            note(record.key, ledger.end(record.key, RunEnd(bracket: bracket, reason: .unobserved)))
        }
    }

    /// Takes note of a command of a host of which only commands are known.
    mutating func noteCommand(of past: HostRecord) {
        guard session == nil, description?.restrictions.contains(.commandsOnly) == true,
            let description = past.description, description.restrictions.contains(.commandsOnly)
        else { return }
        lastHeardAtMilliseconds = max(lastHeardAtMilliseconds, past.firstHeardAtMilliseconds)
        guard description != self.description else { return }
        self.description = description
        isHostDirty = true
    }

    /// The runs whose peaks rose since this was last asked.
    mutating func takeRaisedRuns() -> [RunRecord] {
        guard !raisedRuns.isEmpty else { return [] }
        defer { raisedRuns = [] }
        return raisedRuns.compactMap { ledger[$0] }
    }

    /// Takes in the peaks of a run that an earlier agent saw, if it still lives.
    ///
    /// Its end is not taken: the agent of today knows better what lives.
    mutating func raise(from earlier: RunRecord) {
        guard let known = ledger[earlier.key], known.end == nil else { return }
        if let peak = earlier.peak { note(known.key, ledger.raisePeak(known.key, to: peak)) }
        if let bytes = earlier.swapPeakBytes {
            note(known.key, ledger.raiseSwapPeak(known.key, to: bytes))
        }
    }
}
