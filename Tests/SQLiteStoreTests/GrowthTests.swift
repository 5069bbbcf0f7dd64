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
            let expected = model.growth(of: [run.key], hasStacks: true)
            #expect(try store.growth(of: [run.key], hasStacks: true) == expected)
            let without = try store.growth(of: [run.key], hasStacks: false)
            #expect(without == model.growth(of: [run.key], hasStacks: false))
            try store.close()
            let reopened = try SQLiteStore(dataDirectory: directory.data)
            #expect(try reopened.growth(of: [run.key], hasStacks: true) == expected)
        }
    }

    @Test("Of a run so many lines are kept, whoever sends more, and those go on rising")
    func bound() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        let run = plainRun()
        func line(_ number: Int) -> PythonLine {
            PythonLine(file: "f.py", function: "f", line: Int32(number))
        }
        for first in stride(from: 0, to: 3_000, by: 250) {
            try commit(
                growth(of: run) { record in
                    for number in first..<first + 250 { record.lines[line(number)] = 7 }
                }, to: store)
        }
        try commit(
            growth(of: run) { record in
                record.grownBytes = 99
                for number in [1, 2_999] { record.lines[line(number)] = 9 }
            }, to: store)
        let count = try DatabaseQueue(path: directory.database).read {
            try Int.fetchOne($0, sql: "SELECT count(*) FROM growth_line")
        }
        #expect(count == GrowthTable.maximumLines)
        let kept = try #require(try store.growth(of: [run.key], hasStacks: true)[run.key])
        #expect(kept.lines.count == GrowthTable.maximumReadLines && kept.grownBytes == 99)
        #expect(kept.lines[line(1)] == 9 && kept.lines[line(2_999)] == nil)
        // Another start of the agent has lines of its own.
        try commit(growth(of: run, epoch: 2) { $0.lines[line(2_999)] = 9 }, to: store)
        #expect(try store.growth(of: [run.key], hasStacks: true)[run.key]?.lines[line(2_999)] == 9)
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
        #expect(try store.growth(of: [ended.key], hasStacks: true).isEmpty)
        let left = try store.growth(of: [lives.key], hasStacks: true)[lives.key]
        #expect(left?.peakStack?.lines.count == 1)
        let rows = try DatabaseQueue(path: directory.database).read {
            try String.fetchSet($0, sql: "SELECT CAST(bytes AS TEXT) FROM name")
        }
        #expect(rows.contains("kept.py"))
        #expect(!rows.contains("gone.py"))
    }
}
