import Foundation
import MemoryModel
import TestSupport

/// Holds a database against what was true, what was sent and what was acknowledged.
struct OracleVerdict: CustomStringConvertible {
    private let database: CollectorDatabase
    private let host: HostTree
    private let said: WireRecord.Host
    private let runs: [CollectorDatabase.Run]
    private let lives: [Int32: HostTree.Life]

    init(_ database: CollectorDatabase, _ host: HostTree, _ record: WireRecord) {
        self.database = database
        self.host = host
        said = record.host(host.id)
        runs = database.runs(of: host.id)
        lives = host.all
    }

    /// How much was looked at.
    var description: String {
        let promised = said.acknowledged[database.storeID]
        return
            "\(lives.count) processes, \(runs.count) runs, \(promised?.peaks.count ?? 0) peaks and "
            + "\(promised?.ends.count ?? 0) ends acknowledged"
    }

    /// What is wrong; empty if nothing is.
    ///
    /// `isCalm` tells whether the database is that of the present collector, to which the agent
    /// has told everything.
    func problems(isCalm: Bool) -> [String] {
        let found = acknowledged() + invented() + (isCalm ? present() : [])
        return found.map { "\(host.id): \($0)" }
    }

    /// Every peak and end that was acknowledged is there.
    private func acknowledged() -> [String] {
        guard let promised = said.acknowledged[database.storeID] else { return [] }
        let known = Dictionary(uniqueKeysWithValues: runs.map { ($0.key, $0) })
        var problems: [String] = []
        for (key, peak) in promised.peaks where known[key]?.peak?.bytes ?? 0 < peak.bytes {
            let there = known[key].map { "\($0)" } ?? "nothing"
            problems.append("\(peak) of \(key) was acknowledged, there is \(there)")
        }
        for key in promised.ends where known[key]?.endReason == nil {
            problems.append("the end of \(key) was acknowledged and is not there")
        }
        return problems
    }

    /// Every peak that is there was sent so, and was true at some time.
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
        }
        return problems
    }

    private func wasSent(_ peak: Peak, of key: ProcessKey) -> Bool {
        guard let sent = said.peaks[key] else { return false }
        return said.wallMinusBootMilliseconds.contains { offset in
            var original = peak
            original.bracket = peak.bracket?.shifted(byMilliseconds: -offset)
            return sent.contains(original)
        }
    }

    /// What lives is open with its exact mark, and nothing else is open.
    private func present() -> [String] {
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
            // Without the kernel's word, an exec near a restart of the agent may stay unnoticed.
            let isExact =
                run.key.image == UInt32(life.executions)
                ? bytes == life.markBytes : bytes >= life.markBytes
            if !isExact {
                problems.append("\(run.key) has \(bytes) bytes, its mark is \(life.markBytes)")
            }
        }
        return problems
    }
}
