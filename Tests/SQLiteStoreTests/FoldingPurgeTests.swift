import MemoryModel
import PeakStore
import TestSupport
import Testing

@testable import SQLiteStore

@Suite("Purges of what a store folded itself")
struct FoldingPurgeTests {
    private let tiny = TinyRuns()

    /// Two hours of 30 runs each; the largest of the first is number 30.
    private var runs: [StoredRun] {
        (1...60).map { tiny.run($0, UInt64($0 * 10), at: $0 <= 30 ? $0 : $0 + 30) }
    }

    private func request(_ minutes: ClosedRange<Int>) -> PurgeRequest {
        PurgeRequest(
            host: tiny.host, sinceMilliseconds: minute(minutes.lowerBound),
            untilMilliseconds: minute(minutes.upperBound))
    }

    @Test(
        "A purge takes the whole folds of the hours that it touches, and an undo brings them back")
    func wholeHours() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        try store.commit(batch(runs))
        try store.maintain(at: minute(900), .tinyFolded)
        let before = try RunSums(store)
        // Neither the greatest peak of the fold nor that of the largest run lies in it.
        let outcome = try store.purge(request(3...4), nowMilliseconds: 1)
        #expect(outcome.folds == 1 && outcome.runs == 0)
        let left = RunSums(Array(runs[29...]))
        #expect(try RunSums(store) == left)
        // A copy of what was folded and purged stays away.
        try store.commit(batch(runs))
        #expect(try RunSums(store) == left)
        #expect(try store.undoPurge(outcome.tombstone.id)?.folds == 1)
        #expect(try RunSums(store) == before)
        for empty in [59...59, 120...130] as [ClosedRange<Int>] {
            let outcome = try store.purge(request(empty), nowMilliseconds: 1)
            #expect(outcome.folds == (empty == 59...59 ? 1 : 0))
            _ = try store.undoPurge(outcome.tombstone.id)
        }
        #expect(try RunSums(store) == before)
    }

    @Test("Of two purges that touch the hour the second keeps its folds when the first is undone")
    func twoTombstones() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        try store.commit(batch(runs))
        try store.maintain(at: minute(900), .tinyFolded)
        let before = try RunSums(store)
        let first = try store.purge(request(3...4), nowMilliseconds: 1).tombstone.id
        let second = try store.purge(request(50...51), nowMilliseconds: 2)
        #expect(second.folds == 0)
        let left = try RunSums(store)
        #expect(try store.undoPurge(first)?.folds == 1)
        #expect(try RunSums(store) == left)
        #expect(try store.undoPurge(second.tombstone.id)?.folds == 1)
        #expect(try RunSums(store) == before)
    }

    @Test("While a purge stands the hours that it touches are not folded, so that an undo is whole")
    func standing() throws {
        let directory = try TemporaryFolder()
        var store = try SQLiteStore(dataDirectory: directory.data)
        try store.commit(batch(runs))
        let id = try store.purge(request(3...6), nowMilliseconds: 1).tombstone.id
        // Of another time, but with a peak of a run of the second hour.
        var early = runs[40]
        early.record.peak?.bytes += 1
        early.record.peak?.bracket = TimeBracket(
            notBeforeMilliseconds: minute(-600), notAfterMilliseconds: minute(-600))
        let other = try store.purge(request(-600 ... -600), nowMilliseconds: 1).tombstone.id
        try store.commit(batch([early]))
        #expect(try store.maintain(at: minute(900), .tinyFolded).foldedRuns == 28)
        #expect(try everyRun(of: store).count == 32)
        _ = try store.undoPurge(id)
        _ = try store.undoPurge(other)
        var all = runs
        all[40].record.peak = early.record.peak
        #expect(try RunSums(store) == RunSums(all))
        try store.close()
        store = try SQLiteStore(dataDirectory: directory.data)
        #expect(try store.maintain(at: minute(900), .tinyFolded).foldedRuns == 29)
        #expect(try RunSums(store) == RunSums(all))
    }
}
