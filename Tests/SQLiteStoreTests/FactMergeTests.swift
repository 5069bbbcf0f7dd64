import MemoryModel
import PeakStore
import TestSupport
import Testing

@testable import SQLiteStore

@Suite struct FactMergeTests {
    @Test(
        "Committing any sequence of copies of facts gives what MergedFacts gives",
        arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
    func sameAsModel(seed: UInt64) throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        var random = RandomFacts(seed: seed)
        var model = MergedFacts()
        for _ in 0..<30 {
            let batch = random.batch()
            try store.commit(batch)
            model.merge(batch)
        }
        let facts = try Facts(store)
        #expect(facts == Facts(model), "seed \(seed)")
        #expect(facts.totals.count > 40 && facts.cgroups.count == 16, "seed \(seed)")
        #expect(facts.kills.count == 24 && facts.gaps.count == 16, "seed \(seed)")
        #expect(facts.health.count == 2, "seed \(seed)")
        #expect(facts.folds.count == 48, "seed \(seed)")
    }

    @Test(
        "Facts in any order, and each again, give the same rows, and mark the same runs",
        arguments: [11, 12, 13, 14] as [UInt64])
    func anyOrder(seed: UInt64) throws {
        var random = RandomFacts(seed: seed)
        let batches = (0..<3).map { _ in random.batch() }
        var outcomes: [(facts: Facts, runs: [StoredRun])] = []
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2, 0, 1], [2, 0, 1, 2]] {
            let directory = try TemporaryFolder()
            let store = try SQLiteStore(dataDirectory: directory.data)
            for index in order {
                // Each kind by itself, so that kills come before their runs as well as after.
                var runs = CommitBatch()
                runs.runs = batches[index].runs
                var rest = batches[index]
                rest.runs = []
                for part in index == 1 ? [runs, rest] : [rest, runs] { try store.commit(part) }
            }
            outcomes.append((try Facts(store), try everyRun(of: store)))
        }
        #expect(outcomes.allSatisfy { $0 == outcomes[0] }, "seed \(seed)")
        let flags = Set(outcomes[0].runs.map(\.record.flags))
        #expect(flags == [.killedForMemory, []], "seed \(seed)")
    }

    @Test("A kill marks its run for good, whether the run or the kill is written first")
    func killMarksRun() throws {
        let run = plainRun()
        var kill = OutOfMemoryKill(atMilliseconds: 5, evidence: .kernelLog)
        kill.pid = 1
        var kills = CommitBatch()
        kills.kills = [
            StoredKill(host: run.host, boot: run.boot, kill: kill, atMilliseconds: nil)
        ]
        var known = kills
        known.kills[0].kill.run = run.record.key
        let other = plainRun(boot: BootID(high: 9, low: 9))
        for order in [[batch([run, other]), kills, known], [kills, known, batch([run, other])]] {
            let directory = try TemporaryFolder()
            let store = try SQLiteStore(dataDirectory: directory.data)
            for batch in order { try store.commit(batch) }
            // A later copy of the run that does not know it does not take it away.
            try store.commit(batch([run]))
            let runs = try store.runs([run.key, other.key])
            #expect(runs[run.key]?.record.flags == .killedForMemory)
            #expect(runs[other.key]?.record.flags == [])
        }
    }

    @Test("Flags of a run are added up, faults kept by maximum, and both written without a change")
    func flagsAndFaults() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        var run = plainRun()
        func commit(_ flags: RunFlags, _ faults: FaultCounts?) throws -> RunRecord? {
            run.record.flags = flags
            run.record.faults = faults
            try store.commit(batch([run]))
            return try store.runs([run.key])[run.key]?.record
        }
        _ = try commit(.markFell, nil)
        _ = try commit(.peakIsFinal, FaultCounts(minor: 5, major: 1))
        let last = try commit([], FaultCounts(minor: 3, major: .max))
        #expect(last?.flags == [.markFell, .peakIsFinal])
        #expect(last?.faults == FaultCounts(minor: 5, major: UInt64(Int64.max)))
        let unknown = RunFlags(rawValue: 1 << 30)
        #expect(try commit(unknown, nil)?.flags == [.markFell, .peakIsFinal, unknown])
    }

    @Test("A greater sum takes the place of the smaller one with every share of it")
    func composition() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        func total(_ bytes: UInt64, shares: Int32) -> StoredTotal {
            let composition = (0..<shares).map {
                TotalShare(key: ProcessKey(pid: $0 + 1, startTicks: .max), residentBytes: bytes)
            }
            return StoredTotal(
                host: hostID("alpha"), boot: BootID(high: 1, low: bytes),
                subject: TotalSubject(kind: .hostUsed, name: ""), hourMilliseconds: 0,
                peak: TotalPeak(
                    bytes: bytes, atMilliseconds: 1, runCount: 9, composition: composition))
        }
        for total in [total(5, shares: 10), total(7, shares: 3), total(6, shares: 10)] {
            var batch = CommitBatch()
            batch.totals = [total]
            try store.commit(batch)
        }
        #expect(try Facts(store).totals == [total(7, shares: 3)])
    }
}
