import MemoryModel
import PeakStore

@testable import SQLiteStore

/// Ended runs as agents with the kernel's records of exits tell them.
struct TinyRuns {
    var host = hostID("alpha")
    var boot = BootID(high: 1, low: 2)
    var epoch: UInt64 = 7
    /// How long they lived, in milliseconds.
    var life: Int64 = 1_000

    /// A run that ended so many milliseconds after a minute; `number` is its pid and ordinal.
    func run(
        _ number: Int, _ bytes: UInt64, program: RawText = "sh", at time: Int,
        after milliseconds: Int64 = 5_000
    ) -> StoredRun {
        let end = minute(time) + milliseconds
        var description = RunDescription(program: program, comm: program)
        description.user = "root"
        description.command = RawText("\(program) \(number)")
        description.startedAtMilliseconds = end - life
        var record = RunRecord(
            key: ProcessKey(pid: Int32(number), startTicks: UInt64(number)),
            description: description)
        let bracket = TimeBracket(
            notBeforeMilliseconds: end - life, notAfterMilliseconds: end)
        record.peak = Peak(bytes: bytes, bracket: bracket, source: .exit)
        record.end = RunEnd(
            bracket: TimeBracket(notBeforeMilliseconds: end, notAfterMilliseconds: end),
            reason: .exited, exitCode: Int32(number % 2))
        record.processorMilliseconds = 3
        record.flags = .peakIsFinal
        record.ordinal = UInt64(number)
        return StoredRun(host: host, boot: boot, record: record, epoch: epoch)
    }
}

/// What is told of the runs of a program and user on a host, folded or not.
struct RunSums: Equatable {
    struct Subject: Hashable {
        var host: HostID
        var boot: BootID
        var subject: FoldSubject
    }

    /// By subject: a fold without a number that has all of its runs in it.
    var folds: [Subject: Fold] = [:]

    init(_ runs: some Sequence<StoredRun>) {
        for run in runs { add(run) }
    }

    init(_ store: SQLiteStore) throws {
        self.init(try everyRun(of: store))
        for stored in try store.folds(
            sinceMilliseconds: nil, untilMilliseconds: nil, limit: .max)
        {
            let fold = stored.fold
            let subject = Subject(host: stored.host, boot: stored.boot, subject: fold.subject)
            folds[subject, default: Fold(ordinal: 0, subject: fold.subject)].add(fold)
        }
    }

    private mutating func add(_ run: StoredRun) {
        let common = FoldSubject(run.record.description)
        let subject = Subject(host: run.host, boot: run.boot, subject: common)
        folds[subject, default: Fold(ordinal: 0, subject: common)].add(run.record)
    }
}

extension Fold {
    fileprivate mutating func add(_ other: Fold) {
        runCount += other.runCount
        peak = Peak.merged(peak, other.peak)
        sumOfPeaksBytes += other.sumOfPeaksBytes
        histogram.add(other.histogram)
        processorMilliseconds += other.processorMilliseconds
        failureCount += other.failureCount
        killCount += other.killCount
        guard let theirs = other.bracket else { return }
        bracket = TimeBracket(
            notBeforeMilliseconds: min(
                bracket?.notBeforeMilliseconds ?? .max, theirs.notBeforeMilliseconds),
            notAfterMilliseconds: max(
                bracket?.notAfterMilliseconds ?? .min, theirs.notAfterMilliseconds))
    }
}

extension Retention {
    /// Everything for ever but minutes, which are kept for two hours.
    static let tinyFolded = Retention(
        minutesMilliseconds: 2 * WindowLength.hour.milliseconds, hoursMilliseconds: 1 << 50,
        daysMilliseconds: 1 << 50, runsMilliseconds: 1 << 50,
        folding: FoldingRule(belowBytes: 1_000, shorterMilliseconds: 2_000))
}

extension SQLiteStore {
    /// Takes steps until nothing is left to do; returns what they did.
    @discardableResult
    func maintain(at now: Int64, _ retention: Retention) throws -> MaintenanceCounts {
        var counts = MaintenanceCounts()
        while true {
            let outcome = try maintain(nowMilliseconds: now, retention: retention)
            counts.add(outcome.counts)
            if !outcome.isMoreDue { return counts }
        }
    }
}
