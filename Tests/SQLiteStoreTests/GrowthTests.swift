import GRDB
import MemoryModel
import PeakStore
import Report
import TestSupport
import Testing

@testable import SQLiteStore

@Suite("Growth by line in the store")
struct GrowthTests {
    private static let lines = (1...3).map {
        PythonLine(file: RawText([0xC3, UInt8($0)]), function: "f", line: Int32($0))
    }

    private func growth(
        of run: StoredRun, epoch: UInt64 = 1, _ change: (inout GrowthRecord) -> Void
    ) -> StoredGrowth {
        var record = GrowthRecord(run: run.record.key)
        change(&record)
        return StoredGrowth(host: run.host, boot: run.boot, epoch: epoch, record: record)
    }

    private func commit(_ growth: StoredGrowth, to store: some PeakStoring) throws {
        var batch = CommitBatch()
        batch.growth = [growth]
        try store.commit(batch)
    }

    @Test("Any order of any copies leaves what the model has, after reopening, too")
    func order() throws {
        var random = SeededGenerator(seed: 77)
        let run = plainRun()
        let all = (0..<40).map { _ in
            growth(of: run, epoch: UInt64.random(in: 1...2, using: &random)) { record in
                record.grownBytes = UInt64.random(in: 0...5, using: &random)
                record.unattributedBytes = UInt64.random(in: 0...5, using: &random)
                for line in Self.lines where Bool.random(using: &random) {
                    record.lines[line] = UInt64.random(in: 0...5, using: &random)
                }
                guard Bool.random(using: &random) else { return }
                record.peakStack = GrowthRecord.PeakStack(
                    residentBytes: UInt64.random(in: 1...2, using: &random),
                    lines: Array(Self.lines.shuffled(using: &random).prefix(2)))
            }
        }
        for _ in 0..<3 {
            let directory = try TemporaryFolder()
            let store = try SQLiteStore(dataDirectory: directory.data)
            let model = MemoryStore()
            for growth in all.shuffled(using: &random) + all.prefix(5) {
                try commit(growth, to: store)
                try commit(growth, to: model)
            }
            let expected = model.growth(of: [run.key])
            #expect(try store.growth(of: [run.key]) == expected)
            try store.close()
            let reopened = try SQLiteStore(dataDirectory: directory.data)
            #expect(try reopened.growth(of: [run.key]) == expected)
        }
    }

    @Test("Growth goes with its run, and so do the names that only it had")
    func retention() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        var ended = plainRun(pid: 1)
        ended.record.end = RunEnd(
            bracket: TimeBracket(notBeforeMilliseconds: 60, notAfterMilliseconds: 60),
            reason: .exited)
        let lives = plainRun(pid: 2)
        try store.commit(batch([ended, lives]))
        for (run, file) in [(ended, "gone.py"), (lives, "kept.py")] as [(StoredRun, RawText)] {
            try commit(
                growth(of: run) { record in
                    let line = PythonLine(file: file, function: "f", line: 1)
                    record.lines = [line: 9]
                    record.peakStack = GrowthRecord.PeakStack(residentBytes: 9, lines: [line])
                }, to: store)
        }
        #expect(try store.runs(having: .lines, matching: ReportQuery(), limit: 9).count == 2)
        let day = WindowLength.day.milliseconds
        var retention = Retention.usual
        retention.runsMilliseconds = day
        retention.folding = nil
        while try store.maintain(nowMilliseconds: 2 * day, retention: retention).isMoreDue {}
        // A sweep marks names before what it removes later in the same round is gone.
        try store.sweepSoon()
        while try store.maintain(nowMilliseconds: 2 * day, retention: retention).isMoreDue {}
        #expect(try store.growth(of: [ended.key]).isEmpty)
        #expect(try store.growth(of: [lives.key])[lives.key]?.peakStack?.lines.count == 1)
        let rows = try DatabaseQueue(path: directory.database).read {
            try String.fetchSet($0, sql: "SELECT CAST(bytes AS TEXT) FROM name")
        }
        #expect(rows.contains("kept.py"))
        #expect(!rows.contains("gone.py"))
    }
}
