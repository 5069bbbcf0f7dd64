import GRDB
import MemoryModel
import PeakStore
import Report
import TestSupport
import Testing

@testable import SQLiteStore

/// Bits that a disk turned, which SQLite does not find.
@Suite("Hours that are damaged on the disk")
struct DamagedHourTests {
    private let directory: TemporaryFolder
    private let run = plainRun()

    init() throws {
        directory = try TemporaryFolder()
    }

    /// Four packed hours of one host, each with a window in its first minute; the last three go on
    /// from the one before.
    private func store() throws -> SQLiteStore {
        let store = try SQLiteStore(dataDirectory: directory.data)
        for hour in 0..<4 {
            try store.commit(
                CommitBatch(
                    runs: [run], windows: [run.window(hour * 60, UInt64(10 + hour), 90)],
                    coverage: run.coverage(hour * 60..<hour * 60 + 60)))
        }
        try store.maintainAll(at: minute(1_000), .everything)
        return store
    }

    private func damage(_ table: String, where condition: String) throws {
        let queue = try DatabaseQueue(path: directory.database)
        try queue.write { database in
            try database.execute(sql: "UPDATE \(table) SET block = x'0399' WHERE \(condition)")
            #expect(database.changesCount > 0)
        }
    }

    private func isReadable(_ store: SQLiteStore, hour: Int) throws -> Bool {
        do {
            _ = try store.minutes(of: .run(run.key), hour * 60, hour * 60 + 60)
            return true
        } catch PeakStoreError.notADatabase {
            return false
        }
    }

    @Test("One that is due again is told of once and stays as it is, and the others are packed")
    func packing() throws {
        let store = try store()
        try damage("window_block", where: "hour_at_ms = \(minute(180))")
        try store.commit(
            CommitBatch(windows: [run.window(65, 60, 60), run.window(181, 50, 50)]))
        let outcome = try store.maintain(nowMilliseconds: minute(1_000), retention: .everything)
        #expect(outcome.damagedHours.map(\.host) == [run.host])
        #expect(outcome.damagedHours.map(\.startsAtMilliseconds) == [minute(180)])
        #expect(outcome.counts.packedHours == 1 && outcome.isMoreDue)
        for _ in 0..<9 {
            let next = try store.maintain(nowMilliseconds: minute(1_000), retention: .everything)
            #expect(next.damagedHours.isEmpty)
        }
        #expect(try !isReadable(store, hour: 3))
        #expect(try store.minutes(of: .run(run.key), 64, 67) == "11 60 60")
    }

    @Test("What a program held in hours and days begins anew where it was damaged")
    func tiers() throws {
        let store = try store()
        try damage("subject_block", where: "1")
        try store.commit(CommitBatch(windows: [run.window(2, 70, 70)]))
        let outcome = try store.maintain(nowMilliseconds: minute(1_000), retention: .everything)
        #expect(outcome.damagedHours.isEmpty && outcome.counts.packedHours == 1)
        #expect(try store.minutes(of: .run(run.key), 1, 4) == "10 70 70")
        let days = try store.history(
            of: .program("plain", on: nil), sinceMilliseconds: .min, untilMilliseconds: .max,
            length: .day, limit: 9)
        #expect(days.compactMap(\.window?.atLeastBytes) == [70])
    }

    @Test("A purge takes one away as a whole or not at all, and all that is not damaged beside it")
    func purge() throws {
        let store = try store()
        try damage("window_block", where: "hour_at_ms = \(minute(180))")
        func purge(_ first: Int, _ end: Int) throws {
            _ = try store.purge(
                PurgeRequest(
                    host: run.host, sinceMilliseconds: minute(first),
                    untilMilliseconds: minute(end) - 1),
                nowMilliseconds: minute(1_000))
        }
        try purge(150, 210)
        #expect(try store.minutes(of: .run(run.key), 149, 151) == "12 ?")
        #expect(try !isReadable(store, hour: 3))
        try purge(130, 240)
        #expect(try isReadable(store, hour: 3))
        #expect(try store.minutes(of: .run(run.key), 129, 131) == "12 ?")
        let gone = try store.minutes(of: .run(run.key), 180, 182)
        #expect(gone.allSatisfy { $0 == "?" || $0 == " " }, "\(gone)")
    }
}

extension Retention {
    /// Nothing goes.
    fileprivate static let everything = Retention(
        minutesMilliseconds: 1 << 50, hoursMilliseconds: 1 << 50, daysMilliseconds: 1 << 50,
        runsMilliseconds: 1 << 50)
}
