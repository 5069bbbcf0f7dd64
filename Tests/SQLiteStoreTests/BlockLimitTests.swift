import GRDB
import MemoryModel
import PeakStore
import TestSupport
import Testing

@testable import SQLiteStore

/// Whoever runs programs can make as many processes in an hour as they like.
@Suite("How much a packed hour holds")
struct BlockLimitTests {
    private let directory: TemporaryFolder
    private let run = plainRun()

    init() throws {
        directory = try TemporaryFolder()
    }

    private func key(_ pid: Int) -> ProcessKey { ProcessKey(pid: Int32(pid), startTicks: 7) }

    /// Runs of which each held as much as its pid says, so that the last are the largest.
    private func hour(of count: Int) -> WindowHour {
        var hour = WindowHour()
        hour.covered = 1
        for pid in 1...count {
            let window = Window(atLeastBytes: UInt64(pid) << 16, atMostBytes: UInt64(pid) << 16)
            hour.runs[key(pid)] = RunMinutes(own: [(0, window)])
        }
        return hour
    }

    private func read(
        _ hours: [WindowHour], _ limits: BlockLimits
    ) throws -> (leftOut: [Int], hours: [WindowHour?], sizes: [Int]) {
        let store = try SQLiteStore(dataDirectory: directory.data)
        return try store.write { database, _ in
            let places = hours.indices.map { HourOfBoot(boot: 1, hour: minute(60 * $0)) }
            let writer = BlockTable(database, limits: limits)
            let leftOut = try zip(places, hours).map { try writer.replace($0, by: $1) }
            let sizes = try Int.fetchAll(
                database,
                sql: "SELECT sum(length(block)) FROM window_block GROUP BY hour_at_ms")
            let reader = BlockTable(database, limits: limits)
            return (leftOut, try places.map { try reader.minutes(of: $0) }, sizes)
        }
    }

    @Test("Of more runs than a block has those stay that held most, and the next hour goes on")
    func runs() throws {
        let limits = BlockLimits(runs: 100)
        let found = try read([hour(of: 250), hour(of: 101), hour(of: 100)], limits)
        #expect(found.leftOut == [150, 1, 0])
        let kept = [151...250, 2...101, 1...100].map { Set($0.map(key)) }
        #expect(found.hours.map { $0.map { Set($0.runs.keys) } } == kept)
    }

    @Test("A block that would be too large to be read is written with fewer runs")
    func bytes() throws {
        var generator = SeededGenerator()
        var crowded = WindowHour()
        for pid in 1...400 {
            crowded.runs[key(pid)] = RunMinutes(
                own: (0..<60).map { ($0, randomWindow(&generator)) })
        }
        let limits = BlockLimits(bytes: 10_000)
        let found = try read([crowded, crowded], limits)
        for index in 0..<2 {
            let kept = try #require(found.hours[index])
            #expect(kept.runs.count + found.leftOut[index] == 400 && found.leftOut[index] > 0)
            #expect(kept.runs.count > 20 && found.sizes[index] <= limits.bytes, "\(generator)")
        }
    }

    @Test("A few bytes that say millions of runs are refused, and so are columns of them")
    func damage() throws {
        let most = 1_000
        for count in [most, most + 1] {
            let hour = hour(of: count)
            let blocks = [PackedMinutes.block(of: hour), FormerMinutes.block(of: hour)]
            for block in blocks {
                let read = { try PackedMinutes.hour(of: block, maximumRuns: most).runs.count }
                if count == most {
                    #expect(try read() == most)
                } else {
                    #expect(throws: DamagedRow.self) { try read() }
                }
            }
            var next = hour
            next.runs = next.runs.mapValues { RunMinutes(carried: $0.own.first?.window) }
            next.runs[key(0)] = RunMinutes(own: [(0, Window(atLeastBytes: 1, atMostBytes: 1))])
            let ends = HourEnds(of: hour)
            let block = PackedMinutes.block(of: next, after: ends)
            #expect(throws: DamagedRow.self) {
                try PackedMinutes.hour(of: block, after: ends, maximumRuns: most)
            }
        }
        // Nothing but bits that are likely: each byte tells of hundreds of them.
        var coder = MinuteCoder(RangeWriter(), maximumRuns: .max)
        var many = WindowHour()
        for pid in 0..<20_000 { many.runs[key(pid)] = RunMinutes() }
        _ = coder.code(many, unit: 0, after: .none)
        let block = [PackedMinutes.format] + coder.bits.finished()
        #expect(block.count < 4_000)
        #expect(try PackedMinutes.hour(of: block).runs.count == 20_000)
        #expect(throws: DamagedRow.self) {
            try PackedMinutes.hour(of: block, maximumRuns: 10_000)
        }
    }

    @Test("What an hour has no room for is told, and is in the sums of its programs nevertheless")
    func told() throws {
        let store = try SQLiteStore(dataDirectory: directory.data)
        let runs = (1...30).map { plainRun(pid: $0) }
        try store.commit(
            CommitBatch(
                runs: runs,
                windows: runs.map { $0.window(0, UInt64($0.record.key.pid) << 16, nil) },
                coverage: run.coverage(0..<60)))
        let retention = Retention(
            minutesMilliseconds: 1 << 50, hoursMilliseconds: 1 << 50, daysMilliseconds: 1 << 50,
            runsMilliseconds: 1 << 50)
        let outcome = try store.maintain(
            nowMilliseconds: minute(600), retention: retention, limits: BlockLimits(runs: 10))
        #expect(outcome.counts.packedHours == 1)
        #expect(
            outcome.cutHours == [
                CutHour(host: run.host, startsAtMilliseconds: minute(0), leftOutRuns: 20)
            ])
        #expect(try store.minutes(of: .run(runs[29].key), 0, 2) == "1966080 1966080")
        #expect(try store.minutes(of: .run(runs[0].key), 0, 2) == "- -")
        let most = try store.write { database, _ in
            try BlockTable(database).subjects(of: 1, .hour, at: minute(0)).windows.values
                .compactMap { $0.values.first?.runCount }
        }
        #expect(most == [30])
    }
}
