import MemoryModel
import PeakStore
import Wire

// What the frames of a host's session say beside its runs.
//
// Each of these returns whether there was room for all of it.

extension HostRecord {
    /// TOTALS: a sum whose time cannot be trusted counts for the hour in which it was told.
    ///
    /// Sums are not refused (truth rule 9), but what the host had not available is no sum.
    mutating func take(_ totals: [TotalEvent], nowMilliseconds now: Int64) -> Bool {
        for event in totals {
            if event.subject.kind == .hostUsed, !ledger.limits.accepts(event.peak.bytes) {
                earlierRefusedCount += 1
                continue
            }
            var peak = event.peak
            peak.atMilliseconds = peak.atMilliseconds.flatMap { utc($0, nowMilliseconds: now) }
            guard !isPurged(peak.bracket) else { continue }
            var subject = event.subject
            if subject.kind == .host || subject.kind == .hostUsed { subject.name = "" }
            let total = StoredTotal(
                host: id, boot: boot, subject: subject,
                hourMilliseconds: StoredTotal.hour(of: peak.atMilliseconds ?? now), peak: peak)
            guard facts.add(total) else { return false }
        }
        return true
    }

    /// CGROUP: a peak that cannot be true is left out, the rest is kept.
    mutating func take(_ cgroups: [CgroupRecord], nowMilliseconds now: Int64) -> Bool {
        for cgroup in cgroups {
            var record = cgroup
            if let bytes = record.peak?.bytes, !ledger.limits.accepts(bytes) {
                earlierRefusedCount += 1
                record.peak = nil
            }
            if let bytes = record.swapPeakBytes, !ledger.limits.accepts(bytes) {
                earlierRefusedCount += 1
                record.swapPeakBytes = nil
            }
            if let bracket = record.peak?.peak.bracket {
                record.peak?.peak.bracket = utc(bracket, nowMilliseconds: now)
            }
            if isPurged(record.peak?.peak.bracket) { record.peak = nil }
            record.seenAtMilliseconds = record.seenAtMilliseconds
                .flatMap { utc($0, nowMilliseconds: now) }
            guard writtenCgroups.isDue(record, nowMilliseconds: now) else { continue }
            guard facts.add(StoredCgroup(host: id, boot: boot, record: record)) else {
                return false
            }
            writtenCgroups.note(record, nowMilliseconds: now)
        }
        return true
    }

    /// OOM: a kill keeps its time since boot, which names it.
    mutating func take(_ kills: [OutOfMemoryKill], nowMilliseconds now: Int64) -> Bool {
        for kill in kills {
            let at = utc(kill.atMilliseconds, nowMilliseconds: now)
            guard
                facts.add(StoredKill(host: id, boot: boot, kill: kill, atMilliseconds: at))
            else { return false }
            // A run that is not in the ledger any more, or not yet, is marked by the store.
            if let run = kill.run { note(run, ledger.add(.killedForMemory, to: run)) }
        }
        return true
    }

    /// GAP: each belongs to the agent's start that numbered it.
    mutating func take(_ gaps: [Gap], nowMilliseconds now: Int64) -> Bool {
        for var gap in gaps {
            gap.bracket = gap.bracket.flatMap { utc($0, nowMilliseconds: now) }
            guard facts.add(StoredGap(host: id, epoch: epoch, gap: gap)) else { return false }
        }
        return true
    }

    /// FOLD: a greatest peak that cannot be true is left out, the rest is kept.
    mutating func take(_ folds: [Fold], nowMilliseconds now: Int64) -> Bool {
        for var fold in folds {
            if let bytes = fold.peak?.bytes, !ledger.limits.accepts(bytes) {
                earlierRefusedCount += 1
                fold.peak = nil
            }
            if let bracket = fold.peak?.bracket {
                fold.peak?.bracket = utc(bracket, nowMilliseconds: now)
            }
            fold.bracket = fold.bracket.flatMap { utc($0, nowMilliseconds: now) }
            let stored = StoredFold(host: id, boot: boot, epoch: epoch, fold: fold)
            guard facts.add(stored) else { return false }
        }
        return true
    }

    /// HEALTH: written once a minute, and at once when the agent looks more seldom or elsewhere,
    /// or says for the first time what it costs.
    mutating func take(_ said: AgentHealth, nowMilliseconds now: Int64) -> Bool {
        var health = said
        // What was left behind at an unknown time must not look like the present.
        if isPast, utc(said.atMilliseconds, nowMilliseconds: now) == nil { return true }
        let sinceStart = said.atMilliseconds.subtractingReportingOverflow(
            said.startedAtMilliseconds)
        health.atMilliseconds = utc(said.atMilliseconds, nowMilliseconds: now) ?? now
        health.startedAtMilliseconds =
            health.atMilliseconds &- (sinceStart.overflow ? 0 : sinceStart.partialValue)
        self.health = health
        if isDue(health, nowMilliseconds: now) {
            writtenHealth = (health, now)
            facts.add(StoredHealth(host: id, epoch: epoch, health: health))
        }
        return true
    }

    private func isDue(_ health: AgentHealth, nowMilliseconds now: Int64) -> Bool {
        guard let (written, at) = writtenHealth else { return true }
        return abs(now - at) >= HostRecord.healthIntervalMilliseconds
            || (health.knowsShare && !written.knowsShare)
            || health.sources != written.sources
            || health.intervalMilliseconds != written.intervalMilliseconds
            || health.askedIntervalMilliseconds != written.askedIntervalMilliseconds
    }

    /// How often an agent's health is written when nothing but its cost changed.
    private static let healthIntervalMilliseconds: Int64 = 60_000
}

extension TotalPeak {
    /// The instant as a bracket; nil where it is not known.
    fileprivate var bracket: TimeBracket? {
        atMilliseconds.map {
            TimeBracket(notBeforeMilliseconds: $0, notAfterMilliseconds: $0)
        }
    }
}
