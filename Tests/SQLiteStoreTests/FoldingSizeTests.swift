import Foundation
import GRDB
import MemoryModel
import PeakStore
import TestSupport
import Testing

@testable import SQLiteStore

/// What folding saves, as `Protocol/decisions/0019-tiny-runs-fold-in-the-store.md` has it.
@Suite(
    "The size of tiny runs",
    .enabled(
        if: ProcessInfo.processInfo.environment["HIGHWATER_FOLDING_SIZE"] != nil,
        "HIGHWATER_FOLDING_SIZE measures it"))
struct FoldingSizeTests {
    @Test("200,000 tiny runs take a small part of their room once they are folded")
    func twoHundredThousand() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        var generator = SeededGenerator(seed: 19)
        var tiny = TinyRuns()
        for host in 0..<20 {
            tiny.host = hostID("node-\(host)")
            tiny.boot = BootID(high: UInt64(host), low: 1)
            try store.commit(
                batch(
                    (1...10_000).map { number in
                        let program = "program-\(Int.random(in: 0..<12, using: &generator))"
                        return tiny.run(
                            number, UInt64.random(in: 200..<10_000, using: &generator) << 10,
                            program: RawText(program), at: number * 1_440 / 10_001,
                            after: Int64.random(in: 1_000..<60_000, using: &generator))
                    }))
        }
        let before = try sizes(store)
        var longest = 0.0
        var steps = 0
        var isMoreDue = true
        let start = Date()
        while isMoreDue {
            let step = Date()
            isMoreDue = try store.maintain(
                nowMilliseconds: minute(10_000), retention: .usual
            ).isMoreDue
            longest = max(longest, Date().timeIntervalSince(step))
            steps += 1
        }
        let whole = Date().timeIntervalSince(start)
        let after = try sizes(store)
        print("before: \(before)")
        print("after: \(after), \(steps) steps, \(whole) s, longest \(longest) s")
        #expect(after.bytes < before.bytes / 3)
    }

    private func sizes(_ store: SQLiteStore) throws -> (runs: Int64, folds: Int64, bytes: Int64) {
        try store.read { database in
            func number(_ sql: String) throws -> Int64 {
                try Int64.fetchOne(database, sql: sql) ?? 0
            }
            let pages =
                try number("PRAGMA page_count") - number("PRAGMA freelist_count")
            return (
                try number("SELECT count(*) FROM run"), try number("SELECT count(*) FROM fold"),
                try pages * number("PRAGMA page_size")
            )
        }
    }
}
