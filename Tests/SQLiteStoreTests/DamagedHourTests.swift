import Foundation
import GRDB
import MemoryModel
import PeakStore
import Report
import TestSupport
import Testing

@testable import SQLiteStore

/// Bits that a disk turned, which SQLite does not find.
@Suite("What is damaged on the disk")
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
        // The hour after the one that was packed begins otherwise now.
        let next = try store.maintain(nowMilliseconds: minute(1_000), retention: .everything)
        #expect(next.damagedHours.isEmpty && next.counts.packedHours == 1)
        let last = try store.maintain(nowMilliseconds: minute(1_000), retention: .everything)
        #expect(last.damagedHours.isEmpty && !last.isMoreDue)
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
        #expect(try store.minutes(of: .run(run.key), 180, 182) == "? ?")
    }

    @Test("A damaged sum of a day stops no sweep, which then leaves all names, and is told of once")
    func sweep() throws {
        let store = try store()
        var other = plainRun(pid: 9)
        other.record.description.program = "unused"
        try store.commit(batch([other]))
        try store.write { database, _ in
            try database.execute(sql: "DELETE FROM run WHERE pid = 9")
        }
        try damage("subject_block", where: "length = 2")
        func sweep() throws -> (stretches: [DamagedHour], names: Int) {
            try store.sweepSoon()
            var stretches: [DamagedHour] = []
            var names = 0
            while true {
                let outcome = try store.maintain(
                    nowMilliseconds: minute(1_000), retention: .everything)
                stretches += outcome.damagedStretches
                names += outcome.counts.names
                if !outcome.isMoreDue { return (stretches, names) }
            }
        }
        let first = try sweep()
        #expect(first.stretches.map(\.host) == [run.host] && first.names == 0)
        let second = try sweep()
        #expect(second.stretches.isEmpty && second.names == 0)
        // A block that is made anew names what it has again.
        try store.commit(CommitBatch(windows: [run.window(2, 70, 70)]))
        try store.maintainAll(at: minute(1_000), .everything)
        #expect(try sweep().names == 1)
    }

    @Test("Blocks of hours and days with numbers that no name has are refused, and harm nothing")
    func subjects() throws {
        func block(_ program: [Int64], user: UInt64, most: [Int64] = [5]) -> [UInt8] {
            var columns = [BlockColumn](repeating: BlockColumn(), count: 8)
            for program in program {
                columns[0].append(signed: program)
                columns[1].append(user)
                columns[2].append(0)
                columns[3].append(UInt64(most.count))
                for (slot, most) in most.enumerated() {
                    columns[4].append(UInt64(slot))
                    columns[5].append(0)
                    columns[6].append(signed: most)
                    columns[7].append(1)
                }
            }
            return BlockColumns.block(of: columns, format: 2)
        }
        let sound = try SubjectWindows(block: block([3, 4], user: 2), covered: 1)
        #expect(sound.windows.keys.map(\.program).sorted() == [3, 7])
        #expect(try SubjectWindows(block: sound.block, covered: 1) == sound)
        for damaged in [
            block([-1], user: 0), block([3, -4], user: 0), block([.max, 1], user: 0),
            block([.max, .max], user: 0), block([1], user: .max),
        ] {
            #expect(throws: DamagedRow.self) { try SubjectWindows(block: damaged, covered: 1) }
            #expect(throws: DamagedRow.self) { try SubjectWindows.subjects(in: damaged) }
        }
        for most in [[-1], [.max, 1], [.max, .max, 5]] as [[Int64]] {
            let damaged = block([1], user: 0, most: most)
            #expect(throws: DamagedRow.self) { try SubjectWindows(block: damaged, covered: 1) }
        }
    }

    @Test("A run whose user no name can be leaves its hour unpacked, and a purge goes on beside it")
    func names() throws {
        let store = try store()
        try store.write { database, _ in
            try database.execute(sql: "UPDATE run SET user = -5")
        }
        try store.commit(CommitBatch(windows: [run.window(2, 70, 70)]))
        let outcome = try store.maintain(nowMilliseconds: minute(1_000), retention: .everything)
        #expect(outcome.damagedHours.map(\.startsAtMilliseconds) == [minute(0)])
        _ = try store.purge(
            PurgeRequest(
                host: run.host, sinceMilliseconds: minute(0), untilMilliseconds: minute(30)),
            nowMilliseconds: minute(1_000))
    }

    @Test("An image that no number of 32 bits is comes out as damage, and not as another one")
    func image() throws {
        // What a writer of this format would make of such a run.
        var bits = RangeWriter()
        var models = MinuteModels()
        _ = bits.code(even: 0, bits: 6)
        _ = bits.code(1, &models.count)
        _ = bits.code(5, &models.pid)
        _ = bits.code(false, &models.isEarlier)
        _ = bits.code(7, &models.ticks)
        _ = bits.code(1 << 32, &models.image)
        let flags: [WritableKeyPath<MinuteModels, BitModel>] = [\.isCarried, \.hasHour, \.hasOwn]
        for model in flags {
            _ = bits.code(false, &models[keyPath: model])
        }
        let block = [PackedMinutes.format] + bits.finished()
        #expect(throws: DamagedRow.self) { try PackedMinutes.hour(of: block) }
    }

    @Test("Hours and runs at the ends of all time are read, packed, swept and purged like others")
    func ends() throws {
        let store = try store()
        let hour = WindowLength.hour.milliseconds
        let ends = [Int64.min, .min + 1, .min + hour, .max, .max - 1, .max - hour]
        try store.write { database, _ in
            for end in ends {
                try database.execute(
                    sql: """
                        INSERT INTO window_hour VALUES (1, ?1, -1, 1, 1, 0);
                        """, arguments: [end])
                try database.execute(
                    sql: """
                        INSERT INTO window (boot, pid, start_ticks, image, starts_at_ms, length,
                            at_least_bytes, at_most_bytes) VALUES (1, 1, 7, 0, ?1, 1, 5, 5)
                        """, arguments: [end])
                for length in [2, 3] {
                    try database.execute(
                        sql: """
                            INSERT INTO subject_block
                                (host, length, starts_at_ms, covered, block_bytes, block)
                            VALUES (1, ?1, ?2, -1, 9, ?3)
                            """,
                        arguments: [length, end, Data(SubjectWindows().block)])
                }
            }
        }
        func read() throws {
            for subject in [HistorySubject.run(run.key), .program("plain", on: nil)] {
                for length in WindowLength.allCases {
                    _ = try store.history(
                        of: subject, sinceMilliseconds: .min, untilMilliseconds: .max,
                        length: length, limit: 9)
                }
            }
            _ = try store.windows(
                of: [run.key], sinceMilliseconds: .min, untilMilliseconds: .max)
        }
        try read()
        for end in [Int64.max, .min] {
            try store.write { database, _ in
                try database.execute(
                    sql: """
                        UPDATE run SET end_reason = 1, ended_not_before_ms = ?1,
                            ended_not_after_ms = ?1
                        """, arguments: [end])
            }
            try read()
            try store.maintainAll(at: .max - (1 << 53), .everything)
            try read()
        }
        let request = PurgeRequest(
            host: run.host, sinceMilliseconds: .min, untilMilliseconds: .max)
        let purge = try store.purge(request, nowMilliseconds: 1)
        _ = try store.undoPurge(purge.tombstone.id)
        try store.maintainAll(at: minute(1_000), .everything)
        try read()
    }
}

extension Retention {
    /// Nothing goes.
    fileprivate static let everything = Retention(
        minutesMilliseconds: 1 << 50, hoursMilliseconds: 1 << 50, daysMilliseconds: 1 << 50,
        runsMilliseconds: 1 << 50)
}
