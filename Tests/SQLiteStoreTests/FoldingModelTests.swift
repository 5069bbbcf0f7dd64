import MemoryModel
import PeakStore
import TestSupport
import Testing

@testable import SQLiteStore

@Suite("Folding against a plain model")
struct FoldingModelTests {
    @Test(
        "However late and often runs come, and whenever they are folded, the sums are the model's",
        arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
    func sameAsModel(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        try check(&generator)
    }

    @Test("And so they are with a seed that nobody chose")
    func anySeed() throws {
        var generator = SeededGenerator()
        try check(&generator)
    }

    private func check(_ generator: inout SeededGenerator) throws {
        let comment: Comment = "\(generator)"
        let directory = try TemporaryFolder()
        var store = try SQLiteStore(dataDirectory: directory.data)
        var model: [RunKey: StoredRun] = [:]
        var history = randomRuns(&generator)
        var folded = 0
        for _ in 0..<60 {
            let count = Int.random(in: 0...30, using: &generator)
            var runs = Array(history.prefix(count))
            history.removeFirst(runs.count)
            // Copies of what was told before, ended as it was.
            let known = model.values.sorted { $0.key.shortID < $1.key.shortID }
            for _ in 0..<Int.random(in: 0...10, using: &generator) where !known.isEmpty {
                runs.append(known[Int.random(in: 0..<known.count, using: &generator)])
            }
            runs.shuffle(using: &generator)
            try store.commit(batch(runs))
            for run in runs { model[run.key] = run }
            if generator.one(in: 3) {
                let now = minute(Int.random(in: 120..<600, using: &generator))
                let steps = Int.random(in: 1...12, using: &generator)
                for _ in 0..<steps {
                    folded += try store.maintain(nowMilliseconds: now, retention: .tinyFolded)
                        .counts.foldedRuns
                }
            }
            if generator.one(in: 10) {
                try store.close()
                store = try SQLiteStore(dataDirectory: directory.data)
            }
            #expect(try RunSums(store) == RunSums(model.values), comment)
        }
        folded += try store.maintain(at: minute(900), .tinyFolded).foldedRuns
        #expect(folded > 50, comment)
        #expect(try RunSums(store) == RunSums(model.values), comment)
        try expectLargest(store, model, comment)
    }

    /// The largest of each host and hour has a row, and so has all that is never folded.
    private func expectLargest(
        _ store: SQLiteStore, _ model: [RunKey: StoredRun], _ comment: Comment
    ) throws {
        struct Place: Hashable {
            var host: HostID
            var hour: Int64
        }
        let rows = try everyRun(of: store)
        func largest(_ runs: some Sequence<StoredRun>) -> [Place: UInt64] {
            var largest: [Place: UInt64] = [:]
            for run in runs where !run.record.isPeakInherited {
                guard let end = run.record.end?.bracket, let peak = run.record.peak else {
                    continue
                }
                let hour = StoredTotal.hour(of: end.notAfterMilliseconds)
                let place = Place(host: run.host, hour: hour)
                largest[place] = max(largest[place] ?? 0, peak.bytes)
            }
            return largest
        }
        #expect(largest(rows) == largest(model.values), comment)
        let kept = Set(rows.map(\.key))
        for run in model.values where run.record.flags.contains(.killedForMemory) {
            #expect(kept.contains(run.key), comment)
        }
    }

    private func randomRuns(_ generator: inout SeededGenerator) -> [StoredRun] {
        (1...600).map { number in
            var tiny = TinyRuns()
            tiny.host = hostID(generator.one(in: 2) ? "alpha" : "beta")
            tiny.boot = BootID(high: 1, low: generator.one(in: 4) ? 1 : 2)
            tiny.life = Int64.random(in: 0...2_500, using: &generator)
            let size = UInt64.random(
                in: 1...(generator.one(in: 4) ? 2_000 : 999), using: &generator)
            let program: RawText = generator.one(in: 2) ? "sh" : "sed"
            var run = tiny.run(
                number, size, program: program, at: Int.random(in: 0..<240, using: &generator),
                after: Int64.random(in: 0..<60_000, using: &generator))
            if generator.one(in: 20) { run.record.flags.insert(.killedForMemory) }
            if generator.one(in: 20) { run.record.description.inheritedBytes = 500 }
            if generator.one(in: 20) { run.record.flags = [] }
            return run
        }.shuffled(using: &generator)
    }
}
