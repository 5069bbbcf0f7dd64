import Foundation
import MemoryModel
import TestSupport

/// Holds a database against what was true, what was sent and what was acknowledged.
struct OracleVerdict: CustomStringConvertible {
    private let host: HostTree
    private let said: WireRecord.Host
    private let promised: ToldFacts
    private let runs: [CollectorDatabase.Run]
    private let folds: [CollectorDatabase.Fold]
    private let purges: [CollectorDatabase.Purge]
    private let lives: [Int32: HostTree.Life]
    private let registers: OracleRegisters

    /// Judges a database that was read after `promised` was.
    init(
        _ database: CollectorDatabase, _ host: HostTree, promised: WireRecord.Host,
        _ record: WireRecord
    ) {
        self.host = host
        said = record.host(host.id)
        self.promised = promised.acknowledged[database.storeID] ?? ToldFacts()
        runs = database.runs(of: host.id)
        folds = database.folds(of: host.id)
        purges = database.purges(of: host.id)
        lives = host.all
        let counted = folds + database.purgedFolds(of: host.id)
        registers = OracleRegisters(
            said: said, promised: self.promised, there: database.registers(of: host.id),
            purges: purges, folds: Set(counted.map(\.name)))
    }

    /// How much was looked at.
    var description: String {
        "\(lives.count) processes, \(runs.count) runs, \(folds.count) folds, "
            + "\(purges.count) purges; acknowledged: \(promised.peaks.count) peaks, "
            + "\(promised.ends.count) ends, \(promised.folds.count) folds, "
            + "\(promised.gaps.count) gaps, \(promised.totals.count) sums, "
            + "\(promised.counters.count) counters, \(promised.windows.count) windows"
    }

    /// Whether something of this host was purged, so that peaks of what lives may be missing until
    /// they rise again.
    var isPurged: Bool { !purges.isEmpty }

    /// What is wrong with a database to whose collector the agent has told everything; empty if
    /// nothing is.
    ///
    /// `hasRisen` tells whether everything that lives has risen since the last purge.
    func problems(hasRisen: Bool) -> [String] {
        let found =
            lost() + invented() + present(isExact: hasRisen || !isPurged) + foldProblems()
            + registers.problems()
        return found.map { "\(host.id): \($0)" }
    }

    /// What is wrong with the account of all that ever ended, of an agent that nobody killed and
    /// that had time to look at each; empty if nothing is.
    func accountProblems(droppedCount: UInt64) -> [String] {
        let gone = lives.filter { $0.value.endedAt != nil }
        let rows = runs.filter { $0.endReason != nil }
        let rowBytes = rows.reduce(0) { $0 + ($1.peak?.bytes ?? 0) }
        let counted = UInt64(rows.count) + folds.reduce(0) { $0 + $1.runCount } + droppedCount
        let bytes = rowBytes + folds.reduce(0) { $0 + $1.sumOfPeaksBytes }
        let trueBytes = gone.values.reduce(0) { $0 + $1.markBytes }
        var problems: [String] = []
        if counted != UInt64(gone.count) {
            problems.append("\(gone.count) processes ended, \(counted) are counted")
        }
        if droppedCount == 0, bytes != trueBytes {
            problems.append("their peaks are \(trueBytes) bytes together, not \(bytes)")
        }
        for row in rows where row.endReason != Int(RunEndReason.exited.rawValue) {
            problems.append("the end of \(row.key) was seen, and is told as \(row.endReason ?? 0)")
        }
        for row in rows where gone[row.key.pid]?.markBytes != row.peak?.bytes {
            problems.append("\(row) is not as its process was")
        }
        return problems.map { "\(host.id): \($0)" }
    }

    // MARK: What was acknowledged

    /// Acknowledged peaks and ends that are not there.
    private func lost() -> [String] {
        let known = Dictionary(uniqueKeysWithValues: runs.map { ($0.key, $0) })
        var problems: [String] = []
        for (key, peaks) in promised.peaks {
            guard let peak = peaks.filter({ mustBeThere($0, of: key) }).max(),
                known[key]?.peak?.bytes ?? 0 < peak.bytes
            else { continue }
            let there = known[key].map { "\($0)" } ?? "nothing"
            problems.append("\(peak) of \(key) was acknowledged, there is \(there)")
        }
        for key in promised.ends.keys where known[key]?.endReason == nil {
            problems.append("the end of \(key) was acknowledged and is not there")
        }
        return problems
    }

    /// Whether a peak may not be missing: if one of its run was purged, those before are gone, as
    /// far as they were less.
    private func mustBeThere(_ peak: Peak, of key: ProcessKey) -> Bool {
        guard let all = said.facts.peaks[key],
            all.contains(where: { utc($0).contains(where: isPurged) })
        else { return true }
        let last = purges.map(\.createdAtMilliseconds).max() ?? 0
        return utc(peak).allSatisfy { $0.notBeforeMilliseconds > last }
    }

    private func isPurged(_ bracket: TimeBracket) -> Bool {
        purges.contains { purge in
            bracket.notBeforeMilliseconds <= purge.stretch.notAfterMilliseconds
                && bracket.notAfterMilliseconds >= purge.stretch.notBeforeMilliseconds
        }
    }

    /// When a peak was on the clock of the day, by each offset that its host told.
    private func utc(_ peak: Peak) -> [TimeBracket] {
        said.wallMinusBootMilliseconds.compactMap { peak.bracket?.shifted(byMilliseconds: $0) }
    }

    // MARK: What is there

    /// Peaks that nobody sent, that were never true, or that were purged.
    private func invented() -> [String] {
        var problems: [String] = []
        for run in runs {
            guard let life = lives[run.key.pid], life.process.startTicks == run.key.startTicks
            else {
                problems.append("nothing ran that is \(run.key)")
                continue
            }
            guard let peak = run.peak else { continue }
            if !life.values.contains(peak.bytes) {
                problems.append("\(run.key) never held \(peak.bytes) bytes")
            }
            if !wasSent(peak, of: run.key) {
                problems.append("\(peak) of \(run.key) was never sent")
            }
            if let bracket = peak.bracket, isPurged(bracket) {
                problems.append("\(peak) of \(run.key) was purged and is there")
            }
        }
        return problems
    }

    private func wasSent(_ peak: Peak, of key: ProcessKey) -> Bool {
        guard let sent = said.facts.peaks[key] else { return false }
        return said.wallMinusBootMilliseconds.contains { offset in
            var original = peak
            original.bracket = peak.bracket?.shifted(byMilliseconds: -offset)
            return sent.contains(original)
        }
    }

    /// What lives is open with its exact mark, and nothing else is open.
    private func present(isExact: Bool) -> [String] {
        var problems: [String] = []
        let open = Dictionary(grouping: runs.filter { $0.endReason == nil }, by: \.key.pid)
        for (pid, life) in lives {
            let mine = open[pid] ?? []
            guard life.endedAt == nil else {
                if !mine.isEmpty { problems.append("\(mine.map(\.key)) ended and stays alive") }
                continue
            }
            guard mine.count == 1, let run = mine.first else {
                problems.append("\(pid) lives and has \(mine.count) open runs")
                continue
            }
            let bytes = run.peak?.bytes ?? 0
            // Without the kernel's word, an exec near a restart of the agent may stay unnoticed,
            // and then the mark before it counts as this image's own.
            let isNoticed = run.key.image == UInt32(life.executions)
            let isRight =
                isExact && isNoticed
                ? bytes == life.markBytes : !isExact || bytes >= life.markBytes
            if !isRight {
                problems.append("\(run.key) has \(bytes) bytes, its mark is \(life.markBytes)")
            }
        }
        return problems
    }

    /// Folds that are lost, invented or other than they were sent.
    private func foldProblems() -> [String] {
        var problems: [String] = []
        let known = Dictionary(uniqueKeysWithValues: folds.map { ($0.name, $0) })
        for name in promised.folds.keys where known[name] == nil && !isPurged {
            problems.append("fold \(name) was acknowledged and is not there")
        }
        for fold in folds {
            let sent = said.facts.folds[fold.name]
            let isSame =
                sent?.runCount == fold.runCount
                && sent?.sumOfPeaksBytes == fold.sumOfPeaksBytes
                && sent?.peak?.bytes == fold.peakBytes
            if !isSame { problems.append("\(fold) was sent as \(sent.map { "\($0)" } ?? "none")") }
        }
        return problems
    }
}
