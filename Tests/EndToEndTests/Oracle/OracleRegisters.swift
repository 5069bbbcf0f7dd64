import MemoryModel

/// Holds the gaps, sums, counters, windows and ordinals of a database against what was sent and
/// what was acknowledged.
struct OracleRegisters {
    let said: WireRecord.Host
    let promised: ToldFacts
    let there: DatabaseRegisters
    let purges: [CollectorDatabase.Purge]
    /// The folds that are there, those that were purged included.
    let folds: Set<FactName>

    /// What is wrong; empty if nothing is.
    func problems() -> [String] {
        gapProblems() + totalProblems() + counterProblems() + windowProblems() + coverProblems()
            + ordinalProblems()
    }

    // MARK: Names of which all copies are the same

    private func gapProblems() -> [String] {
        var problems = promised.gaps.keys.filter { there.gaps[$0] == nil }.map {
            "gap \($0) was acknowledged and is not there"
        }
        for (name, gap) in there.gaps where !wasSent(gap, name) {
            problems.append("\(gap) of \(name) was never sent")
        }
        return problems
    }

    private func wasSent(_ gap: Gap, _ name: FactName) -> Bool {
        guard let sent = said.facts.gaps[name] else { return false }
        return said.wallMinusBootMilliseconds.contains { offset in
            var utc = sent
            utc.bracket = sent.bracket?.shifted(byMilliseconds: offset)
            return utc == gap
        }
    }

    private func ordinalProblems() -> [String] {
        let ends = Set(said.facts.ends.values.joined().compactMap { $0 })
        let sent = ends.union(said.facts.folds.keys)
        var problems = there.applied.subtracting(sent).map { "\($0) was never sent and is applied" }
        let acknowledged = Set(promised.ends.values.joined().compactMap { $0 })
            .union(promised.folds.keys)
        problems += acknowledged.subtracting(there.applied).map {
            "\($0) was acknowledged and is not applied"
        }
        problems += folds.subtracting(there.applied).map { "fold \($0) is there, not applied" }
        problems += ends.intersection(said.facts.folds.keys).map { "\($0) names a run and a fold" }
        // What was applied counts once: as one fold, or as the end of one run.
        var runs: [FactName: Int] = [:]
        for name in said.facts.ends.values.joined() {
            if let name { runs[name, default: 0] += 1 }
        }
        problems += runs.filter { $0.value > 1 }.map { "\($0.key) names \($0.value) runs" }
        let foldsApplied = there.applied.intersection(said.facts.folds.keys)
        problems += foldsApplied.subtracting(folds).map { "fold \($0) is applied, not there" }
        return problems
    }

    // MARK: Maxima

    private func counterProblems() -> [String] {
        var problems: [String] = []
        for (name, values) in promised.counters {
            guard let value = values.max(), there.counters[name] ?? 0 < value else { continue }
            let found = there.counters[name].map { "\($0)" } ?? "nothing"
            problems.append("\(name) was acknowledged as \(value), there is \(found)")
        }
        for (name, value) in there.counters
        where said.facts.counters[name]?.contains(value) != true {
            problems.append("\(name) was never sent as \(value)")
        }
        return problems
    }

    private func totalProblems() -> [String] {
        var problems: [String] = []
        for (name, peaks) in promised.totals {
            guard let peak = peaks.filter({ mustBeThere($0, of: name) }).max() else { continue }
            if there.totals[name]?.bytes ?? 0 < peak.bytes {
                let found = there.totals[name].map { "\($0)" } ?? "nothing"
                problems.append("\(peak) of \(name) was acknowledged, there is \(found)")
            }
        }
        for (name, peak) in there.totals {
            let wasSent = said.facts.totals[name]?.contains {
                $0.bytes == peak.bytes && $0.atMilliseconds == peak.atMilliseconds
                    && $0.runCount == peak.runCount
            }
            if wasSent != true { problems.append("\(peak) of \(name) was never sent") }
            if let at = peak.atMilliseconds, isPurged(at, at) {
                problems.append("\(peak) of \(name) was purged and is there")
            }
        }
        return problems
    }

    /// Whether a sum may not be missing: if one of its hour was purged, those before are gone, as
    /// far as they were less.
    private func mustBeThere(_ peak: TotalPeak, of name: TotalName) -> Bool {
        let all = said.facts.totals[name] ?? []
        guard all.contains(where: { $0.atMilliseconds.map { isPurged($0, $0) } ?? false }) else {
            return true
        }
        let last = purges.map(\.createdAtMilliseconds).max() ?? 0
        return peak.atMilliseconds ?? 0 > last
    }

    private func isPurged(_ begin: Int64, _ end: Int64) -> Bool {
        purges.contains {
            begin <= $0.stretch.notAfterMilliseconds && end >= $0.stretch.notBeforeMilliseconds
        }
    }

    // MARK: Windows

    private func windowProblems() -> [String] {
        var problems: [String] = []
        for (name, copies) in promised.windows where !isPacked(name) && !isPurged(name) {
            let found = there.windows[name]
            for window in copies where !(found.map { $0.merged(with: window) == $0 } ?? false) {
                let text = found.map { "\($0)" } ?? "nothing"
                problems.append("\(window) of \(name) was acknowledged, there is \(text)")
            }
        }
        for (name, window) in there.windows {
            if isPurged(name) { problems.append("\(window) of \(name) was purged and is there") }
            if !wasSent(window, name) { problems.append("\(window) of \(name) was never sent") }
        }
        return problems
    }

    /// Whether each bound is one that was sent, or the peak of a run that is told of in one minute
    /// alone.
    ///
    /// After a purge a window may also stand for the minute before it.
    private func wasSent(_ window: Window, _ name: WindowName) -> Bool {
        let copies =
            purges.isEmpty
            ? said.facts.windows[name] ?? []
            : Set(said.facts.windows.filter { $0.key.key == name.key }.flatMap(\.value))
        let lower = Set(copies.map(\.atLeastBytes))
        let upper = Set(copies.map(\.atMostBytes))
        if lower.contains(window.atLeastBytes), upper.contains(window.atMostBytes) { return true }
        return said.facts.peaks[name.key]?.contains { $0.bytes == window.atLeastBytes } ?? false
    }

    private func coverProblems() -> [String] {
        let lost = promised.coveredMinutes.subtracting(there.coveredMinutes)
        let invented = there.coveredMinutes.subtracting(said.facts.coveredMinutes)
        return lost.filter { !isPurged(.minute, at: $0) }.map {
            "the minute \($0) was acknowledged as watched, and is not"
        } + invented.map { "the minute \($0) was never told to be watched" }
    }

    private func isPacked(_ name: WindowName) -> Bool {
        there.packedHours.contains(WindowLength.hour.start(of: name.startsAtMilliseconds))
    }

    private func isPurged(_ name: WindowName) -> Bool {
        isPurged(name.length, at: name.startsAtMilliseconds)
    }

    private func isPurged(_ length: WindowLength, at start: Int64) -> Bool {
        isPurged(start, start + length.milliseconds - 1)
    }
}
