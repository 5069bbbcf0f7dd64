import GRDB
import MemoryModel
import PeakStore
import TestSupport
import Testing

@testable import SQLiteStore

@Suite("Names that nothing refers to")
struct NameSweepTests {
    private let kept = Retention(
        minutesMilliseconds: 1 << 50, hoursMilliseconds: 1 << 50, daysMilliseconds: 1 << 50,
        runsMilliseconds: 1 << 50)

    private func names(_ store: SQLiteStore) throws -> [Int64: RawText] {
        try store.read { database in
            let row = try PreparedStatement("SELECT id, bytes FROM name", on: database)
            defer { row.reset() }
            var names: [Int64: RawText] = [:]
            while try row.step() { names[row.integer(0)] = RawText(row.bytes(1)) }
            return names
        }
    }

    private func sweep(_ store: SQLiteStore) throws -> Int {
        try store.sweepSoon()
        return try store.maintain(at: minute(0), kept).names
    }

    private func named(_ program: RawText, pid: Int32 = 1) -> StoredRun {
        var run = plainRun(pid: pid)
        run.record.description.program = program
        run.record.description.comm = program
        return run
    }

    private func delete(_ table: String, _ store: SQLiteStore) throws {
        try store.write { database, _ in try database.execute(sql: "DELETE FROM \(table)") }
    }

    @Test("a name goes with the last that has it, and its number may be another's at once")
    func numbers() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        try store.commit(batch([named("first"), named("second", pid: 2)]))
        #expect(try sweep(store) == 0)
        let before = try names(store)
        #expect(Set(before.values) == ["first", "second"])
        try store.write { database, _ in
            try database.execute(sql: "DELETE FROM run WHERE pid = 2")
        }
        #expect(try sweep(store) == 1)
        #expect(Set(try names(store).values) == ["first"])
        // SQLite gives the number of the one that went to the next; the cache must not know better.
        try store.commit(batch([named("third", pid: 3)]))
        let after = try names(store)
        #expect(Set(after.keys) == Set(before.keys))
        try store.commit(batch([named("second", pid: 4)]))
        let programs = try everyRun(of: store).map(\.record.description.program)
        #expect(programs == ["first", "third", "second"])
    }

    @Test("every column of the database that refers to a name is looked at")
    func everyColumn() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        let (columns, keys) = try store.read { database in
            let tables = try String.fetchAll(
                database, sql: "SELECT name FROM sqlite_master WHERE type = 'table'")
            var columns: Set<String> = []
            var keys: Set<String> = []
            for table in tables {
                let list = "PRAGMA foreign_key_list(\(table))"
                for row in try Row.fetchAll(database, sql: list) where row["table"] == "name" {
                    let column: String = row["from"]
                    columns.insert("\(table).\(column)")
                }
                let info = "PRAGMA table_info(\(table))"
                for row in try Row.fetchAll(database, sql: info) {
                    let (column, place): (String, Int) = (row["name"], row["pk"])
                    if place > 0 { keys.insert("\(table).\(column)") }
                }
            }
            return (columns, keys)
        }
        #expect(columns.count > 20)
        let looked = SweptTable.all.flatMap { table in table.names.map { "\(table.name).\($0)" } }
        #expect(Set(looked) == columns)
        for table in SweptTable.all {
            let own = keys.filter { $0.hasPrefix("\(table.name).") }
            #expect(Set(table.key.map { "\(table.name).\($0)" }) == own)
        }
    }

    @Test("names of every kind of fact, of what was purged and of hours and days stay")
    func everyKind() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        var all = CommitBatch(
            windows: [named("windowed").window(0, 5, 5)],
            coverage: named("windowed").coverage(0..<2))
        all.runs = [named("windowed"), fullRun]
        all.hosts = [fullHost]
        try store.commit(all)
        try store.commit(fullFacts)
        try store.maintain(at: minute(600), kept)
        let before = Set(try names(store).values)
        let facts = try Facts(store)
        // What hours and days hold of a program stays when its runs are gone.
        try delete("run", store)
        let request = PurgeRequest(
            host: hostID("alpha"), sinceMilliseconds: .min, untilMilliseconds: .max)
        let purge = try store.purge(request, nowMilliseconds: 1)
        #expect(try sweep(store) > 0)
        #expect(try names(store).values.contains("windowed") == false)
        _ = try store.undoPurge(purge.tombstone.id)
        #expect(try Facts(store) == facts)
        #expect(before.isSuperset(of: try names(store).values))
    }

    @Test("hours and days of a program keep its name when its runs are gone")
    func tiers() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        let run = named("windowed")
        try store.commit(
            CommitBatch(
                runs: [run], windows: [run.window(0, 5, 5)], coverage: run.coverage(0..<2)))
        try store.maintain(at: minute(600), kept)
        try delete("run", store)
        #expect(try sweep(store) == 0)
        let points = try store.history(
            of: .program("windowed", on: nil), sinceMilliseconds: minute(0),
            untilMilliseconds: minute(60), length: .hour, limit: 9)
        #expect(points.compactMap(\.window).map(\.atLeastBytes) == [5])
        try delete("subject_block", store)
        #expect(try sweep(store) == 1)
    }

    @Test("A damaged row that refers to a name far beyond all others costs no memory, and no name")
    func farAway() throws {
        var marks = NameMarks(through: 1_000)
        for id in [3, 1_000, 1_001, 1 << 31, .max, -5] as [Int64] { marks.insert(id) }
        #expect(marks.capacity < 1_100)
        #expect([3, 1_000, 1_001, 1 << 31].allSatisfy { marks.contains($0) })
        #expect(!marks.contains(4))
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        try store.commit(batch([named("first"), named("second", pid: 2)]))
        try store.write { database, _ in
            try database.execute(sql: "UPDATE run SET unit = 4294967295 WHERE pid = 1")
            try database.execute(sql: "DELETE FROM run WHERE pid = 2")
        }
        try store.sweepSoon()
        var most = 0
        while try store.maintain(nowMilliseconds: minute(0), retention: kept).isMoreDue {
            most = max(most, try store.write { $1.names.marks?.capacity ?? 0 })
        }
        #expect(most > 0 && most < 1_000)
        #expect(Set(try names(store).values) == ["first"])
    }

    @Test(
        "Whatever is written and removed beside a sweep, no name is missing and none left over",
        arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
    func anyOrder(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let directory = try TemporaryFolder()
        var store = try SQLiteStore(dataDirectory: directory.data)
        var facts = RandomFacts(seed: seed)
        var removed = 0
        try store.commit(facts.batch())
        for round in 0..<300 {
            switch Int.random(in: 0..<8, using: &generator) {
            case 0, 1:
                let program = RawText("p\(Int.random(in: 0..<40, using: &generator))")
                let pid = Int32.random(in: 1...20, using: &generator)
                try store.commit(batch([named(program, pid: pid)]))
            case 2:
                let pid = Int.random(in: 1...20, using: &generator)
                try store.write { database, _ in
                    try database.execute(sql: "DELETE FROM run WHERE pid = \(pid)")
                }
            case 3 where generator.one(in: 4): try store.commit(facts.batch())
            case 4 where generator.one(in: 6): try undoOrPurge(store, &generator)
            case 5 where generator.one(in: 10):
                try store.close()
                store = try SQLiteStore(dataDirectory: directory.data)
            case 6: try store.sweepSoon()
            default:
                removed += try store.maintain(nowMilliseconds: minute(0), retention: kept)
                    .counts.names
            }
            // A name that is missing makes reading throw.
            let comment: Comment = "seed \(seed), round \(round)"
            #expect(throws: Never.self, comment) {
                _ = try (everyRun(of: store), Facts(store))
                for tombstone in try store.tombstones() {
                    try store.read { try readPurged(tombstone.id, $0) }
                }
            }
        }
        #expect(removed > 10, "seed \(seed)")
        _ = try sweep(store)
        #expect(try sweep(store) == 0, "seed \(seed)")
    }

    private func readPurged(_ tombstone: Int64, _ database: Database) throws {
        var totals = try TotalReader(database, setAsideUnder: tombstone)
        _ = try totals.totals(setAsideUnder: tombstone, limit: 10_000)
        var cgroups = try CgroupReader(database)
        _ = try cgroups.cgroups(setAsideUnder: tombstone, limit: 10_000)
        var folds = try FoldReader(database)
        _ = try folds.folds(setAsideUnder: tombstone, limit: 10_000)
    }

    private func undoOrPurge(
        _ store: SQLiteStore, _ generator: inout SeededGenerator
    ) throws {
        if let standing = try store.tombstones().first, generator.one(in: 2) {
            _ = try store.undoPurge(standing.id)
            return
        }
        let request = PurgeRequest(
            host: hostID("alpha"), sinceMilliseconds: 0,
            untilMilliseconds: Int64.random(in: 0..<8, using: &generator))
        _ = try store.purge(request, nowMilliseconds: 1)
    }
}
