import GRDB
import MemoryModel
import PeakStore
import SQLiteStore
import Synchronization
import TestSupport
import Testing

@Suite struct ConcurrencyTests {
    @Test("Reads beside commits see whole batches, never fewer than before")
    func readsDuringCommits() async throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        let isDone = Flag()
        let wasReadBetween = Flag()
        let counts = try await withThrowingTaskGroup(of: [Int].self) { group in
            group.addTask {
                defer { isDone.raise() }
                // Until a read fell between two commits, or nothing would be proved.
                for number in 0..<5_000 where number < 60 || !wasReadBetween.isRaised {
                    let first = Int32(number * 10) + 1
                    try store.commit(batch((first..<first + 10).map { plainRun(pid: $0) }))
                    // Other tests may hold all other threads; those who read need this one, too.
                    await Task.yield()
                }
                return []
            }
            for _ in 0..<3 {
                group.addTask {
                    var counts: [Int] = []
                    while !isDone.isRaised {
                        let count = try everyRun(of: store).count
                        if count > 0 { wasReadBetween.raise() }
                        counts.append(count)
                        await Task.yield()
                    }
                    return counts
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        for seen in counts {
            #expect(seen.allSatisfy { $0 % 10 == 0 })
            #expect(seen == seen.sorted())
        }
        #expect(wasReadBetween.isRaised)
        #expect(try everyRun(of: store).count >= 600)
    }

    @Test("Commits from many threads at once all arrive")
    func commitsFromManyThreads() async throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for pid in Int32(1)...40 {
                group.addTask { try store.commit(batch([plainRun(pid: pid)])) }
            }
            try await group.waitForAll()
        }
        #expect(try everyRun(of: store).map(\.record.key.pid) == Array(1...40))
    }
}

/// Something that happened, seen from other threads.
final class Flag: Sendable {
    private let value = Atomic(false)

    var isRaised: Bool { value.load(ordering: .acquiring) }

    func raise() { value.store(true, ordering: .releasing) }

    @Test("While another program holds the database the store says so, and then goes on")
    func locked() throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: folder.data)
        let other = try DatabaseQueue(path: folder.database)
        try other.inDatabase { database in
            try database.execute(sql: "BEGIN IMMEDIATE")
            let failure = #expect(throws: PeakStoreError.self) {
                try store.commit(batch([plainRun()]))
            }
            guard case .locked = failure else {
                Issue.record("it says \(String(describing: failure))")
                return
            }
            try database.execute(sql: "ROLLBACK")
        }
        try store.commit(batch([plainRun()]))
        #expect(try everyRun(of: store).count == 1)
    }
}
