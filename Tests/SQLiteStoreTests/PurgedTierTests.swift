import GRDB
import MemoryModel
import PeakStore
import TestSupport
import Testing

@testable import SQLiteStore

@Suite("Hours and days of a host that is purged")
struct PurgedTierTests {
    private let run = plainRun()
    private let kept = Retention(
        minutesMilliseconds: 1 << 50, hoursMilliseconds: 1 << 50, daysMilliseconds: 1 << 50,
        runsMilliseconds: 1 << 50)
    private let days = 5

    /// A window at noon and one at four in the afternoon of each of five days, packed.
    private func fill(_ directory: TemporaryFolder) throws -> SQLiteStore {
        let store = try SQLiteStore(dataDirectory: directory.data)
        for day in 0..<days {
            for (hour, bytes) in [(12, 90), (16, 40)] as [(Int, UInt64)] {
                let first = (day * 24 + hour) * 60
                try store.commit(
                    CommitBatch(
                        runs: [run], windows: [run.window(first, bytes, bytes)],
                        coverage: run.coverage(first..<first + 60)))
            }
        }
        try store.maintainAll(at: minute(days * 1_440 + 600), kept)
        return store
    }

    /// All days, and then the first two hours of the last one that stay.
    private var request: PurgeRequest {
        PurgeRequest(
            host: run.host, sinceMilliseconds: minute(0),
            untilMilliseconds: minute((days - 1) * 1_440 + 13 * 60) - 1)
    }

    private func blocks(_ directory: TemporaryFolder) throws -> [String] {
        try DatabaseQueue(path: directory.database).read { database in
            try String.fetchAll(
                database,
                sql: """
                    SELECT length || ' ' || starts_at_ms || ' ' || covered || ' ' || hex(block)
                    FROM subject_block ORDER BY length, starts_at_ms
                    """)
        }
    }

    @Test("Each day is a transaction of its own, and what a crash leaves undone is done as well")
    func interrupted() throws {
        let whole = try TemporaryFolder()
        let undisturbed = try fill(whole)
        let before = try blocks(whole)
        _ = try undisturbed.purge(request, nowMilliseconds: 1)
        let expected = try blocks(whole)
        #expect(expected != before && expected.count == before.count)

        let directory = try TemporaryFolder()
        var store = try fill(directory)
        // The third day cannot be written.
        let third = SubjectWindows.start(of: minute(2 * 1_440 + 720), .hour)
        try store.write { database, _ in
            try database.execute(
                sql: """
                    CREATE TRIGGER stop BEFORE UPDATE ON subject_block
                    WHEN new.length = 2 AND new.starts_at_ms = \(third)
                    BEGIN SELECT RAISE(ABORT, 'as a crash'); END
                    """)
        }
        #expect(throws: PeakStoreError.self) { try store.purge(request, nowMilliseconds: 1) }
        #expect(try blocks(directory).prefix(2) == expected.prefix(2))
        #expect(try blocks(directory)[2] == before[2])
        try store.close()
        try DatabaseQueue(path: directory.database).write { database in
            try database.execute(sql: "DROP TRIGGER stop")
        }
        store = try SQLiteStore(dataDirectory: directory.data)
        #expect(try blocks(directory) == expected)
        #expect(try store.read { try TombstoneTable.rows($0).map(\.state) } == [.standing])
        let points = try store.history(
            of: .program("plain", on: nil), sinceMilliseconds: .min, untilMilliseconds: .max,
            length: .day, limit: 9)
        #expect(points.compactMap(\.window?.atLeastBytes) == [40])
    }

    @Test("A purge says how many sections and minutes went with it, and so does its undoing")
    func outcome() throws {
        let directory = try TemporaryFolder()
        let store = try fill(directory)
        let peak = Peak(
            bytes: 5,
            bracket: TimeBracket(
                notBeforeMilliseconds: minute(5), notAfterMilliseconds: minute(6)),
            source: .sampled)
        let record = SectionRecord(
            key: SectionKey(run: run.record.key, name: "load"),
            firstCall: SectionCall(peak: peak, growthBytes: 1, microseconds: 1, flags: []))
        var batch = CommitBatch()
        batch.sections = [
            StoredSection(host: run.host, boot: run.boot, epoch: 1, record: record)
        ]
        try store.commit(batch)
        let outcome = try store.purge(request, nowMilliseconds: 1)
        #expect(outcome.sections == 1 && outcome.windows == 2 * days - 1)
        let undone = try #require(try store.undoPurge(outcome.tombstone.id))
        #expect(undone.sections == 1 && undone.windows == 2 * days - 1)
    }
}
