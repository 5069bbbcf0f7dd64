import Foundation
import GRDB
import MemoryModel
import PeakStore
import TestSupport
import Testing

@testable import SQLiteStore

/// How much of the disk a fleet's minutes take: figures to read, and a bound that tells a mistake.
///
/// `HIGHWATER_PACKED_HOSTS` and `HIGHWATER_PACKED_HOURS` make it larger.
@Suite struct PackedSizeTests {
    @Test(
        "A window that changed takes so many bytes, once it is packed",
        arguments: WalkingHost.Mix.allCases, [0.005, 0.02, 0.1])
    func size(mix: WalkingHost.Mix, step: Double) throws {
        var generator = SeededGenerator(seed: 5)
        let hosts = number("HIGHWATER_PACKED_HOSTS", 2)
        let hours = number("HIGHWATER_PACKED_HOURS", 2)
        var (count, bytes) = (0, 0)
        var blocks: [[UInt8]] = []
        for _ in 0..<hosts {
            var host = WalkingHost(mix, step: step, &generator)
            // The first hour tells every run anew, as only the start of an agent does.
            var hour = host.hour(&generator)
            for index in 0..<hours {
                let carried = hour.carriedOn(lastMinutes: [:])
                let isFirst = index % Int(BlockTable.chainedHours) == 0
                let ends = isFirst ? nil : HourEnds(of: hour)
                hour = host.hour(&generator)
                hour.begin(with: carried)
                count += hour.runs.values.map(\.own.count).reduce(0, +)
                blocks.append(PackedMinutes.block(of: hour, after: ends))
                bytes += blocks.last?.count ?? 0
            }
        }
        let file = try fileBytes(of: blocks)
        func day(_ bytes: Int) -> Double { Double(bytes) / Double(blocks.count) * 24_000 / 1e6 }
        let each = Double(bytes) / Double(max(1, count))
        print(
            "\(mix.rawValue), steps of \(step * 100) %: \(count / blocks.count) windows an hour,",
            String(format: "%.2f bytes each; 1,000 hosts a day: %.0f MB,", each, day(bytes)),
            String(format: "%.0f MB on the disk", day(file)))
        #expect(each < 2.5)
    }

    /// The size of a database with nothing but the blocks.
    private func fileBytes(of blocks: [[UInt8]]) throws -> Int {
        let directory = try TemporaryFolder()
        let queue = try DatabaseQueue(path: directory.path + "/blocks.db")
        try queue.write { database in
            try database.execute(
                sql: """
                    CREATE TABLE window_block (
                        hour_at_ms INTEGER NOT NULL, boot INTEGER NOT NULL, part INTEGER NOT NULL,
                        block BLOB NOT NULL, PRIMARY KEY (hour_at_ms, boot, part)
                    ) WITHOUT ROWID
                    """)
            for (index, block) in blocks.enumerated() {
                for (part, bytes) in BlockTable.parts(of: block).enumerated() {
                    try database.execute(
                        sql: """
                            INSERT INTO window_block (boot, hour_at_ms, part, block)
                            VALUES (?, ?, ?, ?)
                            """, arguments: [index, minute(0), part, Data(bytes)])
                }
            }
        }
        let pages = try queue.read { try Int.fetchOne($0, sql: "PRAGMA page_count") ?? 0 }
        try queue.close()
        return pages * 4_096
    }

    private func number(_ name: String, _ usual: Int) -> Int {
        ProcessInfo.processInfo.environment[name].flatMap(Int.init) ?? usual
    }
}

/// A host of 300 processes of which a fifth changes in a minute, each walking about a size of its
/// own, in pages.
struct WalkingHost {
    /// Which processes change.
    enum Mix: String, CaseIterable, Sendable {
        /// A fifth of them, always the same ones.
        case busy
        /// A fifth most of the time, the others now and then.
        case mixed
        /// Each with one in five, so that nobody could tell which.
        case even
    }

    private struct Walker {
        var key: ProcessKey
        var pages: Double
        var deviation = 0.0
        var markPages: UInt64
        var isBusy: Bool
        var told: Window?
    }

    private var walkers: [Walker] = []
    private let mix: Mix
    private let step: Double

    /// Makes one whose processes change by `step` of their size in a minute.
    init(_ mix: Mix, step: Double, _ generator: inout SeededGenerator) {
        self.mix = mix
        self.step = step
        var (pid, ticks) = (Int32(0), UInt64(0))
        for _ in 0..<300 {
            pid += [1, 1, 2, 3, 10, 50, 200].randomElement(using: &generator) ?? 1
            ticks += UInt64(-300 * log(Double.random(in: 0.0001..<1, using: &generator)))
            let pages = exp(8.3 + 1.5 * WalkingHost.normal(&generator))
            walkers.append(
                Walker(
                    key: ProcessKey(pid: pid, startTicks: ticks), pages: pages,
                    markPages: UInt64(pages * Double.random(in: 1..<1.5, using: &generator)) + 1,
                    isBusy: generator.one(in: 5)))
        }
    }

    /// What is told of the next hour.
    mutating func hour(_ generator: inout SeededGenerator) -> WindowHour {
        var hour = WindowHour()
        hour.covered = 1 << 60 - 1
        for minute in 0..<WindowHour.minuteCount {
            for index in walkers.indices where changes(walkers[index], &generator) {
                let window = window(&walkers[index], &generator)
                guard window != walkers[index].told else { continue }
                walkers[index].told = window
                hour.runs[walkers[index].key, default: RunMinutes()].merge(window, minute: minute)
            }
        }
        return hour
    }

    private func changes(_ walker: Walker, _ generator: inout SeededGenerator) -> Bool {
        guard walker.told != nil else { return true }
        switch mix {
        case .busy: return walker.isBusy
        case .mixed: return walker.isBusy ? !generator.one(in: 5) : generator.one(in: 20)
        case .even: return generator.one(in: 5)
        }
    }

    private func window(_ walker: inout Walker, _ generator: inout SeededGenerator) -> Window {
        walker.deviation =
            walker.deviation * 0.97 + step * WalkingHost.normal(&generator)
        let pages = UInt64(max(1, walker.pages * exp(walker.deviation)))
        walker.markPages = max(walker.markPages, pages)
        return Window(atLeastBytes: pages << 12, atMostBytes: walker.markPages << 12)
    }

    /// A number of the normal distribution.
    private static func normal(_ generator: inout SeededGenerator) -> Double {
        let length = sqrt(-2 * log(Double.random(in: 1e-9..<1, using: &generator)))
        return length * cos(2 * Double.pi * Double.random(in: 0..<1, using: &generator))
    }
}
