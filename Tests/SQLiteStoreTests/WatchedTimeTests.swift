import MemoryModel
import PeakStore
import Report
import TestSupport
import Testing

@testable import SQLiteStore

@Suite("Which time was watched")
struct WatchedTimeTests {
    /// The stretches in minutes since the hour that the tests begin with.
    private func stretches(
        _ store: SQLiteStore, of run: StoredRun, _ first: Int, _ end: Int
    ) throws -> [Range<Int>] {
        let times = try store.watchedTime(
            sinceMilliseconds: minute(first), untilMilliseconds: minute(end))
        #expect(Set(times.keys).isSubset(of: [run.host]))
        return (times[run.host]?.stretches ?? []).map {
            Int(($0.lowerBound - minute(0)) / 60_000)..<Int(($0.upperBound - minute(0)) / 60_000)
        }
    }

    @Test("minutes count one by one, packed or not, and the hours that are left of them whole")
    func tiers() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        let run = plainRun()
        try store.commit(
            CommitBatch(
                runs: [run], windows: [run.window(40, 10, 10)],
                coverage: run.coverage([40, 41, 42, 59, 60, 61, 200])))
        var retention = Retention(
            minutesMilliseconds: .max, hoursMilliseconds: .max, daysMilliseconds: .max,
            runsMilliseconds: .max)
        for isPacked in [false, true] {
            if isPacked { try store.maintainAll(at: minute(10_000), retention) }
            #expect(try stretches(store, of: run, 0, 300) == [40..<43, 59..<62, 200..<201])
            #expect(try stretches(store, of: run, 41, 60) == [41..<43, 59..<60])
            #expect(try stretches(store, of: run, 0, 40).isEmpty)
            #expect(try stretches(store, of: run, 62, 200).isEmpty)
        }
        retention.minutesMilliseconds = 0
        try store.maintainAll(at: minute(10_000), retention)
        #expect(try stretches(store, of: run, 0, 300) == [0..<120, 180..<240])
        #expect(try stretches(store, of: run, 30, 90) == [30..<90])
        #expect(try stretches(store, of: run, 120, 180).isEmpty)
        // Of what comes after, the minutes are known again.
        try store.commit(CommitBatch(coverage: run.coverage([250])))
        #expect(try stretches(store, of: run, 0, 300) == [0..<120, 180..<240, 250..<251])
        retention.hoursMilliseconds = 0
        try store.maintainAll(at: minute(10_000), retention)
        let day = try #require(try stretches(store, of: run, -3_000, 3_000).first)
        #expect(day.count == 1_440 && day.contains(40))
    }
}
