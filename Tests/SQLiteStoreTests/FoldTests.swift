import GRDB
import MemoryModel
import PeakStore
import TestSupport
import Testing

@testable import SQLiteStore

@Suite struct FoldTests {
    @Test("A fold whose ordinal was applied is passed over, whatever it says")
    func appliedOnce() throws {
        let directory = try TemporaryFolder()
        var store = try SQLiteStore(dataDirectory: directory.data)
        let fold = sampleFold(ordinal: 4)
        var other = fold
        other.fold.runCount = 99
        for fold in [fold, other] { try store.commit(batch([fold])) }
        try store.close()
        store = try SQLiteStore(dataDirectory: directory.data)
        try store.commit(batch([other]))
        // Also twice in one batch, and of another start of the agent.
        var second = other
        second.epoch = 8
        try store.commit(batch([second, fold, second]))
        #expect(try Facts(store).folds == [fold, second])
        #expect(try store.appliedOrdinals(of: fold.host, epoch: 7) == [4...4])
        #expect(try store.appliedOrdinals(of: fold.host, epoch: 9).isEmpty)
    }

    @Test("An ended run whose row is gone and whose ordinal was applied does not come back")
    func prunedRun() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        var run = plainRun()
        run.epoch = 7
        run.record.ordinal = 3
        run.record.end = RunEnd(bracket: nil, reason: .exited)
        var batch = CommitBatch()
        batch.runs = [run]
        try store.commit(batch)
        // With its row there it merges.
        run.record.peak = Peak(bytes: 5, bracket: nil, source: .exit)
        batch.runs = [run]
        try store.commit(batch)
        #expect(try everyRun(of: store).first?.record.peak?.bytes == 5)
        try store.write { database, _ in try database.execute(sql: "DELETE FROM run") }
        try store.commit(batch)
        #expect(try everyRun(of: store).isEmpty)
        // A fold may not take its ordinal, either; another run may have the next.
        batch.folds = [sampleFold(host: run.host, ordinal: 3)]
        batch.runs[0].record.ordinal = 4
        try store.commit(batch)
        #expect(try everyRun(of: store).count == 1)
        #expect(try Facts(store).folds.isEmpty)
        #expect(try store.appliedOrdinals(of: run.host, epoch: 7) == [3...4])
    }

    @Test(
        "Applied ordinals are those that came, in as few ranges as there can be, in any order",
        arguments: [1, 2, 3, 4] as [UInt64])
    func ranges(seed: UInt64) throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        var generator = SeededGenerator(seed: seed)
        let edges: [UInt64] = [0, 1 << 62, 1 << 63, .max - 40]
        var expected: Set<UInt64> = []
        for _ in 0..<30 {
            let ordinals = (0..<8).map { _ in
                edges[Int.random(in: 0..<4, using: &generator)]
                    &+ UInt64.random(in: 0..<40, using: &generator) &- 20
            }
            try store.commit(batch(ordinals.map { sampleFold(ordinal: $0) }))
            expected.formUnion(ordinals)
            let ranges = try store.appliedOrdinals(of: hostID("alpha"), epoch: 7)
            #expect(Set(ranges.joined()) == expected, "seed \(seed)")
            for (left, right) in zip(ranges, ranges.dropFirst()) {
                #expect(left.upperBound < right.lowerBound - 1, "seed \(seed)")
            }
        }
        #expect(try Facts(store).folds.count == expected.count)
    }

    @Test("A histogram is read as it was written, and what nobody can have written is refused")
    func blob() throws {
        var histogram = PeakHistogram()
        for bytes in [1, 1_024, 3_072] as [UInt64] { histogram.add(bytes: bytes) }
        let bytes = HistogramBlob.bytes(of: histogram)
        // As Protocol/store-v1.md has it.
        #expect(bytes == [0, 2, 12, 1])
        #expect(try HistogramBlob.histogram(in: bytes) == histogram)
        #expect(try HistogramBlob.histogram(in: []) == PeakHistogram())
        histogram.add(count: .max, atStep: PeakHistogram.stepLimit - 1)
        #expect(try HistogramBlob.histogram(in: HistogramBlob.bytes(of: histogram)) == histogram)
        let damaged: [[UInt8]] = [
            [0], [0x80], [5, 0], [5, 1, 0, 1], [0xB0, 0x03, 1],
            [1] + Array(repeating: 0xFF, count: 9) + [2], Array(repeating: 0x80, count: 40),
        ]
        for bytes in damaged {
            #expect(throws: DamagedRow.self, "\(bytes)") {
                try HistogramBlob.histogram(in: bytes)
            }
        }
    }

    @Test("Folds come latest first; those at an unknown time are in every range, and last")
    func folds() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        func fold(_ ordinal: UInt64, _ since: Int64?) -> StoredFold {
            var fold = sampleFold(ordinal: ordinal)
            fold.fold.bracket = since.map {
                TimeBracket(notBeforeMilliseconds: $0, notAfterMilliseconds: $0 + 10)
            }
            return fold
        }
        let ordered = [fold(1, 200), fold(2, 100), fold(3, nil)]
        try store.commit(batch(ordered.reversed()))
        func read(_ since: Int64?, _ until: Int64?, limit: Int = .max) throws -> [StoredFold] {
            try store.folds(sinceMilliseconds: since, untilMilliseconds: until, limit: limit)
        }
        #expect(try read(nil, nil) == ordered)
        #expect(try read(110, 200) == ordered)
        #expect(try read(111, nil) == [ordered[0], ordered[2]])
        #expect(try read(nil, 199) == [ordered[1], ordered[2]])
        #expect(try read(nil, nil, limit: 1) == [ordered[0]])
    }

    private func batch(_ folds: [StoredFold]) -> CommitBatch {
        var batch = CommitBatch()
        batch.folds = folds
        return batch
    }
}

/// A fold of epoch 7 with every field set.
func sampleFold(host: HostID = hostID("alpha"), ordinal: UInt64) -> StoredFold {
    var fold = Fold(
        ordinal: ordinal,
        subject: FoldSubject(program: RawText([0xFF]), user: "1000", cgroup: "/a.slice"))
    fold.runCount = 3
    let bracket = TimeBracket(notBeforeMilliseconds: -5, notAfterMilliseconds: 6)
    fold.peak = Peak(bytes: 1 << 50, bracket: bracket, source: .exit)
    for bytes in [1, 4_096, 1 << 50] as [UInt64] { fold.histogram.add(bytes: bytes) }
    fold.sumOfPeaksBytes = (1 << 50) + 4_097
    fold.bracket = TimeBracket(notBeforeMilliseconds: 7, notAfterMilliseconds: 8)
    fold.processorMilliseconds = 9
    fold.failureCount = 2
    fold.killCount = 1
    return StoredFold(host: host, boot: BootID(high: 3, low: .max), epoch: 7, fold: fold)
}
