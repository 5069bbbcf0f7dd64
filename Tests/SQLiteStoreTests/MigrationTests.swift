import Foundation
import GRDB
import MemoryModel
import PeakStore
import TestSupport
import Testing

@testable import SQLiteStore

@Suite struct MigrationTests {
    @Test("A database of version 1 is read whole by this version and goes on taking runs")
    func versionOne() throws {
        let directory = try TemporaryFolder()
        try loadFixture(directory)
        let store = try SQLiteStore(dataDirectory: directory.data)
        #expect(store.storeID == StoreID(hexadecimal: "94d613a955c4488c8669f24a6c72221b"))
        try expectFixture(store)
        try store.commit(batch([plainRun(pid: 2)]))
        #expect(try everyRun(of: store) == [fullRun, plainRun(), plainRun(pid: 2)])
        #expect(try store.health().isEmpty)
        // What version 1 did not know is taken in of runs that it wrote.
        var run = plainRun()
        run.record.flags = .peakIsFinal
        run.record.faults = FaultCounts(minor: 1, major: 0)
        try store.commit(batch([run]))
        #expect(try store.runs([run.key]) == [run.key: run])
        try store.commit(fullFacts)
        #expect(try Facts(store).totals == Set(fullFacts.totals))
        var killed = fullRun
        killed.record.flags = .killedForMemory
        #expect(try store.runs([fullRun.key]) == [fullRun.key: killed])
    }

    @Test("A database of version 2 is read whole, and takes folds and purges")
    func versionTwo() throws {
        let directory = try TemporaryFolder()
        try loadFixture(directory, version: 2)
        let store = try SQLiteStore(dataDirectory: directory.data)
        try expectVersionTwo(store)
        #expect(try store.tombstones().isEmpty)
        #expect(try store.appliedOrdinals(of: fullHost.id, epoch: .max).isEmpty)
        try store.commit(fullFacts)
        #expect(try Facts(store).folds == Set(fullFacts.folds))
        let before = try (everyRun(of: store), Facts(store))
        let request = PurgeRequest(host: fullHost.id, sinceMilliseconds: -5, untilMilliseconds: 5)
        let outcome = try store.purge(request, nowMilliseconds: 0)
        #expect(outcome.runs == 1 && outcome.cgroups == 1 && outcome.folds == 1)
        #expect(outcome.totals == TotalKind.allCases.count - 1)
        #expect(try Facts(store).totals.map(\.subject.kind) == [.user])
        #expect(try store.undoPurge(outcome.tombstone.id) == outcome)
        #expect(try everyRun(of: store) == before.0)
        #expect(try Facts(store) == before.1)
    }

    @Test("A database of version 3 is read whole, and takes windows")
    func versionThree() throws {
        let directory = try TemporaryFolder()
        try loadFixture(directory, version: 3)
        let store = try SQLiteStore(dataDirectory: directory.data)
        try expectVersionThree(store)
        let run = plainRun()
        #expect(try store.minutes(of: .run(run.key), 0, 2) == "")
        try store.commit(
            CommitBatch(windows: [run.window(0, 5, 6)], coverage: run.coverage(0..<2)))
        #expect(try store.minutes(of: .run(run.key), 0, 2) == "5 5")
    }

    @Test("A step that is interrupted is taken again as a whole", arguments: [1, 2, 3])
    func interruptedStep(version: Int) throws {
        let directory = try TemporaryFolder()
        try loadFixture(directory, version: version)
        let step = Schema.steps[version]
        let broken =
            Schema.steps[..<version]
            + [SchemaStep(version: step.version, sql: step.sql + "SELECT nothing;")]
        #expect(throws: PeakStoreError.self) {
            try SQLiteStore(
                dataDirectory: directory.data, steps: Array(broken), maximumLogBytes: 1 << 20)
        }
        let store = try SQLiteStore(dataDirectory: directory.data)
        switch version {
        case 1: try expectFixture(store)
        case 2: try expectVersionTwo(store)
        default: try expectVersionThree(store)
        }
        try store.commit(fullFacts)
        #expect(try Facts(store).gaps == Set(fullFacts.gaps))
    }

    @Test("What this version makes anew is what it makes of older databases", arguments: [1, 2, 3])
    func sameSchema(version: Int) throws {
        let directory = try TemporaryFolder()
        try loadFixture(directory, version: version)
        try SQLiteStore(dataDirectory: directory.data).close()
        let other = try TemporaryFolder()
        try SQLiteStore(dataDirectory: other.data).close()
        let migrated = try schema(of: directory.database)
        #expect(migrated == (try schema(of: other.database)))
        #expect(migrated.count > 10)
    }

    @Test("A later version's step is taken once, keeps every row, and shuts older programs out")
    func laterStep() throws {
        let directory = try TemporaryFolder()
        try loadFixture(directory)
        let sql = "ALTER TABLE run ADD COLUMN note TEXT; UPDATE run SET note = run_id"
        let later = Schema.steps + [SchemaStep(version: SQLiteStore.schemaVersion + 1, sql: sql)]
        for _ in 0..<2 {
            let store = try SQLiteStore(
                dataDirectory: directory.data, steps: later, maximumLogBytes: 1 << 20)
            try expectFixture(store)
            try store.close()
        }
        let found = SQLiteStore.schemaVersion + 1
        #expect(
            throws: PeakStoreError.newerVersion(
                found: found, supported: SQLiteStore.schemaVersion)
        ) { try SQLiteStore(dataDirectory: directory.data) }
    }

    @Test("A step that fails leaves the database as it was, of the version before")
    func failingStep() throws {
        let directory = try TemporaryFolder()
        try loadFixture(directory)
        let sql = "DELETE FROM run; UPDATE nothing SET at_all = 1"
        let later = Schema.steps + [SchemaStep(version: SQLiteStore.schemaVersion + 1, sql: sql)]
        #expect(throws: PeakStoreError.self) {
            try SQLiteStore(
                dataDirectory: directory.data, steps: later, maximumLogBytes: 1 << 20)
        }
        try expectFixture(try SQLiteStore(dataDirectory: directory.data))
    }

    @Test("The views show runs and hosts by the names that reports use")
    func views() throws {
        let directory = try TemporaryFolder()
        try loadFixture(directory)
        let queue = try DatabaseQueue(path: directory.database)
        try queue.read { database in
            let run = try #require(
                try Row.fetchOne(
                    database, sql: "SELECT * FROM runs WHERE run_id = ?",
                    arguments: [fullRun.key.shortID]))
            #expect(run["host_id"] == "Full.host_1-2")
            #expect(run["boot_id"] == fullRun.boot.description)
            #expect(run["user"] == "nobody")
            #expect(run["peak_rss_bytes"] == Int64(1) << 50)
            #expect(run["peak_source"] == "exit")
            #expect(run["peak_not_after"] == "1970-01-01T00:00:00.009Z")
            #expect(run["peak_is_inherited"] == 0)
            #expect(run["cpu_seconds"] == 1.234)
            #expect(run["end_reason"] == "executed")
            #expect(run["exit_signal"] == 9)
            let host = try #require(
                try Row.fetchOne(
                    database, sql: "SELECT * FROM hosts WHERE host_id = 'Full.host_1-2'"))
            #expect(host["kernel_release"] == "6.18.0")
            #expect(host["open_runs"] == 0)
            #expect(host["last_heard_at"] == "1970-01-01T00:00:00.200Z")
        }
        try queue.close()
    }

    @Test("The views show flags, sums, cgroups, kills, gaps and agents in words")
    func factViews() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        var batch = fullFacts
        batch.runs = [fullRun]
        batch.hosts = [fullHost]
        try store.commit(batch)
        try store.close()
        let queue = try DatabaseQueue(path: directory.database)
        try queue.read { database in
            func first(_ sql: String) throws -> Row {
                try #require(try Row.fetchOne(database, sql: sql), "\(sql)")
            }
            let run = try first("SELECT * FROM runs")
            #expect(run["oom_killed"] == 1)
            #expect(run["peak_is_final"] == 0)
            let total = try first("SELECT * FROM totals WHERE kind = 'host_used'")
            #expect(total["hour"] == "1969-12-31T23:00:00.000Z")
            #expect(total["name"] == nil)
            #expect(total["peak_of_sum_bytes"] == Int64(1) << 50)
            let share = try first("SELECT * FROM total_shares ORDER BY rank DESC")
            #expect(share["rank"] == 1)
            #expect(share["rss_bytes"] == 7)
            let cgroup = try first("SELECT * FROM cgroups ORDER BY peak_bytes DESC")
            #expect(cgroup["peak_source"] == "cgroup")
            #expect(cgroup["peak_is_at_limit"] == 1)
            #expect(cgroup["boot_id"] == fullHost.boot.description)
            let kill = try first("SELECT * FROM oom_kills ORDER BY killed_at DESC")
            #expect(kill["run_id"] == fullRun.key.shortID)
            #expect(kill["limited_by"] == "cgroup")
            #expect(kill["limit_cgroup"] == "/limit")
            #expect(kill["killed_at"] == "1970-01-01T00:00:03.997Z")
            let bare = try first("SELECT * FROM oom_kills ORDER BY killed_at")
            #expect(bare["pid"] == nil)
            let gap = try first("SELECT * FROM gaps WHERE reason = 'exit_records_lost'")
            #expect(gap["missed"] == 970)
            let fold = try first("SELECT * FROM folds")
            #expect(fold["host_id"] == "Full.host_1-2")
            #expect(fold["runs"] == 3)
            #expect(fold["user"] == "1000")
            #expect(fold["peak_source"] == "exit")
            #expect(fold["ended_not_after"] == "1970-01-01T00:00:00.008Z")
            #expect(fold["cpu_seconds"] == 0.009)
            let agent = try first("SELECT * FROM agents")
            #expect(agent["asked_interval_seconds"] == 1.0)
            #expect(agent["longest_look_seconds"] == 0.099)
        }
        try queue.close()
    }

    private func expectFixture(_ store: SQLiteStore) throws {
        #expect(try everyRun(of: store) == [fullRun, plainRun()])
        #expect(try store.hosts() == [fullHost])
        #expect(try store.counters() == [fullHost.id: [.vanished: 7]])
    }

    private func expectVersionTwo(_ store: SQLiteStore) throws {
        var killed = fullRun
        killed.record.flags = .killedForMemory
        #expect(try everyRun(of: store) == [killed, plainRun()])
        #expect(try store.hosts() == [fullHost])
        #expect(try store.counters() == [fullHost.id: [.vanished: 7]])
        var facts = MergedFacts()
        var batch = fullFacts
        batch.folds = []
        facts.merge(batch)
        #expect(try Facts(store) == Facts(facts))
    }

    private func expectVersionThree(_ store: SQLiteStore) throws {
        var killed = fullRun
        killed.record.flags = .killedForMemory
        #expect(try everyRun(of: store) == [killed, plainRun()])
        #expect(try store.hosts() == [fullHost])
        #expect(try store.counters() == [fullHost.id: [.vanished: 7]])
        var facts = MergedFacts()
        facts.merge(fullFacts)
        #expect(try Facts(store) == Facts(facts))
        #expect(try store.tombstones().map(\.id) == [1])
        let fold = try #require(fullFacts.folds.first)
        #expect(try store.appliedOrdinals(of: fold.host, epoch: fold.epoch) == [.max ... .max])
    }

    private func loadFixture(_ directory: TemporaryFolder, version: Int = 1) throws {
        let fixture = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Fixtures/version-\(version).sql")
        let sql = try String(contentsOf: fixture, encoding: .utf8)
        try FileManager.default.createDirectory(
            atPath: directory.data, withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o700])
        let queue = try DatabaseQueue(path: directory.database)
        try queue.writeWithoutTransaction { try $0.execute(sql: sql) }
        try queue.close()
    }

    private func schema(of path: String) throws -> [String] {
        let queue = try DatabaseQueue(path: path)
        let sql = try queue.read {
            try String.fetchAll(
                $0, sql: "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
        }
        try queue.close()
        return sql
    }
}
