import MemoryModel
import PeakStore
import Report
import SQLiteStore

/// 300 runs of round `round` that may be folded, of 60 programs.
private func tinyBatch(_ round: Int) throws -> CommitBatch {
    guard let host = HostID("crash-host") else { throw PeakStoreError.failed(reason: "host id") }
    var batch = CommitBatch()
    for number in 0..<300 {
        let end = Int64(number) * 10_000 + 2_000
        let program = RawText("tiny-\(number % 60)")
        var record = RunRecord(
            key: ProcessKey(pid: Int32(round * 1_000 + number), startTicks: 1),
            description: RunDescription(program: program, comm: program))
        record.description.startedAtMilliseconds = end - 1_000
        record.description.command = RawText(Array(repeating: UInt8(ascii: "x"), count: 400))
        let moment = TimeBracket(notBeforeMilliseconds: end - 1_000, notAfterMilliseconds: end)
        record.peak = Peak(bytes: UInt64(number + 1) << 10, bracket: moment, source: .exit)
        record.end = RunEnd(
            bracket: TimeBracket(notBeforeMilliseconds: end, notAfterMilliseconds: end),
            reason: .exited, exitCode: 0)
        record.ordinal = UInt64(round * 1_000 + number)
        batch.runs.append(
            StoredRun(host: host, boot: BootID(high: 1, low: 1), record: record, epoch: 5))
    }
    return batch
}

/// All runs of a store, folded or not, by program.
private func sums(_ store: SQLiteStore) throws -> [RawText: [UInt64]] {
    var sums: [RawText: [UInt64]] = [:]
    func add(_ program: RawText, _ count: UInt64, _ bytes: UInt64, _ most: UInt64) {
        let known = sums[program] ?? [0, 0, 0]
        sums[program] = [known[0] + count, known[1] + bytes, max(known[2], most)]
    }
    for run in try store.runs(matching: ReportQuery(), limit: .max).runs {
        let bytes = run.record.peak?.bytes ?? 0
        add(run.record.description.program, 1, bytes, bytes)
    }
    let folds = try store.folds(sinceMilliseconds: nil, untilMilliseconds: nil, limit: .max)
    for fold in folds.map(\.fold) {
        add(fold.subject.program, fold.runCount, fold.sumOfPeaksBytes, fold.peak?.bytes ?? 0)
    }
    return sums
}

/// Lets folding write 4 KiB more each time, until that is enough.
func foldByLimits(_ store: SQLiteStore, folder: String) throws {
    func fold() throws {
        while try store.maintain(
            nowMilliseconds: 60 * 3_600_000, retention: .usual
        ).isMoreDue {}
    }
    var round = 1
    while true {
        try store.commit(tinyBatch(round))
        let expected = try sums(store)
        setFileLimit(logBytes(folder) + Int64(round - 1) * 4_096 + 2_048)
        var word = "enough"
        do {
            try fold()
            setFileLimit(nil)
        } catch PeakStoreError.full {
            word = "full"
            setFileLimit(nil)
        }
        let same = try sums(store) == expected
        try fold()
        // What comes again adds nothing.
        try store.commit(tinyBatch(round))
        try fold()
        let rows = try store.runs(matching: ReportQuery(), limit: .max).runs.count
        let isWhole = try sums(store) == expected && rows < 10
        say("\(word) in \(round), same: \(same), then: \(isWhole)")
        if word == "enough" { return }
        round += 1
    }
}
