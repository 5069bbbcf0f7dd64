public import MemoryModel

/// What a command and its descendants needed, for people and for programs.
public struct CommandReport {
    /// The command.
    let run: CommandRun
    /// All runs that are known, the largest first.
    let rows: [CommandRow]
    /// The largest process; nil if nothing was measured.
    let largest: CommandPeak?
    /// How many rows are shown.
    let top: Int

    /// Takes a command; at most `top` of its runs are shown.
    public init(run: CommandRun, top: Int) {
        self.run = run
        self.top = top
        // What a process was between fork and exec is its parent's copy, and no run of its own.
        let copies = run.runs.filter {
            $0.end?.reason == .executed && ($0.peak == nil || $0.isPeakInherited)
        }
        let keys = Set(copies.map(\.key))
        var rows = run.runs.filter { !keys.contains($0.key) }
            .map { CommandRow($0, waitBytes: run.waitBytes[$0.key]) }
            .sorted(by: CommandRow.isBefore)
        // What waiting for the command said holds for what it executed last.
        let last = rows.indices.filter { rows[$0].record.key.pid == run.pid }
            .max { rows[$0].record.key < rows[$1].record.key }
        if let last {
            let isAlone = !run.runs.contains {
                $0.key.pid == run.pid && $0.key < rows[last].record.key && !keys.contains($0.key)
            }
            rows[last].take(run.end, ranMicroseconds: isAlone ? run.elapsedMicroseconds : nil)
        }
        let largest = CommandReport.largest(of: run, rows)
        if let largest, largest.bound == .exact,
            let index = rows.firstIndex(where: { $0.record.key == largest.key })
        {
            rows[index].confirm()
        }
        self.rows = rows
        self.largest = largest
    }

    /// How far what waiting says may be above the size that the launcher's copy told: that touches
    /// more code before it is the command, and the kernel adds up what each processor counted only
    /// now and then.
    private static let slackBytes: UInt64 = 1 << 20

    /// What waiting says covers every image of all processes that were waited for, and is true of
    /// one of them unless it is only what the launcher's copy had.
    private static func largest(of run: CommandRun, _ rows: [CommandRow]) -> CommandPeak? {
        let waited = max(run.end.largestBytes, run.adopted.largestBytes ?? 0)
        let best = rows.first { $0.peak?.hasLowerBound == true && !$0.isInherited }
        let known = best?.peak?.bytes ?? 0
        let floor = run.floorBytes.addingClamped(slackBytes)
        if waited > max(known, floor) {
            return CommandPeak(bytes: waited, bound: .exact, source: "wait")
        }
        guard let best, var peak = best.peak else {
            return CommandPeak(bytes: waited, bound: .atMost, source: "wait")
        }
        peak.key = best.record.key
        peak.program = best.record.description.program
        guard best.record.end != nil else { return peak }
        let isAllTold =
            run.recordProblem == nil && run.lostCount == 0
            && rows.allSatisfy { $0.record.end?.reason != .executed }
        let isExact = waited <= known || isAllTold && peak.bound == .exact
        peak.bound = isExact ? .exact : .atLeast
        peak.atMostBytes = isExact ? nil : waited
        return peak
    }

    /// The least that all held together at some moment: what a look found, or the largest process
    /// by itself.
    var sum: CommandPeak? {
        var least = run.sum.map {
            CommandPeak(bytes: $0.bytes, bound: .atLeast, source: PeakSource.sampled.word)
        }
        if let largest, largest.hasLowerBound, largest.bytes > least?.bytes ?? 0 {
            least = CommandPeak(bytes: largest.bytes, bound: .atLeast, source: largest.source)
        }
        return least
    }

    /// The processes that the command left behind.
    var leftBehind: [RunRecord] {
        run.runs.filter { $0.end == nil }.sorted { $0.key < $1.key }
    }

    /// How many runs there are besides those that are shown.
    var hiddenCount: UInt64 { run.leftOutCount &+ UInt64(max(0, rows.count - top)) }

    /// The largest swap of one process that was seen; nil if it was never read.
    var swapPeakBytes: UInt64? { run.runs.compactMap(\.swapPeakBytes).max() }

    /// Processor time of the command and all that was waited for, in microseconds.
    var userMicroseconds: UInt64 { run.end.userMicroseconds &+ run.adopted.userMicroseconds }
    var systemMicroseconds: UInt64 { run.end.systemMicroseconds &+ run.adopted.systemMicroseconds }

    /// Page faults of the same.
    var faults: FaultCounts {
        FaultCounts(
            minor: run.end.faults.minor &+ run.adopted.faults.minor,
            major: run.end.faults.major &+ run.adopted.faults.major)
    }
}

/// A size, how it is bounded and how it is known.
struct CommandPeak: Hashable {
    /// On which side of the truth a figure may be.
    enum Bound: String {
        case exact
        case atLeast = "at_least"
        case atMost = "at_most"
    }

    var bytes: UInt64
    var bound: Bound
    /// `exit`, `hwm`, `sampled`, or `wait` for the answer to waiting (`wait4(2)`).
    var source: String
    /// What it was at most, where that is known of a lower bound.
    var atMostBytes: UInt64?
    /// Whose it is; nil where only some process is known to have had it.
    var key: ProcessKey?
    /// What that ran.
    var program: RawText?

    /// Whether it is no mere upper bound.
    var hasLowerBound: Bool { bound != .atMost }

    /// The size with the sign of its bound.
    func text(_ style: TextStyle) -> String {
        switch bound {
        case .exact: style.size(bytes)
        case .atLeast: ">=" + style.size(bytes)
        case .atMost: "<=" + style.size(bytes)
        }
    }
}

/// A run of the command or of a descendant.
struct CommandRow {
    /// All that is known of it.
    let record: RunRecord
    /// Its peak; nil if nothing is known.
    private(set) var peak: CommandPeak?
    /// How it ended; nil if it lives.
    private(set) var end: RunEnd?
    /// How long it ran, in milliseconds; nil where that is not known or has not ended.
    private(set) var ranMilliseconds: Int64?

    /// Takes note that nothing greater was missed.
    mutating func confirm() {
        peak?.bound = .exact
        peak?.atMostBytes = nil
    }

    /// Takes what waiting for it said; nil where it is not known how long it was this program.
    mutating func take(_ end: CommandEnd, ranMicroseconds: UInt64?) {
        guard self.end?.reason == .exited else { return }
        if self.end?.exitCode == nil, self.end?.exitSignal == nil {
            self.end?.exitCode = end.exitCode
            self.end?.exitSignal = end.signal
        }
        if let ranMicroseconds { ranMilliseconds = Int64(clamping: ranMicroseconds / 1_000) }
    }

    /// Whether its peak is only its parent's memory.
    var isInherited: Bool { record.isPeakInherited }

    /// Takes a run and what waiting for it said.
    init(_ record: RunRecord, waitBytes: UInt64?) {
        self.record = record
        end = record.end
        ranMilliseconds = CommandRow.ranMilliseconds(record)
        guard let peak = record.peak else {
            self.peak = waitBytes.map { CommandPeak(bytes: $0, bound: .atMost, source: "wait") }
            return
        }
        let isFinal = record.flags.isPeakConfirmed && record.end != nil
        let isConfirmed = record.end != nil && (waitBytes.map { $0 <= peak.bytes } ?? false)
        self.peak = CommandPeak(
            bytes: peak.bytes, bound: isFinal || isConfirmed ? .exact : .atLeast,
            source: peak.source.word, atMostBytes: isFinal || isConfirmed ? nil : waitBytes)
    }

    /// The largest first; what is only known not to be larger than something comes last.
    static func isBefore(_ left: CommandRow, _ right: CommandRow) -> Bool {
        let ranks = [left, right].map { row in
            guard let peak = row.peak else { return 0 }
            return row.isInherited || !peak.hasLowerBound ? 1 : 2
        }
        if ranks[0] != ranks[1] { return ranks[0] > ranks[1] }
        let (mine, theirs) = (left.peak?.bytes ?? 0, right.peak?.bytes ?? 0)
        return mine == theirs ? left.record.key < right.record.key : mine > theirs
    }

    private static func ranMilliseconds(_ record: RunRecord) -> Int64? {
        guard let start = record.description.startedAtMilliseconds,
            let end = record.end?.bracket?.notAfterMilliseconds
        else { return nil }
        return max(0, end.subtractingClamped(start))
    }
}
