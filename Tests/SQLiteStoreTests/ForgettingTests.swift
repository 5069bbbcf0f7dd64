import GRDB
import MemoryModel
import PeakStore
import TestSupport
import Testing

@testable import SQLiteStore

@Suite("A host that is forgotten")
struct ForgettingTests {
    private let kept = Retention(
        minutesMilliseconds: 1 << 50, hoursMilliseconds: 1 << 50, daysMilliseconds: 1 << 50,
        runsMilliseconds: 1 << 50)

    private func counts(_ store: SQLiteStore) throws -> [String: Int] {
        try store.read { database in
            let tables = try String.fetchAll(
                database,
                sql: """
                    SELECT name FROM sqlite_master
                    WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
                    """)
            return try Dictionary(
                uniqueKeysWithValues: tables.map { table in
                    (table, try Int.fetchOne(database, sql: "SELECT count(*) FROM \(table)") ?? -1)
                })
        }
    }

    /// Everything that there can be of a host: facts of every kind, minutes packed and not, and
    /// what was purged.
    private func fill(_ store: SQLiteStore, _ host: HostID) throws {
        var facts = fullFacts
        var stored = fullHost
        stored.id = host
        let run = plainRun(host: host)
        facts.hosts = [stored]
        facts.runs = [run]
        for hour in 0..<3 {
            facts.windows.append(run.window(hour * 60, UInt64(10 + hour), 90))
            facts.coverage += run.coverage(hour * 60..<hour * 60 + 60)
        }
        let name = fullHost.id
        func moved<Value>(_ list: [Value], _ path: WritableKeyPath<Value, HostID>) -> [Value] {
            list.map { value in
                var value = value
                if value[keyPath: path] == name { value[keyPath: path] = host }
                return value
            }
        }
        var growth = GrowthRecord(run: run.record.key)
        growth.lines = [PythonLine(file: "a.py", function: "f", line: 1): 5]
        growth.peakStack = GrowthRecord.PeakStack(
            residentBytes: 5, lines: Array(growth.lines.keys))
        facts.growth = [
            StoredGrowth(host: host, boot: run.boot, epoch: 1, record: growth)
        ]
        let peak = Peak(bytes: 5, bracket: nil, source: .sampled)
        let section = SectionRecord(
            key: SectionKey(run: run.record.key, name: "load"),
            firstCall: SectionCall(peak: peak, growthBytes: 1, microseconds: 1, flags: []))
        facts.sections = [
            StoredSection(host: host, boot: run.boot, epoch: 1, record: section)
        ]
        facts.totals = moved(facts.totals, \.host)
        facts.cgroups = moved(facts.cgroups, \.host)
        facts.kills = moved(facts.kills, \.host)
        facts.gaps = moved(facts.gaps, \.host)
        facts.folds = moved(facts.folds, \.host)
        facts.health = moved(facts.health, \.host)
        facts.counters = moved(facts.counters, \.host)
        try store.commit(facts)
        try store.maintainAll(at: minute(600), kept)
        _ = try store.purge(
            PurgeRequest(host: host, sinceMilliseconds: .min, untilMilliseconds: minute(70)),
            nowMilliseconds: 1)
        // And all of it once more that the purge let through.
        try store.commit(CommitBatch(windows: [run.window(200, 5, 5)]))
    }

    @Test("Nothing of it is left in any table, and all of others is")
    func everything() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        try fill(store, hostID("stays"))
        try store.maintainAll(at: minute(600), kept)
        let before = try counts(store)
        try fill(store, hostID("gone"))
        let both = try counts(store)
        let grown = both.filter { $0.value > before[$0.key] ?? 0 }.keys
        #expect(grown.count > 15, "\(grown.sorted())")
        let contents = try #require(try store.contents(of: hostID("gone")))
        #expect(try store.forget(hostID("gone")) == contents)
        #expect(contents.runs == 1 && contents.hours > 0)
        var after = try counts(store)
        // Names go with the next sweep.
        after["name"] = before["name"]
        #expect(after == before)
        #expect(try store.forget(hostID("gone")) == nil)
        #expect(try store.hosts().map(\.id) == [hostID("stays")])
        // The caches know nothing of it.
        try fill(store, hostID("gone"))
        #expect(try counts(store).filter { $0.key != "name" } == both.filter { $0.key != "name" })
    }
}
