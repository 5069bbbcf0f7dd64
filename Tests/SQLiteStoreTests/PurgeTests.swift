import GRDB
import MemoryModel
import PeakStore
import TestSupport
import Testing

@testable import SQLiteStore

@Suite struct PurgeTests {
    @Test(
        "Any mix of commits, purges and undoings leaves what the model of it leaves",
        arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
    func sameAsModel(seed: UInt64) throws {
        let directory = try TemporaryFolder()
        var store = try SQLiteStore(dataDirectory: directory.data)
        let model = MemoryStore()
        var random = RandomPurges(seed: seed)
        var counts = (takenAway: 0, broughtBack: 0)
        for round in 0..<60 {
            switch random.step(standing: try store.tombstones().map(\.id)) {
            case .commit(let batch):
                try store.commit(batch)
                try model.commit(batch)
            case .purge(let request):
                let outcome = try store.purge(request, nowMilliseconds: Int64(round))
                #expect(outcome == model.purge(request, nowMilliseconds: Int64(round)))
                counts.takenAway += outcome.total
            case .undo(let tombstone):
                let outcome = try store.undoPurge(tombstone)
                #expect(outcome == model.undoPurge(tombstone))
                counts.broughtBack += outcome?.total ?? 0
            case .reopen:
                try store.close()
                store = try SQLiteStore(dataDirectory: directory.data)
            }
            let runs = Set(try everyRun(of: store))
            #expect(runs == Set(model.runs.values), "seed \(seed), round \(round)")
            #expect(try Facts(store) == Facts(model.facts), "seed \(seed), round \(round)")
            #expect(try store.tombstones() == model.tombstones(), "seed \(seed)")
            for host in ["alpha", "beta"].map(hostID) {
                let ordinals = try store.appliedOrdinals(of: host, epoch: .max)
                #expect(ordinals == model.appliedOrdinals(of: host, epoch: .max), "seed \(seed)")
            }
        }
        #expect(counts.takenAway > 20 && counts.broughtBack > 10, "seed \(seed): \(counts)")
    }

    @Test("What was purged does not come back with a copy, and an undo merges it with what came")
    func copies() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        var run = plainRun()
        func commit(_ bytes: UInt64, at time: Int64?) throws -> Peak? {
            run.record.peak = Peak(bytes: bytes, bracket: time.map(moment), source: .hwm)
            try store.commit(batch([run]))
            return try store.runs([run.key])[run.key]?.record.peak
        }
        #expect(try commit(900, at: 50)?.bytes == 900)
        let request = PurgeRequest(host: run.host, sinceMilliseconds: 50, untilMilliseconds: 60)
        let outcome = try store.purge(request, nowMilliseconds: 99)
        #expect(outcome.runs == 1 && outcome.tombstone.createdAtMilliseconds == 99)
        #expect(try store.runs([run.key])[run.key]?.record.peak == nil)
        // A copy of it, and one that is greater still.
        #expect(try commit(900, at: 50) == nil)
        #expect(try commit(1_000, at: 60) == nil)
        // Its edges, and an unknown time, are not meant.
        #expect(try commit(3, at: 49)?.bytes == 3)
        #expect(try commit(5, at: nil)?.bytes == 5)
        #expect(try commit(7, at: 61)?.bytes == 7)
        let id = outcome.tombstone.id
        #expect(try store.undoPurge(id)?.runs == 1)
        #expect(
            try store.runs([run.key])[run.key]?.record.peak
                == Peak(bytes: 1_000, bracket: moment(60), source: .hwm))
        #expect(try store.undoPurge(id) == nil)
        #expect(try store.purge(request, nowMilliseconds: 1).tombstone.id > id)
    }

    @Test("Of two purges that cover the same peak the second keeps it when the first is undone")
    func twoTombstones() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        var run = plainRun()
        run.record.peak = Peak(bytes: 9, bracket: moment(5), source: .hwm)
        try store.commit(batch([run]))
        let request = PurgeRequest(host: run.host, sinceMilliseconds: 0, untilMilliseconds: 9)
        let first = try store.purge(request, nowMilliseconds: 1).tombstone.id
        let second = try store.purge(request, nowMilliseconds: 2)
        #expect(second.runs == 0)
        #expect(try store.undoPurge(first)?.runs == 1)
        #expect(try store.runs([run.key])[run.key]?.record.peak == nil)
        #expect(try store.undoPurge(second.tombstone.id)?.runs == 1)
        #expect(try store.runs([run.key])[run.key] == run)
    }

    @Test("A purge of more runs than one step takes leaves none of them, and an undo misses none")
    func manySteps() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        let count = Int32(2 * SQLiteStore.purgeStepRows + 1)
        let runs = (1...count).map { pid in
            var run = plainRun(boot: BootID(high: UInt64(pid % 3), low: 1), pid: pid)
            run.record.peak = Peak(bytes: UInt64(pid), bracket: moment(Int64(pid)), source: .exit)
            return run
        }
        try store.commit(batch(runs))
        let request = PurgeRequest(
            host: runs[0].host, sinceMilliseconds: 2, untilMilliseconds: .max)
        let outcome = try store.purge(request, nowMilliseconds: 1)
        #expect(outcome.runs == Int(count) - 1)
        #expect(try everyRun(of: store).filter { $0.record.peak != nil } == [runs[0]])
        #expect(try store.undoPurge(outcome.tombstone.id)?.runs == Int(count) - 1)
        #expect(Set(try everyRun(of: store)) == Set(runs))
    }

    @Test("A purge or an undoing that was interrupted is finished when the store is opened")
    func interrupted() throws {
        for state in [PurgeState.takingAway, .bringingBack] {
            let directory = try TemporaryFolder()
            var run = plainRun()
            run.record.peak = Peak(bytes: 9, bracket: moment(5), source: .hwm)
            var store = try SQLiteStore(dataDirectory: directory.data)
            var all = fullFacts
            all.runs = [run]
            try store.commit(all)
            let before = try Facts(store)
            let request = PurgeRequest(
                host: run.host, sinceMilliseconds: 0, untilMilliseconds: 9)
            let id = try store.purge(request, nowMilliseconds: 1).tombstone.id
            if state == .takingAway {
                // As after a crash between the tombstone and the first step.
                _ = try store.undoPurge(id)
                try store.write { database, caches in
                    caches.tombstones = nil
                    _ = try TombstoneTable.insert(
                        request, host: HostKeys(database).host(run.host, &caches),
                        nowMilliseconds: 1, on: database)
                }
                #expect(try store.runs([run.key])[run.key] == run)
            } else {
                try store.write { database, caches in
                    caches.tombstones = nil
                    try TombstoneTable.set(.bringingBack, of: id, on: database)
                }
            }
            try store.close()
            store = try SQLiteStore(dataDirectory: directory.data)
            let peak = try store.runs([run.key])[run.key]?.record.peak
            #expect((peak == nil) == (state == .takingAway))
            #expect(try store.tombstones().count == (state == .takingAway ? 1 : 0))
            #expect(try Facts(store) == before)
        }
    }

    @Test("What is asked wrongly is refused, and commits go on after that")
    func refused() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        let host = hostID("alpha")
        func purge(_ since: Int64, _ until: Int64) throws {
            let request = PurgeRequest(
                host: host, sinceMilliseconds: since, untilMilliseconds: until)
            _ = try store.purge(request, nowMilliseconds: 0)
        }
        #expect(throws: PeakStoreError.refused(reason: "the range ends before it begins")) {
            try purge(5, 4)
        }
        try purge(.min, .max)
        try store.write { database, caches in
            let request = PurgeRequest(
                host: host, sinceMilliseconds: 3, untilMilliseconds: 4)
            for _ in 1..<Tombstone.maximumCountOfHost {
                let row = try TombstoneTable.insert(
                    request, host: HostKeys(database).host(host, &caches), nowMilliseconds: 0,
                    on: database)
                try TombstoneTable.set(.standing, of: row.tombstone.id, on: database)
            }
        }
        do {
            try purge(1, 2)
            Issue.record("one too many")
        } catch PeakStoreError.refused(let reason) {
            #expect(reason.contains("undo"))
        }
        try store.commit(batch([plainRun()]))
        #expect(try everyRun(of: store) == [plainRun()])
    }

    private func moment(_ time: Int64) -> TimeBracket {
        TimeBracket(notBeforeMilliseconds: time, notAfterMilliseconds: time)
    }
}

extension PurgeOutcome {
    fileprivate var total: Int { runs + totals + cgroups + folds }
}

/// Commits of facts and ended runs with ordinals, purges and undoings, few enough of each to meet.
private struct RandomPurges {
    enum Step {
        case commit(CommitBatch)
        case purge(PurgeRequest)
        case undo(Int64)
        case reopen
    }

    private var facts: RandomFacts
    private var generator: SeededGenerator

    init(seed: UInt64) {
        facts = RandomFacts(seed: seed)
        generator = SeededGenerator(seed: seed &+ 1_000)
    }

    mutating func step(standing: [Int64]) -> Step {
        switch number(8) {
        case 0, 1:
            let since = Int64(number(8)) - 2
            let host = generator.one(in: 2) ? "alpha" : "beta"
            return .purge(
                PurgeRequest(
                    host: hostID(host), sinceMilliseconds: since,
                    untilMilliseconds: since + Int64(number(4))))
        case 2 where !standing.isEmpty: return .undo(standing[number(standing.count)])
        case 3: return .reopen
        default: return .commit(batch())
        }
    }

    private mutating func batch() -> CommitBatch {
        var batch = facts.batch()
        // Kills mark runs in both stores, but the present of runs is not of interest here.
        for _ in 0..<10 { batch.runs.append(endedRun()) }
        return batch
    }

    /// A run whose ordinal and end follow from its key, above those of folds.
    private mutating func endedRun() -> StoredRun {
        let pid = Int32(number(6)) + 10
        var run = plainRun(
            host: hostID(generator.one(in: 2) ? "alpha" : "beta"), boot: BootID(high: 0, low: 5),
            pid: pid)
        run.epoch = .max
        if generator.one(in: 2) {
            run.record.ordinal = UInt64(pid) + 20
            run.record.end = RunEnd(
                bracket: TimeBracket(notBeforeMilliseconds: 1, notAfterMilliseconds: 2),
                reason: .exited, exitCode: pid)
        }
        if !generator.one(in: 4) {
            let time = Int64(number(8))
            run.record.peak = Peak(
                bytes: UInt64(number(4)),
                bracket: generator.one(in: 4)
                    ? nil
                    : TimeBracket(
                        notBeforeMilliseconds: time, notAfterMilliseconds: time + Int64(number(3))),
                source: .exit)
        }
        return run
    }

    private mutating func number(_ count: Int) -> Int {
        Int.random(in: 0..<count, using: &generator)
    }
}
