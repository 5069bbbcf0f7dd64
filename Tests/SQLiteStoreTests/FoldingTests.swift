import GRDB
import MemoryModel
import PeakStore
import TestSupport
import Testing

@testable import SQLiteStore

@Suite("Tiny short runs that become folds")
struct FoldingTests {
    private let tiny = TinyRuns()

    /// 40 runs in the first hour: 20 of each of two programs; the largest is number 40.
    private var hour: [StoredRun] {
        (1...40).map { number in
            tiny.run(
                number, UInt64(number * 10), program: number % 2 == 0 ? "sh" : "sed",
                at: number)
        }
    }

    @Test("Counts, sums, maxima and histograms are what they were, and the largest stays itself")
    func sums() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        try store.commit(batch(hour))
        let before = try RunSums(store)
        #expect(before == RunSums(hour))
        // As long as its minutes are kept, nothing of the hour is folded.
        let end = minute(60) + 2 * 3_600_000
        #expect(try store.maintain(at: end - 1, .tinyFolded).foldedRuns == 0)
        #expect(try store.removable(nowMilliseconds: end, retention: .tinyFolded).foldedRuns == 39)
        #expect(try store.maintain(at: end, .tinyFolded).foldedRuns == 39)
        #expect(try store.maintain(at: end, .tinyFolded).foldedRuns == 0)
        #expect(try RunSums(store) == before)
        #expect(try everyRun(of: store).map(\.record.key.pid) == [40])
        let folds = try store.folds(sinceMilliseconds: nil, untilMilliseconds: nil, limit: .max)
        #expect(folds.map(\.fold.runCount).sorted() == [19, 20])
        #expect(folds.allSatisfy { $0.isMadeByStore })
        #expect(try store.appliedOrdinals(of: tiny.host, epoch: StoredFold.storeEpoch) == [0...1])
    }

    @Test("What a fold could not tell, or what is not certain, stays itself")
    func exceptions() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        var special: [StoredRun] = []
        func add(_ bytes: UInt64 = 10, at time: Int = 5, _ change: (inout StoredRun) -> Void) {
            var run = tiny.run(100 + special.count, bytes, at: time)
            change(&run)
            special.append(run)
        }
        add(1_000) { _ in }
        add { $0.record.description.startedAtMilliseconds = minute(5) }
        add { $0.record.description.startedAtMilliseconds = nil }
        add { $0.record.description.startedAtMilliseconds = minute(5) + 3_000 }
        add { $0.record.end = nil }
        add { $0.record.end?.bracket = nil }
        add { $0.record.end?.reason = .unobserved }
        add { $0.record.end?.reason = .rebooted }
        add { $0.record.peak = nil }
        add { $0.record.peak?.bracket = nil }
        add {
            $0.record.peak?.source = .hwm
            $0.record.flags = []
        }
        add { $0.record.flags.insert(.killedForMemory) }
        add { $0.record.flags.insert(.markFell) }
        add { $0.record.swapPeakBytes = 1 }
        add { $0.record.description.inheritedBytes = 10 }
        add { $0.record.ordinal = nil }
        add { $0.epoch = nil }
        add { $0.record.description.program = "alone" }
        // It lived across the edge of two hours, and is not the largest of its own.
        add(at: 60) { run in
            run = tiny.run(Int(run.record.key.pid), 10, at: 60, after: 500)
        }
        add(1_500, at: 61) { _ in }
        // A sum's share names it.
        add { _ in }
        let named = special[special.count - 1]
        var all = batch(special + (1...3).map { tiny.run($0, 20, at: 5) })
        var peak = TotalPeak(bytes: 9, atMilliseconds: minute(5), runCount: 1)
        peak.composition = [TotalShare(key: named.record.key, residentBytes: 9)]
        all.totals = [
            StoredTotal(
                host: tiny.host, boot: tiny.boot, subject: TotalSubject(kind: .hostUsed, name: ""),
                hourMilliseconds: minute(0), peak: peak)
        ]
        try store.commit(all)
        #expect(try store.maintain(at: minute(900), .tinyFolded).foldedRuns == 3)
        let left = Set(try everyRun(of: store).map(\.record.key.pid))
        #expect(left == Set(special.map(\.record.key.pid)))
    }

    @Test("A copy of a folded run, with or without its fold's row, adds nothing")
    func copies() throws {
        let directory = try TemporaryFolder()
        var store = try SQLiteStore(dataDirectory: directory.data)
        try store.commit(batch(hour))
        try store.maintain(at: minute(900), .tinyFolded)
        let folded = try RunSums(store)
        for _ in 0..<2 {
            try store.commit(batch(hour))
            try store.maintain(at: minute(900), .tinyFolded)
            #expect(try RunSums(store) == folded)
            #expect(try everyRun(of: store).count == 1)
            try store.close()
            store = try SQLiteStore(dataDirectory: directory.data)
        }
        try store.write { database, _ in try database.execute(sql: "DELETE FROM fold") }
        try store.commit(batch(hour))
        #expect(try everyRun(of: store).count == 1)
    }

    @Test("Runs that come late are folded, too, and another rule holds for what is there")
    func late() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        let runs = hour
        try store.commit(batch(Array(runs[..<20])))
        #expect(try store.maintain(at: minute(900), .tinyFolded).foldedRuns == 19)
        // Number 20, the largest until then, is folded with those that come.
        try store.commit(batch(Array(runs[20...])))
        #expect(try store.maintain(at: minute(900), .tinyFolded).foldedRuns == 20)
        #expect(try RunSums(store) == RunSums(runs))
        try store.commit(batch((50...60).map { tiny.run($0, 1_500, at: 9) }))
        #expect(try store.maintain(at: minute(900), .tinyFolded).foldedRuns == 0)
        var wider = Retention.tinyFolded
        wider.folding?.belowBytes = 2_000
        #expect(try store.maintain(at: minute(900), wider).foldedRuns == 11)
        var none = Retention.tinyFolded
        none.folding = nil
        #expect(try store.maintain(at: minute(900), none).foldedRuns == 0)
    }

    @Test("An agent that drew the number of the store's own folds costs none of either")
    func sameEpoch() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        var agents = sampleFold(host: tiny.host, ordinal: 6)
        agents.epoch = StoredFold.storeEpoch
        var all = batch(hour)
        all.folds = [agents]
        try store.commit(all)
        try store.maintain(at: minute(900), .tinyFolded)
        func ordinals() throws -> [UInt64] {
            try store.folds(sinceMilliseconds: nil, untilMilliseconds: nil, limit: .max)
                .map(\.fold.ordinal).sorted()
        }
        #expect(try ordinals() == [6, 7, 8])
        // The last number of all leaves none.
        agents.fold.ordinal = UInt64(Int64.max)
        all.folds = [agents]
        all.runs = (200...210).map { tiny.run($0, 10, at: 3) }
        try store.commit(all)
        #expect(try store.maintain(at: minute(900), .tinyFolded).foldedRuns == 0)
        #expect(try ordinals() == [6, 7, 8, UInt64(Int64.max)])
        #expect(try everyRun(of: store).count == 12)
    }

    @Test("An hour with more runs than a step looks at and folds keeps its largest")
    func manySteps() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        let count = 2 * FoldingSteps.stepRows + 1
        let runs = (1...count).map { number in
            tiny.run(
                number, UInt64((number * 7) % 997), program: RawText("p\(number % 300)"),
                at: number % 59)
        }
        try store.commit(batch(runs))
        let counts = try store.maintain(at: minute(900), .tinyFolded)
        #expect(counts.foldedRuns > count - 10)
        #expect(try RunSums(store) == RunSums(runs))
        #expect(try everyRun(of: store).contains { $0.record.peak?.bytes == 996 })
    }
}
