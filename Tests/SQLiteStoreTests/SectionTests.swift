import GRDB
import MemoryModel
import PeakStore
import Report
import TestSupport
import Testing

@testable import SQLiteStore

@Suite("Sections in the store")
struct SectionTests {
    private func section(
        _ name: RawText, of run: StoredRun, epoch: UInt64 = 1, bytes: UInt64 = 900,
        at: Int64? = 50, calls: UInt64 = 1
    ) -> StoredSection {
        let bracket = at.map {
            TimeBracket(notBeforeMilliseconds: $0 - 5, notAfterMilliseconds: $0)
        }
        var record = SectionRecord(
            key: SectionKey(run: run.record.key, name: name),
            firstCall: SectionCall(
                peak: Peak(bytes: bytes, bracket: bracket, source: .hwm), growthBytes: bytes / 2,
                microseconds: 7, flags: [.shared]))
        record.callCount = calls
        record.totalMicroseconds = calls * 7
        return StoredSection(host: run.host, boot: run.boot, epoch: epoch, record: record)
    }

    private func commit(_ sections: [StoredSection], to store: SQLiteStore) throws {
        var batch = CommitBatch()
        batch.sections = sections
        try store.commit(batch)
    }

    @Test("Copies merge, those of two starts of an agent add up, and all is there after reopening")
    func merging() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        let run = plainRun()
        let name = RawText([0xC3, 0x28])
        let first = section(name, of: run, bytes: 900, calls: 3)
        var earlier = first
        earlier.record.peak.bytes = 800
        earlier.record.callCount = 2
        earlier.record.flags = [.sampled]
        try commit([first], to: store)
        try commit([earlier, section("small", of: run, bytes: 10)], to: store)
        try commit([section(name, of: run, epoch: .max, bytes: 950, calls: 4)], to: store)
        for reopened in [false, true] {
            if reopened { try store.close() }
            let store = reopened ? try SQLiteStore(dataDirectory: directory.data) : store
            let found = try #require(try store.sections(of: [run.key])[run.key])
            #expect(found.map(\.key.name) == [name, "small"])
            #expect(found[0].peak.bytes == 950)
            #expect(found[0].callCount == 7)
            #expect(found[0].totalMicroseconds == 49)
            #expect(found[0].flags == [.shared, .sampled])
        }
    }

    @Test("Any order of any copies leaves what the model has")
    func order() throws {
        var random = SeededGenerator(seed: 91)
        let run = plainRun()
        let all = (0..<60).map { _ in
            section(
                ["a", "b"].randomElement(using: &random) ?? "a", of: run,
                epoch: UInt64.random(in: 1...2, using: &random),
                bytes: UInt64.random(in: 1...3, using: &random),
                at: random.one(in: 3) ? nil : Int64.random(in: 1...3, using: &random),
                calls: UInt64.random(in: 1...9, using: &random))
        }
        var expected: [SectionRecord]?
        for _ in 0..<4 {
            let directory = try TemporaryFolder()
            let store = try SQLiteStore(dataDirectory: directory.data)
            let model = MemoryStore()
            for section in all.shuffled(using: &random) + all.prefix(9) {
                try commit([section], to: store)
                var batch = CommitBatch()
                batch.sections = [section]
                try model.commit(batch)
            }
            let found = try store.sections(of: [run.key])[run.key]
            #expect(found == model.sections(of: [run.key])[run.key])
            expected = expected ?? found
            #expect(found == expected)
        }
    }

    @Test("A query finds the runs that have sections, by the filters of runs")
    func finding() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        let runs = [plainRun(pid: 1), plainRun(pid: 2), plainRun(host: hostID("beta"), pid: 3)]
        try store.commit(batch(runs))
        try commit([section("a", of: runs[0]), section("a", of: runs[2])], to: store)
        func found(_ change: (inout ReportQuery) -> Void = { _ in }) throws -> Set<Int32> {
            var query = ReportQuery()
            change(&query)
            return Set(
                try store.runs(having: .sections, matching: query, limit: 10)
                    .map(\.record.key.pid))
        }
        #expect(try found() == [1, 3])
        #expect(try found { $0.program = Glob("plain*") } == [1, 3])
        #expect(try found { $0.program = Glob("other") } == [])
        #expect(
            try store.runs(having: .sections, matching: ReportQuery(), limit: 1).count == 1)
    }

    @Test("A purge takes sections by the time of their peak, keeps copies out, and gives them back")
    func purging() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        let run = plainRun()
        try store.commit(batch([run]))
        let old = section("old", of: run, at: 50)
        let late = section("late", of: run, at: 500)
        let timeless = section("timeless", of: run, at: nil)
        try commit([old, late, timeless], to: store)
        func names() throws -> Set<RawText> {
            Set(try store.sections(of: [run.key])[run.key]?.map(\.key.name) ?? [])
        }
        let request = PurgeRequest(host: run.host, sinceMilliseconds: 0, untilMilliseconds: 60)
        let outcome = try store.purge(request, nowMilliseconds: 99)
        #expect(try names() == ["late", "timeless"])
        try commit([old], to: store)
        #expect(try names() == ["late", "timeless"])
        _ = try store.undoPurge(outcome.tombstone.id)
        #expect(try names() == ["old", "late", "timeless"])
    }

    @Test("Sections go with their runs, and names with their sections")
    func retention() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        var ended = plainRun(pid: 1)
        ended.record.end = RunEnd(
            bracket: TimeBracket(notBeforeMilliseconds: 60, notAfterMilliseconds: 60),
            reason: .exited)
        let lives = plainRun(pid: 2)
        try store.commit(batch([ended, lives]))
        try commit(
            [section("gone", of: ended, at: 50), section("kept", of: lives, at: 50)], to: store)
        let day = WindowLength.day.milliseconds
        var retention = Retention.usual
        retention.runsMilliseconds = day
        retention.folding = nil
        try store.sweepSoon()
        while try store.maintain(nowMilliseconds: 2 * day, retention: retention).isMoreDue {}
        #expect(try store.sections(of: [ended.key]).isEmpty)
        #expect(try store.sections(of: [lives.key])[lives.key]?.count == 1)
        let names = try DatabaseQueue(path: directory.database).read {
            try String.fetchSet($0, sql: "SELECT CAST(bytes AS TEXT) FROM name")
        }
        #expect(names.contains("kept"))
        #expect(!names.contains("gone"))
    }

    @Test("The view has a row for each section of a run")
    func view() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        let run = plainRun()
        try store.commit(batch([run]))
        try commit(
            [section("a", of: run, calls: 2), section("a", of: run, epoch: 2, bytes: 950)],
            to: store)
        let row = try DatabaseQueue(path: directory.database).read {
            try Row.fetchOne(
                $0, sql: "SELECT section, program, peak_bytes, calls, is_shared FROM sections")
        }
        #expect(row?["section"] == "a")
        #expect(row?["program"] == "plain")
        #expect(row?["peak_bytes"] == 950)
        #expect(row?["calls"] == 3)
        #expect(row?["is_shared"] == 1)
    }
}
