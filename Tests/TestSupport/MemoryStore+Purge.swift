public import MemoryModel
public import PeakStore
public import Report

/// What was set aside under a tombstone.
struct SetAside {
    var runs: [RunKey: Peak] = [:]
    var cgroups: [StoredCgroup.Key: StoredCgroup] = [:]
    var totals = MergedFacts()

    /// Keeps the greater peak of a run.
    mutating func add(_ peak: Peak, of run: RunKey) {
        runs[run] = Peak.merged(runs[run], peak)
    }

    /// Keeps the greater peak of a cgroup.
    mutating func add(_ cgroup: StoredCgroup) {
        cgroups[cgroup.key, default: cgroup].record.merge(cgroup.record, otherIsNewer: false)
    }
}

extension MemoryStore {
    /// The folds with ends in the range, latest first.
    public func folds(
        sinceMilliseconds since: Int64?, untilMilliseconds until: Int64?, limit: Int
    ) -> [StoredFold] {
        let matching = facts.folds.values.filter { fold in
            guard let bracket = fold.fold.bracket else { return true }
            return bracket.notAfterMilliseconds >= since ?? .min
                && bracket.notBeforeMilliseconds <= until ?? .max
        }
        let sorted = matching.sorted { left, right in
            let (first, second) = (left.fold.bracket, right.fold.bracket)
            return (first?.notAfterMilliseconds ?? .min, left.fold.ordinal)
                > (second?.notAfterMilliseconds ?? .min, right.fold.ordinal)
        }
        return Array(sorted.prefix(limit))
    }

    /// The folds with ends in the range, each by itself: putting them together changes nothing.
    public func foldSums(_ query: FoldQuery) -> FoldSums {
        var sums = FoldSums()
        sums.sums = folds(
            sinceMilliseconds: query.sinceMilliseconds,
            untilMilliseconds: query.untilMilliseconds, limit: .max
        ).map {
            FoldSum(
                host: $0.host, boot: $0.boot, fold: $0.fold, isMadeByStore: $0.isMadeByStore)
        }
        return sums
    }

    /// Programs of which runs were folded.
    public func foldedPrograms(
        matching program: Glob, user: Glob?, limit: Int
    ) -> Set<RawText> {
        let subjects = facts.folds.values.map(\.fold.subject).filter { subject in
            program.matches(subject.program)
                && user.map { glob in subject.user.map(glob.matches) ?? false } ?? true
        }
        return Set(subjects.prefix(limit).map(\.program))
    }

    /// Which ordinals of one start of an agent were taken in.
    public func appliedOrdinals(of host: HostID, epoch: UInt64) -> [ClosedRange<UInt64>] {
        withContent { $0.applied[EpochKey(host: host, epoch: epoch)]?.ranges ?? [] }
    }

    /// The tombstones that stand, by number.
    public func tombstones() -> [Tombstone] { withContent { $0.tombstones } }

    /// Takes away what `request` means, as the real store does.
    public func purge(_ request: PurgeRequest, nowMilliseconds: Int64) -> PurgeOutcome {
        withContent { content in
            content.lastTombstone += 1
            let tombstone = Tombstone(
                id: content.lastTombstone, request: request,
                createdAtMilliseconds: nowMilliseconds)
            content.tombstones.append(tombstone)
            content.aside[tombstone.id] = SetAside()
            content.takeAway(tombstone)
            return content.outcome(of: tombstone)
        }
    }

    /// Brings back what was purged under a tombstone; nil if there is none.
    public func undoPurge(_ id: Int64) -> PurgeOutcome? {
        withContent { content in
            guard let place = content.tombstones.firstIndex(where: { $0.id == id }) else {
                return nil
            }
            let outcome = content.outcome(of: content.tombstones.remove(at: place))
            content.bringBack(content.aside.removeValue(forKey: id) ?? SetAside())
            return outcome
        }
    }
}

extension MemoryStore.Content {
    /// The first tombstone that covers what happened on `host` in `bracket`.
    func tombstone(over bracket: TimeBracket?, of host: HostID) -> Int64? {
        tombstones.first { $0.request.host == host && $0.request.covers(bracket) }?.id
    }

    /// Merges all of `batch` that may be merged and sets aside what was purged.
    mutating func merge(_ batch: CommitBatch) {
        for host in batch.hosts {
            var host = host
            host.firstHeardAtMilliseconds = min(
                hosts[host.id]?.firstHeardAtMilliseconds ?? .max, host.firstHeardAtMilliseconds)
            hosts[host.id] = host
        }
        for run in batch.runs { merge(run) }
        var rest = unpurged(batch)
        rest.folds = []
        facts.merge(rest)
        for fold in batch.folds where apply(fold.fold.ordinal, fold.host, fold.epoch) {
            keep(fold)
        }
    }

    private mutating func merge(_ given: StoredRun) {
        var run = given
        var isNew = true
        if run.record.end != nil, let epoch = run.epoch, let ordinal = run.record.ordinal {
            isNew = apply(ordinal, run.host, epoch)
        }
        guard isNew || runs[run.key] != nil else { return }
        if let id = tombstone(over: run.record.peak?.bracket, of: run.host),
            let peak = run.record.peak
        {
            aside[id]?.add(peak, of: run.key)
            run.record.peak = nil
        }
        run.epoch = nil
        run.record.ordinal = nil
        runs[run.key, default: run].record.merge(run.record, otherIsNewer: true)
    }

    private mutating func apply(_ ordinal: UInt64, _ host: HostID, _ epoch: UInt64) -> Bool {
        let key = MemoryStore.EpochKey(host: host, epoch: epoch)
        if applied[key]?.contains(ordinal) == true { return false }
        applied[key, default: OrdinalRanges()].insert(ordinal)
        return true
    }

    private mutating func keep(_ fold: StoredFold) {
        if let id = tombstone(over: fold.fold.peak?.bracket, of: fold.host) {
            aside[id]?.totals.merge(fold)
        } else {
            facts.merge(fold)
        }
    }

    /// Sets aside what of facts was purged and returns the rest; folds stay in it.
    private mutating func unpurged(_ facts: CommitBatch) -> CommitBatch {
        var kept = facts
        kept.totals = []
        for total in facts.totals {
            let moment = total.peak.atMilliseconds.map {
                TimeBracket(notBeforeMilliseconds: $0, notAfterMilliseconds: $0)
            }
            if let id = tombstone(over: moment, of: total.host) {
                aside[id]?.totals.merge(total)
            } else {
                kept.totals.append(total)
            }
        }
        kept.sections = []
        for section in facts.sections {
            if let id = tombstone(over: section.record.peak.bracket, of: section.host) {
                aside[id]?.totals.merge(section)
            } else {
                kept.sections.append(section)
            }
        }
        for index in kept.cgroups.indices {
            let cgroup = kept.cgroups[index]
            if let id = tombstone(over: cgroup.record.peak?.peak.bracket, of: cgroup.host) {
                aside[id]?.add(cgroup)
                kept.cgroups[index].record.peak = nil
            }
        }
        return kept
    }

    fileprivate mutating func takeAway(_ tombstone: Tombstone) {
        for (key, run) in runs where key.host == tombstone.request.host {
            guard let peak = run.record.peak, tombstone.request.covers(peak.bracket) else {
                continue
            }
            aside[tombstone.id]?.runs[key] = peak
            runs[key]?.record.peak = nil
        }
        var batch = CommitBatch()
        batch.totals = Array(facts.totals.values)
        batch.cgroups = Array(facts.cgroups.values)
        batch.kills = Array(facts.kills.values)
        batch.gaps = Array(facts.gaps.values)
        batch.counters = Array(facts.counters.values)
        batch.health = Array(facts.health.values)
        batch.sections = Array(facts.sections.values)
        batch.growth = Array(facts.growth.values)
        let folds = facts.folds.values
        facts = MergedFacts()
        facts.merge(unpurged(batch))
        for fold in folds { keep(fold) }
    }

    fileprivate mutating func bringBack(_ away: SetAside) {
        for (key, peak) in away.runs {
            if let id = tombstone(over: peak.bracket, of: key.host) {
                aside[id]?.add(peak, of: key)
            } else {
                runs[key]?.record.raisePeak(peak)
            }
        }
        var batch = CommitBatch()
        batch.totals = Array(away.totals.totals.values)
        batch.sections = Array(away.totals.sections.values)
        facts.merge(unpurged(batch))
        for fold in away.totals.folds.values { keep(fold) }
        for cgroup in away.cgroups.values {
            if let id = tombstone(over: cgroup.record.peak?.peak.bracket, of: cgroup.host) {
                aside[id]?.add(cgroup)
            } else if facts.cgroups[cgroup.key] != nil {
                facts.merge(cgroup, isNewer: false)
            }
        }
    }

    fileprivate func outcome(of tombstone: Tombstone) -> PurgeOutcome {
        let away = aside[tombstone.id] ?? SetAside()
        return PurgeOutcome(
            tombstone: tombstone, runs: away.runs.count, totals: away.totals.totals.count,
            cgroups: away.cgroups.count, folds: away.totals.folds.count,
            sections: away.totals.sections.count)
    }
}
