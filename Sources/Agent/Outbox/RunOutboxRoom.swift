import MemoryModel

// What is given up when more is held than there is room for. Peaks are the last to go: first small
// runs fold, and only what cannot be folded is dropped.
extension RunOutbox {
    /// A run that may be folded or dropped.
    private struct Candidate {
        var bytes: UInt64
        var ordinal: UInt64
        var key: ProcessKey
        var subject: FoldSubject
        var hour: Int64
    }

    private struct HourOfProgram: Hashable {
        var program: RawText
        var hour: Int64
    }

    /// Which runs stay themselves while others fold, from the most to none.
    private enum Keeping: CaseIterable {
        case largestOfProgramInHour
        case largestOfProgramAndLargestInHour
        case none
    }

    /// Folds and drops runs that ended, the smallest peaks first, if they take more than
    /// `limitBytes`.
    ///
    /// What is done goes down to seven eighths of the limit, so that it is done once for many
    /// exits: at 32 MiB it took 90 ms for 7,000 of them on a busy machine. A run that ever stood
    /// in a frame is not folded, because it would be counted twice; if nothing else is left, it is
    /// dropped as the others are, but never while it is on its way. Runs that live stay.
    ///
    /// - Parameters:
    ///   - limitBytes: How much runs that ended and folds may take.
    ///   - wallMinusBootMilliseconds: What makes a time of day of boot time.
    /// - Returns: What was dropped; nil for nothing.
    mutating func makeRoom(
        limitBytes: Int, wallMinusBootMilliseconds: Int64
    ) -> EventLoss? {
        guard endedBytes > limitBytes else { return nil }
        changeCount += 1
        let target = limitBytes / 8 * 7
        let candidates = self.candidates(wallMinusBootMilliseconds: wallMinusBootMilliseconds)
        var companions: [FoldSubject: Int] = [:]
        for candidate in candidates { companions[candidate.subject, default: 0] += 1 }
        for keeping in Keeping.allCases where endedBytes > target {
            fold(
                candidates, keeping: RunOutbox.kept(of: candidates, keeping), companions,
                toBytes: target)
        }
        return endedBytes > target ? drop(toBytes: target) : nil
    }

    /// The runs that were never told, the smallest first.
    private func candidates(wallMinusBootMilliseconds offset: Int64) -> [Candidate] {
        var candidates: [Candidate] = []
        candidates.reserveCapacity(ended.count)
        for (record, isTold) in ended.all where !isTold && !ends.isBegun(record.key) {
            let end = record.end?.bracket?.notAfterMilliseconds ?? latestTickMilliseconds
            candidates.append(
                Candidate(
                    bytes: record.ownPeakBytes, ordinal: record.ordinal ?? 0, key: record.key,
                    subject: FoldSubject(record.description),
                    hour: Totals.hour(atMilliseconds: end, wallMinusBootMilliseconds: offset)))
        }
        return candidates.sorted { ($0.bytes, $0.ordinal) < ($1.bytes, $1.ordinal) }
    }

    /// The ordinals of those that stay themselves; the candidates come smallest first.
    private static func kept(of candidates: [Candidate], _ keeping: Keeping) -> Set<UInt64> {
        switch keeping {
        case .none: return []
        case .largestOfProgramInHour:
            var largest: [HourOfProgram: UInt64] = [:]
            for run in candidates {
                largest[HourOfProgram(program: run.subject.program, hour: run.hour)] = run.ordinal
            }
            return Set(largest.values)
        case .largestOfProgramAndLargestInHour:
            var ofPrograms: [RawText: UInt64] = [:]
            var ofHours: [Int64: UInt64] = [:]
            for run in candidates {
                ofPrograms[run.subject.program] = run.ordinal
                ofHours[run.hour] = run.ordinal
            }
            return Set(ofPrograms.values).union(ofHours.values)
        }
    }

    private mutating func fold(
        _ candidates: [Candidate], keeping kept: Set<UInt64>, _ companions: [FoldSubject: Int],
        toBytes target: Int
    ) {
        for candidate in candidates where !kept.contains(candidate.ordinal) {
            guard endedBytes > target else { return }
            // One that has no companion takes no less room in a fold.
            let isOfUse =
                folds.isOpen(candidate.subject)
                || folds.hasRoom && companions[candidate.subject] ?? 0 > 1
            guard isOfUse, var record = ended.remove(candidate.key) else { continue }
            windows.forgetEnded(candidate.key)
            record.end = endWithTime(of: record)
            // A fold says when its greatest peak was; that of a run lies before its end.
            if record.peak != nil, record.peak?.bracket == nil {
                record.peak?.bracket = TimeBracket(
                    notBeforeMilliseconds: 0,
                    notAfterMilliseconds: record.end?.bracket?.notAfterMilliseconds ?? 0)
            }
            folds.add(record, candidate.subject, nextOrdinal: &nextOrdinal)
            foldedCount += 1
        }
    }

    // MARK: Dropping

    private enum Droppable {
        case run(ProcessKey)
        case fold(UInt64)
    }

    private mutating func drop(toBytes target: Int) -> EventLoss? {
        var loss: EventLoss?
        for isTold in [false, true] {
            for droppable in droppables(isTold: isTold) {
                guard endedBytes > target else { return loss }
                guard let (count, end) = drop(droppable) else { continue }
                droppedCount += count
                let bracket = TimeBracket(
                    notBeforeMilliseconds: min(
                        loss?.bracket.notBeforeMilliseconds ?? .max, end.notBeforeMilliseconds),
                    notAfterMilliseconds: max(
                        loss?.bracket.notAfterMilliseconds ?? .min, end.notAfterMilliseconds))
                loss = EventLoss(
                    reason: .dropped, bracket: bracket, count: (loss?.count ?? 0) + count)
            }
        }
        return loss
    }

    /// What may be dropped, the smallest first.
    private func droppables(isTold: Bool) -> [Droppable] {
        var found: [(bytes: UInt64, ordinal: UInt64, what: Droppable)] = []
        for (record, wasTold) in ended.all where wasTold == isTold {
            // One that has a slot, or whose end waits to be acknowledged, is on its way.
            guard !ends.isBegun(record.key), deliveries[record.key] == nil else { continue }
            found.append((record.ownPeakBytes, record.ordinal ?? 0, .run(record.key)))
        }
        for (fold, wasTold) in folds.all where wasTold == isTold {
            found.append((fold.peak?.bytes ?? 0, fold.ordinal, .fold(fold.ordinal)))
        }
        return found.sorted { ($0.bytes, $0.ordinal) < ($1.bytes, $1.ordinal) }.map(\.what)
    }

    /// Drops a run or a fold; nil if it may not be.
    private mutating func drop(_ droppable: Droppable) -> (count: UInt64, end: TimeBracket)? {
        switch droppable {
        case .run(let key):
            guard let record = ended.remove(key), let end = endWithTime(of: record)?.bracket
            else { return nil }
            windows.forgetEnded(key)
            return (1, end)
        case .fold(let ordinal):
            guard let fold = folds.drop(ordinal), let end = fold.bracket else { return nil }
            return (fold.runCount, end)
        }
    }

    // MARK: Forgetting

    /// Forgets peaks whose time overlaps one of `stretches`, wherever they are held and may still
    /// change.
    mutating func forgetPeaks(in stretches: [TimeBracket], atMilliseconds now: Int64) {
        for key in ledger.forgetPeaks(in: stretches, atMilliseconds: now) { mark(key, .peak) }
        if ended.forgetPeaks(in: stretches) { changeCount += 1 }
        if folds.forgetPeaks(in: stretches) { changeCount += 1 }
        forgetWindows(in: stretches)
    }
}

extension RunRecord {
    /// Its peak as far as it is its own, in bytes; 0 where none is known.
    fileprivate var ownPeakBytes: UInt64 { isPeakInherited ? 0 : peak?.bytes ?? 0 }
}
