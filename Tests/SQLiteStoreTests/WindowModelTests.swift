import MemoryModel
import PeakStore
import TestSupport
import Testing

@testable import SQLiteStore

@Suite("Packing, summing up and removing windows against a plain model")
struct WindowModelTests {
    /// Some that stay the same, and one that is drawn.
    static let seeds: [UInt64] = [1, 2, 3, 4, 5, 6, 7, 8, drawn]
    private static let drawn: UInt64 = {
        let generator = SeededGenerator()
        print("windows and peaks beside their models: \(generator)")
        return generator.seed
    }()
    private static let keepAll = Retention(
        minutesMilliseconds: 1 << 50, hoursMilliseconds: 1 << 50, daysMilliseconds: 1 << 50,
        runsMilliseconds: 1 << 50)

    @Test(
        "However late, often and in whatever order minutes come, and whenever they are packed",
        arguments: seeds)
    func sameAsModel(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let directory = try TemporaryFolder()
        var store = try SQLiteStore(dataDirectory: directory.data)
        var model = WindowModel()
        let history = RandomHistory(&generator)
        try store.commit(batch(history.runs))
        model.commit(batch(history.runs))
        var packed = 0
        for batch in shuffled(history.batches, &generator) {
            try store.commit(batch)
            model.commit(batch)
            if generator.one(in: 20) {
                let now = minute(Int.random(in: 60..<400, using: &generator))
                packed += try store.maintain(nowMilliseconds: now, retention: Self.keepAll)
                    .counts.packedHours
            }
            if generator.one(in: 60) { try compare(store, model, &generator, seed) }
            if generator.one(in: 100) {
                try store.close()
                store = try SQLiteStore(dataDirectory: directory.data)
            }
        }
        try store.maintainAll(at: minute(10_000), Self.keepAll)
        #expect(try rowCount(directory, store) == 0)
        try compare(store, model, &generator, seed)
        #expect(packed > 0, "seed \(seed)")
    }

    @Test(
        "Hours stand where minutes are gone, also for what comes later still", arguments: seeds)
    func tiers(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        var model = WindowModel()
        let history = RandomHistory(&generator)
        try store.commit(batch(history.runs))
        model.commit(batch(history.runs))
        for batch in history.batches {
            try store.commit(batch)
            model.commit(batch)
        }
        var retention = Self.keepAll
        try store.maintainAll(at: minute(10_000), retention)
        retention.minutesMilliseconds = 0
        try store.maintainAll(at: minute(10_000), retention)
        try compareHours(store, model, seed)
        // A minute that comes after its hour's minutes went goes into the hour.
        let run = history.runs[0]
        let late = CommitBatch(windows: [run.window(30, 1 << 40, 1 << 40)])
        try store.commit(late)
        model.commit(late)
        try store.maintainAll(at: minute(10_000), retention)
        try compareHours(store, model, seed)
        // And days where the hours are gone.
        retention.hoursMilliseconds = 0
        try store.maintainAll(at: minute(10_000), retention)
        let days = try store.history(
            of: .program(run.record.description.program, on: nil), sinceMilliseconds: .min,
            untilMilliseconds: .max, length: .minute, limit: 100)
        let held = days.compactMap(\.window)
        #expect(held.map(\.atLeastBytes).max() == 1 << 40, "seed \(seed)")
        #expect(days.filter { $0.window != nil }.allSatisfy { $0.length == .day })
    }

    @Test("Sizes by host add up to the file, but for what is free")
    func sizes() throws {
        var generator = SeededGenerator()
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        let history = RandomHistory(&generator)
        try store.commit(batch(history.runs))
        for batch in history.batches { try store.commit(batch) }
        #expect(try store.sizes().whole.minutesBytes == 0)
        try store.maintainAll(at: minute(10_000), Self.keepAll)
        let sizes = try store.sizes()
        let host = try #require(sizes.hosts[history.runs[0].host])
        #expect(host.minutesBytes > 100 && host.hoursBytes > 10 && host.daysBytes > 10)
        #expect(host.runCount == UInt64(history.runs.count))
        #expect(host.runsBytes > 0 && sizes.whole.bytes - host.bytes < 100)
    }

    // MARK: Comparing

    private func compare(
        _ store: SQLiteStore, _ model: WindowModel, _ generator: inout SeededGenerator,
        _ seed: UInt64
    ) throws {
        for run in model.runs.keys {
            let first = Int.random(in: 0..<300, using: &generator)
            let range = first..<Int.random(in: first + 1...301, using: &generator)
            let points = try store.history(
                of: .run(run), sinceMilliseconds: minute(range.lowerBound),
                untilMilliseconds: minute(range.upperBound), length: .minute, limit: 10_000)
            let expected = model.minutes(of: run, range)
            // Before the first that was ever told there are no points.
            for (point, expected) in zip(points.reversed(), expected.reversed()) {
                let comment: Comment = "seed \(seed), \(run), \(point)"
                #expect(point.isWatched == expected.isWatched, comment)
                expectSame(point.window, expected.window, comment)
            }
            #expect(expected.dropLast(points.count).allSatisfy { !$0.isWatched })
            try compareRange(store, run, range, expected.compactMap(\.window), seed)
        }
    }

    private func compareRange(
        _ store: SQLiteStore, _ run: RunKey, _ range: Range<Int>, _ windows: [Window],
        _ seed: UInt64
    ) throws {
        let found = try store.windows(
            of: [run], sinceMilliseconds: minute(range.lowerBound),
            untilMilliseconds: minute(range.upperBound))[run]
        let whole = windows.dropFirst().reduce(windows.first) { $0?.merged(with: $1) }
        #expect(found?.window.atMostBytes == whole?.atMostBytes, "seed \(seed)")
        let least = windows.map { PackedMinutes.rounded($0).atLeastBytes }.max() ?? 0
        #expect(found?.window.atLeastBytes ?? 0 >= least, "seed \(seed)")
        #expect(found?.window.atLeastBytes ?? 0 <= whole?.atLeastBytes ?? 0, "seed \(seed)")
    }

    /// A lower bound may have been rounded down; an exact pair and an upper bound never change.
    private func expectSame(_ found: Window?, _ expected: Window?, _ comment: Comment) {
        guard found != expected else { return }
        #expect(found == expected.map(PackedMinutes.rounded), comment)
    }

    private func compareHours(
        _ store: SQLiteStore, _ model: WindowModel, _ seed: UInt64
    ) throws {
        for program in ["p0", "p1", "p2"] as [RawText] {
            let points = try store.history(
                of: .program(program, on: nil), sinceMilliseconds: minute(0),
                untilMilliseconds: minute(RandomHistory.hours * 60), length: .minute,
                limit: 1_000)
            for hour in 0..<RandomHistory.hours {
                let point = points.first { $0.startsAtMilliseconds == minute(hour * 60) }
                let expected = model.hour(hour, of: program)
                let comment: Comment = "seed \(seed), \(program), hour \(hour)"
                #expect(point?.isWatched ?? false == model.isWatched(hour: hour), comment)
                guard let expected, let window = point?.window else {
                    #expect(point?.window == nil && expected == nil, comment)
                    continue
                }
                #expect(point?.length == .hour, comment)
                // What runs held before the hour is known as it was packed.
                let least = PackedMinutes.rounded(
                    Window(atLeastBytes: expected.atLeastBytes, atMostBytes: nil))
                #expect(window.atLeastBytes >= least.atLeastBytes, comment)
                #expect(window.atLeastBytes <= expected.atLeastBytes, comment)
                #expect(
                    window.atMostBytes == nil || window.atMostBytes == expected.atMostBytes,
                    comment)
            }
        }
    }

    // MARK: Steps

    private func shuffled(
        _ batches: [CommitBatch], _ generator: inout SeededGenerator
    ) -> [CommitBatch] {
        var order: [(place: Int, batch: CommitBatch)] = []
        for (index, batch) in batches.enumerated() {
            let isLate = generator.one(in: 10)
            let delay = isLate ? Int.random(in: 0..<200, using: &generator) : 0
            order.append((index + delay, batch))
            if generator.one(in: 10) {
                order.append((index + Int.random(in: 0..<300, using: &generator), batch))
            }
        }
        return order.sorted { $0.place < $1.place }.map(\.batch)
    }

    private func rowCount(_ directory: TemporaryFolder, _ store: SQLiteStore) throws -> Int {
        try store.read { database in
            let row = try PreparedStatement("SELECT count(*) FROM window", on: database)
            defer { row.reset() }
            return try row.step() ? row.required(0, as: Int.self) : 0
        }
    }
}
