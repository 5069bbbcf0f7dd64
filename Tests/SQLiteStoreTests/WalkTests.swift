import Foundation
import GRDB
import Glibc
import MemoryModel
import PeakStore
import TestSupport
import Testing

@testable import SQLiteStore

@Suite("Long reads: walks over all runs, and copies") struct WalkTests {
    private let directory: TemporaryFolder

    init() throws {
        directory = try TemporaryFolder()
    }

    private func open(maximumLogBytes: Int64 = 1 << 20) throws -> SQLiteStore {
        try SQLiteStore(
            dataDirectory: directory.data, steps: Schema.steps, maximumLogBytes: maximumLogBytes)
    }

    /// Runs with so much to write that a few batches fill a megabyte of log.
    private func batch(number: Int, hosts: Int = 3) -> CommitBatch {
        SQLiteStoreTests.batch(
            (0..<300).map { index in
                let command = String(repeating: "\(number)-\(index) ", count: 30)
                let key = ProcessKey(
                    pid: Int32(number * 300 + index + 1),
                    startTicks: index % 5 == 0 ? .max : UInt64(index))
                var description = RunDescription(program: "plain", comm: "plain")
                description.command = RawText(command)
                return StoredRun(
                    host: hostID("h\(index % hosts)"),
                    boot: BootID(high: 1, low: UInt64(number % 2)),
                    record: RunRecord(key: key, description: description))
            })
    }

    @Test(
        "a walk finds each run once, however many it takes at once", arguments: [1, 7, 300, 5_000])
    func walk(limit: Int) throws {
        let store = try open()
        for number in 0..<3 { try store.commit(batch(number: number)) }
        var found: [RunKey] = []
        var position: RunKey?
        repeat {
            let page = try store.runs(after: position, limit: limit)
            #expect(page.count <= limit)
            found += page.map(\.key)
            position = page.last?.key
        } while position != nil
        #expect(found.count == 900)
        #expect(Set(found) == Set(try everyRun(of: store).map(\.key)))
    }

    @Test("a slow walk beside commits leaves the log as short as it would be without")
    func walkAndLog() throws {
        let store = try open()
        try store.commit(batch(number: 0))
        var position: RunKey?
        var written: Int64 = 0
        var longest: Int64 = 0
        for number in 1..<40 {
            position = try store.runs(after: position, limit: 5).last?.key
            let before = store.writeAheadLogBytes()
            try store.commit(batch(number: number))
            let after = store.writeAheadLogBytes()
            written += max(0, after - before)
            longest = max(longest, after)
        }
        #expect(position != nil)
        #expect(written > 6 << 20)
        #expect(longest < 3 << 20)
    }

    @Test("a copy is the database as it was when it began, whole and without a log beside it")
    func copy() throws {
        let store = try open()
        for number in 0..<30 { try store.commit(batch(number: number)) }
        let expected = try everyRun(of: store)
        var steps: [StoreCopy.Progress] = []
        var isFirst = true
        try StoreCopy(dataDirectory: directory.data).copy(to: directory.path + "/copy") { step in
            if isFirst {
                isFirst = false
                try store.commit(self.batch(number: 99))
            }
            steps.append(step)
        }
        #expect(steps.last.map { $0.copiedBytes == $0.totalBytes } == true)
        #expect(steps.count > 1)
        #expect(access(directory.path + "/copy-wal", F_OK) != 0)
        var configuration = Configuration()
        configuration.readonly = true
        let copy = try DatabaseQueue(path: directory.path + "/copy", configuration: configuration)
        let (count, integrity) = try copy.read { database in
            (
                try Int.fetchOne(database, sql: "SELECT count(*) FROM run"),
                try String.fetchOne(database, sql: "PRAGMA integrity_check")
            )
        }
        #expect(count == expected.count)
        #expect(integrity == "ok")
        #expect(try everyRun(of: store).count == expected.count + 300)
    }

    @Test("a copy that takes too long is given up, and the log is cut again")
    func copyIsBounded() throws {
        let store = try open()
        for number in 0..<70 { try store.commit(batch(number: number)) }
        var number = 100
        let copy = StoreCopy(dataDirectory: directory.data, maximumLogBytes: 2 << 20)
        let error = #expect(throws: PeakStoreError.self) {
            try copy.copy(to: directory.path + "/copy") { step in
                // So much comes in while a step is copied.
                for _ in 0..<20 where step.copiedBytes < step.totalBytes {
                    try store.commit(self.batch(number: number))
                    number += 1
                }
            }
        }
        guard case .refused(let reason) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.contains("2 MiB"))
        try store.commit(batch(number: number + 1))
        #expect(store.writeAheadLogBytes() < 1 << 20)
    }

    @Test("a read that keeps the log from being cut for too long is ended, and says what to do")
    func endlessRead() async throws {
        let store = try open()
        try store.commit(batch(number: 0))
        let isReading = Flag()
        let isOver = Flag()
        // A thread of its own, so that it reads although this task holds one of the few for tasks.
        let (failures, failure) = AsyncStream.makeStream(of: (any Error).self)
        Thread.detachNewThread {
            defer { isOver.raise() }
            do {
                try WalkTests.readForever(store, isReading)
            } catch {
                failure.yield(error)
            }
            failure.finish()
        }
        while !isReading.isRaised { try await Task.sleep(for: .milliseconds(1)) }
        var number = 1
        var longest: Int64 = 0
        // It is ended long before that.
        while !isOver.isRaised, number < 2_000 {
            try store.commit(batch(number: number))
            number += 1
            longest = max(longest, store.writeAheadLogBytes())
        }
        try #require(isOver.isRaised)
        let error = await failures.first { _ in true }
        #expect(error is PeakStoreError)
        // Twice of what it may have without readers, and what came in until the read had ended.
        #expect(longest >= 2 << 20)
        #expect(longest < 12 << 20)
        try store.commit(batch(number: number))
        #expect(store.writeAheadLogBytes() < 1 << 20)
    }

    @Test("the usual log is cut above 256 MiB, and reads in the way are ended above 512 MiB")
    func usualBounds() {
        #expect(SQLiteStore.defaultMaximumLogBytes == 256 << 20)
        #expect(
            SQLiteStore.defaultMaximumLogBytes * SQLiteStore.patienceWithReads == 512 << 20)
    }

    /// Counts without end in one read.
    private static func readForever(_ store: SQLiteStore, _ isReading: Flag) throws {
        _ = try store.read { database in
            // The transaction has its snapshot from here on.
            _ = try Int.fetchOne(database, sql: "SELECT count(*) FROM run")
            isReading.raise()
            return try Int.fetchOne(
                database,
                sql: """
                    WITH RECURSIVE number (value) AS (
                        SELECT count(*) FROM run UNION ALL SELECT value + 1 FROM number)
                    SELECT count(*) FROM number
                    """)
        }
    }

    @Test("what is not there, and another program's database, is not copied")
    func refusals() throws {
        let target = directory.path + "/copy"
        #expect(throws: PeakStoreError.self) {
            try StoreCopy(dataDirectory: directory.path + "/none").copy(to: target) { _ in }
        }
        mkdir(directory.data, 0o700)
        let other = try DatabaseQueue(path: directory.database)
        try other.write { try $0.execute(sql: "CREATE TABLE a (b)") }
        try other.close()
        #expect(throws: PeakStoreError.self) {
            try StoreCopy(dataDirectory: directory.data).copy(to: target) { _ in }
        }
    }
}
