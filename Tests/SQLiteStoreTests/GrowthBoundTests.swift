import Foundation
import GRDB
import MemoryModel
import PeakStore
import Report
import Synchronization
import TestSupport
import Testing

@testable import SQLiteStore

/// An agent chooses its epochs, and what it calls its lines.
@Suite("How much growth by line is read")
struct GrowthBoundTests {
    private let directory: TemporaryFolder
    private let store: SQLiteStore
    private let run = plainRun()

    init() throws {
        directory = try TemporaryFolder()
        store = try SQLiteStore(dataDirectory: directory.data)
    }

    private func line(_ number: Int, bytes: Int = 4) -> PythonLine {
        let text = "\(number)" + String(repeating: "x", count: bytes)
        return PythonLine(file: RawText(text), function: "f", line: Int32(number))
    }

    private func growth(
        of run: StoredRun, epoch: UInt64 = 1, _ change: (inout GrowthRecord) -> Void
    ) -> StoredGrowth {
        var record = GrowthRecord(run: run.record.key)
        change(&record)
        return StoredGrowth(host: run.host, boot: run.boot, epoch: epoch, record: record)
    }

    private func commit(_ growth: [StoredGrowth]) throws {
        var batch = CommitBatch()
        batch.growth = growth
        try store.commit(batch)
    }

    private func read(hasStacks: Bool = true) throws -> GrowthRecord {
        try #require(try store.growth(of: [run.key], hasStacks: hasStacks)[run.key])
    }

    @Test("A run of however many starts of its agent has the lines that grew most over all of them")
    func lines() throws {
        // The last line is the smallest of each start but one, and the largest of all.
        let epochs = 40
        try commit(
            (1...epochs).map { epoch in
                growth(of: run, epoch: UInt64(epoch)) { record in
                    record.grownBytes = 7
                    for number in 0..<GrowthTable.maximumReadLines {
                        record.lines[line(epoch * 1_000 + number, bytes: 4_000)] = 9
                    }
                    record.lines[line(0)] = 8
                }
            })
        let found = try read()
        #expect(found.lines.count == GrowthTable.maximumReadLines)
        #expect(found.lines[line(0)] == UInt64(8 * epochs))
        #expect(found.grownBytes == UInt64(7 * epochs))
        #expect(found.textBytes < 1 << 20)
    }

    @Test("Sums that no number holds are the greatest that is kept, and fail nothing")
    func overflow() throws {
        try commit(
            (1...3).map { epoch in
                growth(of: run, epoch: UInt64(epoch)) { record in
                    record.grownBytes = .max
                    record.unattributedBytes = .max - 1
                    record.lines = [line(1): .max, line(2): UInt64(epoch)]
                }
            })
        let found = try read()
        let most = UInt64(Int64.max)
        #expect(found.grownBytes == most && found.unattributedBytes == most)
        #expect(found.lines == [line(1): most, line(2): 6])
    }

    @Test("Of starts that saw as much resident the greatest stack is read, and no more than a few")
    func stacks() throws {
        let epochs = 3 * GrowthTable.maximumReadStacks
        try commit(
            (1...epochs).map { epoch in
                growth(of: run, epoch: UInt64(epoch)) { record in
                    let depth = epoch == 5 || epoch == 7 ? 3 : 2
                    let lines = (0..<depth).map { line(epoch * 10 + $0) }
                    record.peakStack = GrowthRecord.PeakStack(residentBytes: 50, lines: lines)
                }
            })
        #expect(try read().peakStack?.lines == (0..<3).map { line(70 + $0) })
        #expect(try read(hasStacks: false).peakStack == nil)
    }

    @Test("What many runs take is looked at after each of them")
    func limit() throws {
        let runs = (1...20).map { plainRun(pid: $0) }
        try commit(
            runs.map { run in
                growth(of: run) { record in
                    for number in 0..<10 {
                        record.lines[line(Int(run.record.key.pid) * 100 + number, bytes: 500)] = 1
                    }
                }
            })
        let keys = runs.map(\.key)
        let all = try store.growth(of: keys, hasStacks: false, limitBytes: .max)
        #expect(all.growth.count == 20 && !all.isCut)
        let one = try #require(all.growth[keys[0]]).textBytes
        let some = try store.growth(of: keys, hasStacks: false, limitBytes: one + 1)
        #expect(Set(some.growth.keys) == Set(keys.prefix(2)) && some.isCut)
    }

    @Test("Stacks that a new session tells again cost no look at a name that was seen, or none")
    func again() throws {
        let runs = (1...30).map { plainRun(pid: $0) }
        func all(depth: Int) -> [StoredGrowth] {
            runs.map { run in
                growth(of: run) { record in
                    record.peakStack = GrowthRecord.PeakStack(
                        residentBytes: 50, lines: (0..<depth).map { line($0) })
                }
            }
        }
        try commit(all(depth: 20))
        func namesRead(by growth: [StoredGrowth]) throws -> Int {
            let count = Mutex(0)
            func trace(_ isOn: Bool) throws {
                try store.write { database, _ in
                    guard isOn else { return database.trace(options: [], nil) }
                    database.trace { event in
                        if "\(event)".contains("SELECT bytes FROM name") {
                            count.withLock { $0 += 1 }
                        }
                    }
                }
            }
            try trace(true)
            try commit(growth)
            try trace(false)
            return count.withLock { $0 }
        }
        #expect(try namesRead(by: all(depth: 20)) == 21)
        #expect(try namesRead(by: all(depth: 19)) == 0)
        #expect(try namesRead(by: all(depth: 21)) == 0)
        #expect(try read().peakStack?.lines.count == 21)
    }
}
