import MemoryModel
import TestSupport

/// Holds all that ended on a host against what all stores together say of it, whoever was killed.
///
/// An end is told to one store alone, and so is what may have been missed.
struct OracleAccount: CustomStringConvertible {
    private let id: String
    private let lives: [Int32: HostTree.Life]
    private let toldPids: Set<Int32>
    private let endedRuns: Set<ProcessKey>
    private let folds: [FactName: CollectorDatabase.Fold]
    private let missing: [Int32: HostTree.Life]
    private let excusedCount: Int

    /// A look may be this far from what it saw, by the clocks of both.
    private static let toleranceMilliseconds: Int64 = 250

    init(_ databases: [CollectorDatabase], _ host: OracleHost, _ record: WireRecord) {
        id = host.id
        lives = host.tree.all
        let runs = databases.flatMap { $0.runs(of: host.id) }
        toldPids = Set(runs.map(\.key.pid))
        endedRuns = Set(runs.filter { $0.endReason != nil }.map(\.key))
        let folds = databases.flatMap { $0.folds(of: host.id) + $0.purgedFolds(of: host.id) }
        self.folds = Dictionary(folds.map { ($0.name, $0) }) { first, _ in first }
        let offsets = record.host(host.id).wallMinusBootMilliseconds
        let gaps = databases.flatMap { database in
            database.registers(of: host.id).gaps.values.flatMap { gap in
                offsets.compactMap { OracleAccount.excuse(gap, $0, host) }
            }
        }
        let toldPids = toldPids
        let untold = lives.filter { pid, life in
            life.isSeen && life.endedAt != nil && !toldPids.contains(pid)
        }
        missing = untold.filter { _, life in
            !gaps.contains { life.endedAt.map($0.overlaps) ?? false }
        }
        excusedCount = untold.count - missing.count
    }

    /// How much was looked at.
    var description: String {
        let seen = lives.values.filter { $0.isSeen && $0.endedAt != nil }.count
        let folded = folds.values.reduce(0) { $0 + $1.runCount }
        return "\(seen) processes were seen and ended, \(excusedCount) of them in gaps; "
            + "\(endedRuns.count) runs that ended, \(folded) in \(folds.count) folds"
    }

    /// What is wrong; empty if nothing is.
    func problems() -> [String] {
        var problems: [String] = []
        // Folds do not say which runs they are of, only how many of which program.
        var room: [[UInt8]: UInt64] = [:]
        for fold in folds.values { room[fold.program, default: 0] += fold.runCount }
        for (program, lives) in Dictionary(grouping: missing, by: \.value.process.comm)
        where UInt64(lives.count) > room[program] ?? 0 {
            let name = String(decoding: program, as: UTF8.self)
            let ends = lives.prefix(3).compactMap(\.value.endedAt)
            problems.append(
                "\(lives.count) processes of \(name) were seen and ended, of which no run and no "
                    + "gap tells, and folds count \(room[program] ?? 0); such as "
                    + "\(lives.prefix(3).map(\.key)), ended \(ends)")
        }
        let images = lives.values.reduce(0) { $0 + $1.executions + ($1.endedAt == nil ? 0 : 1) }
        let counted = endedRuns.count + folds.values.reduce(0) { $0 + Int($1.runCount) }
        if counted > images {
            problems.append("\(images) images ended, \(counted) are counted")
        }
        return problems.map { "\(id): \($0)" }
    }

    /// The time since boot of which a gap says that ends may be missing; nil for none.
    ///
    /// What an agent drops it has seen itself, so that nothing is meant that ended before it.
    private static func excuse(
        _ gap: Gap, _ wallMinusBootMilliseconds: Int64, _ host: OracleHost
    ) -> TimeBracket? {
        guard let bracket = gap.bracket?.shifted(byMilliseconds: -wallMinusBootMilliseconds),
            gap.reason == .agentDown || gap.reason == .dropped
        else { return nil }
        var begin = bracket.notBeforeMilliseconds
        let end = bracket.notAfterMilliseconds
        if gap.reason == .dropped {
            begin = max(begin, host.startsAtMilliseconds.last { $0 <= end } ?? begin)
        }
        return TimeBracket(
            notBeforeMilliseconds: begin - toleranceMilliseconds,
            notAfterMilliseconds: end + toleranceMilliseconds)
    }
}

extension TimeBracket {
    /// Whether both have a moment in common.
    fileprivate func overlaps(_ other: TimeBracket) -> Bool {
        notBeforeMilliseconds <= other.notAfterMilliseconds
            && notAfterMilliseconds >= other.notBeforeMilliseconds
    }
}
