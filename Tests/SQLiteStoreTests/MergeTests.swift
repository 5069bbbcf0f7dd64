import MemoryModel
import PeakStore
import SQLiteStore
import TestSupport
import Testing

@Suite struct MergeTests {
    @Test(
        "Committing any sequence of copies gives what RunRecord.merge gives",
        arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
    func sameAsModel(seed: UInt64) throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        var records = RandomRecords(seed: seed)
        var model: [RunKey: RunRecord] = [:]
        var merges = 0
        for _ in 0..<30 {
            let runs = (0..<20).map { _ in records.run(endFromKey: false) }
            for run in runs {
                if var known = model[run.key] {
                    merges += 1
                    let newer = isNewer(run.record, than: known)
                    known.merge(run.record, otherIsNewer: newer)
                    model[run.key] = known
                } else {
                    model[run.key] = run.record
                }
            }
            try store.commit(batch(runs))
        }
        let kept = Dictionary(
            uniqueKeysWithValues: try everyRun(of: store).map { ($0.key, $0.record) })
        #expect(merges > 400, "seed \(seed)")
        #expect(kept == model, "seed \(seed)")
    }

    @Test(
        "Two batches in either order, and each again, give the same peaks, ends and counters",
        arguments: [11, 12, 13, 14] as [UInt64])
    func anyOrder(seed: UInt64) throws {
        var records = RandomRecords(seed: seed)
        let batches = (0..<2).map { _ in records.batch() }
        var outcomes: [Merged] = []
        for order in [[0, 1], [1, 0], [0, 0, 1, 0, 1], [1, 0, 1]] {
            let directory = try TemporaryFolder()
            let store = try SQLiteStore(dataDirectory: directory.data)
            for index in order { try store.commit(batches[index]) }
            outcomes.append(try Merged(store))
        }
        #expect(outcomes[0].runs.count > 20, "seed \(seed)")
        #expect(outcomes.allSatisfy { $0 == outcomes[0] }, "seed \(seed)")
    }

    @Test("Committing the same batch twice changes nothing at all")
    func twice() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        var records = RandomRecords(seed: 21)
        var seen: Set<RunKey> = []
        var one = records.batch()
        one.runs = one.runs.filter { seen.insert($0.key).inserted }
        one.hosts = [fullHost]
        try store.commit(one)
        let before = (try everyRun(of: store), try store.hosts(), try store.counters())
        try store.commit(one)
        #expect(try everyRun(of: store) == before.0)
        #expect(try store.hosts() == before.1)
        #expect(try store.counters() == before.2)
        #expect(before.0.count > 20)
    }

    @Test("A host's row is what was said last, also after the collector's clock was set back")
    func hostByLastWriter() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        var later = fullHost
        later.description.name = "later"
        later.description.labels = []
        later.firstHeardAtMilliseconds = 50
        later.lastHeardAtMilliseconds = 150
        for host in [fullHost, later] {
            var one = CommitBatch()
            one.hosts = [host]
            try store.commit(one)
        }
        #expect(fullHost.lastHeardAtMilliseconds > 150)
        #expect(try store.hosts() == [later])
        var one = CommitBatch()
        one.hosts = [fullHost]
        try store.commit(one)
        // Since when it is known stays the earliest time that was said.
        var expected = fullHost
        expected.firstHeardAtMilliseconds = 50
        #expect(try store.hosts() == [expected])
    }

    @Test(
        "A host that was only heard again keeps all else, and what changes later is written whole")
    func hostHeardAgain() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        var host = fullHost
        func commit() throws {
            var one = CommitBatch()
            one.hosts = [host]
            try store.commit(one)
            #expect(try store.hosts() == [host])
        }
        #expect(!host.description.labels.isEmpty)
        try commit()
        host.lastHeardAtMilliseconds += 10_000
        try commit()
        host.description.labels.removeLast()
        try commit()
        host.lastHeardAtMilliseconds += 10_000
        host.epoch -= 1
        try commit()
    }

    @Test("Counters are the greatest of each epoch, summed over epochs, and never overflow")
    func counters() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        func count(_ epoch: UInt64, _ values: [CounterReason: UInt64]) throws {
            var one = CommitBatch()
            one.counters = [
                StoredCounters(host: hostID("alpha"), epoch: epoch, values: values)
            ]
            try store.commit(one)
        }
        try count(1, [.vanished: 5, .refused: 1])
        try count(1, [.vanished: 3])
        try count(.max, [.vanished: 10])
        #expect(try store.counters() == [hostID("alpha"): [.vanished: 15, .refused: 1]])
        try count(2, [.vanished: .max])
        try count(3, [.vanished: .max])
        try count(4, [.vanished: .max])
        #expect(try store.counters()[hostID("alpha")]?[.vanished] == .max)
    }

    @Test("A figure beyond 2^63 is kept as the largest and cannot sink below a smaller one")
    func absurd() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        var run = plainRun()
        run.record.peak = Peak(bytes: .max, bracket: nil, source: .hwm)
        try store.commit(batch([run]))
        run.record.peak = Peak(bytes: 7, bracket: nil, source: .hwm)
        try store.commit(batch([run]))
        #expect(try everyRun(of: store).first?.record.peak?.bytes == UInt64(Int64.max))
    }
}

/// What of a store must not depend on the order of commits.
private struct Merged: Equatable {
    struct Run: Equatable {
        var key: RunKey
        var peak: Peak?
        var swapPeakBytes: UInt64?
        var processorMilliseconds: UInt64?
        var end: RunEnd?
    }

    var runs: [Run]
    var counters: [HostID: [CounterReason: UInt64]]

    init(_ store: SQLiteStore) throws {
        runs = try everyRun(of: store).map {
            Run(
                key: $0.key, peak: $0.record.peak, swapPeakBytes: $0.record.swapPeakBytes,
                processorMilliseconds: $0.record.processorMilliseconds, end: $0.record.end)
        }
        counters = try store.counters()
    }
}

/// The rule of the store: seen no earlier, or neither ever seen.
private func isNewer(_ record: RunRecord, than known: RunRecord) -> Bool {
    guard let seen = known.current?.atMilliseconds else { return true }
    guard let mine = record.current?.atMilliseconds else { return false }
    return mine >= seen
}

/// Runs with few keys and few values, so that they meet and tie often.
struct RandomRecords {
    private var generator: SeededGenerator

    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    /// Runs and counters, each run's end depending on its key alone.
    mutating func batch() -> CommitBatch {
        var batch = CommitBatch()
        for _ in 0..<200 { batch.runs.append(run(endFromKey: true)) }
        for _ in 0..<20 {
            batch.counters.append(
                StoredCounters(
                    host: hostID("host-\(number(3))"), epoch: UInt64(number(3)) &- 1,
                    values: [CounterReason.allCases[number(3)]: UInt64(number(9))]))
        }
        return batch
    }

    mutating func run(endFromKey: Bool) -> StoredRun {
        let key = ProcessKey(
            pid: Int32(number(4)) + 1, startTicks: UInt64(number(2)) &- 1,
            image: UInt32(number(2)))
        var record = RunRecord(key: key, description: description())
        record.peak = generator.one(in: 4) ? nil : peak()
        record.swapPeakBytes = optional(3)
        record.processorMilliseconds = optional(5)
        if !generator.one(in: 3) {
            record.current = CurrentUse(
                residentBytes: optional(4), swapBytes: optional(4),
                atMilliseconds: Int64(number(6)))
        }
        if generator.one(in: 3) {
            record.end = endFromKey ? RandomRecords.end(of: key) : end()
        }
        return StoredRun(
            host: hostID("host-\(number(2))"), boot: BootID(high: UInt64(number(2)), low: 5),
            record: record)
    }

    private mutating func description() -> RunDescription {
        var description = RunDescription(
            program: RawText("p\(number(3))"), comm: RawText("c\(number(2))"))
        description.executable = name()
        description.command = name()
        description.userID = optional(3).map { UInt32($0) }
        description.user = name()
        description.cgroup = name()
        description.unit = name()
        description.container = name()
        description.parentPid = optional(3).map { Int32($0) }
        description.startedAtMilliseconds = optional(3).map { Int64($0) }
        description.inheritedBytes = optional(3)
        return description
    }

    private mutating func peak() -> Peak {
        Peak(
            bytes: UInt64(number(3)), bracket: bracket(),
            source: PeakSource.allCases[number(PeakSource.allCases.count)])
    }

    private mutating func end() -> RunEnd {
        RunEnd(
            bracket: bracket(), reason: RunEndReason.allCases[number(4)],
            exitCode: optional(3).map { Int32($0) }, exitSignal: optional(3).map { Int32($0) })
    }

    private static func end(of key: ProcessKey) -> RunEnd {
        RunEnd(
            bracket: TimeBracket(
                notBeforeMilliseconds: Int64(key.pid), notAfterMilliseconds: 100),
            reason: key.image == 0 ? .exited : .executed, exitCode: key.pid)
    }

    private mutating func bracket() -> TimeBracket? {
        guard !generator.one(in: 3) else { return nil }
        return TimeBracket(
            notBeforeMilliseconds: Int64(number(3)), notAfterMilliseconds: Int64(number(3)))
    }

    private mutating func name() -> RawText? { optional(2).map { RawText("n\($0)") } }

    private mutating func optional(_ count: Int) -> UInt64? {
        generator.one(in: 3) ? nil : UInt64(number(count))
    }

    private mutating func number(_ count: Int) -> Int {
        Int.random(in: 0..<count, using: &generator)
    }
}
