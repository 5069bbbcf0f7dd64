import GRDB
import MemoryModel
import TestSupport
import Testing

@testable import SQLiteStore

@Suite("Blocks of minutes that go on from the hour before")
struct ChainedBlockTests {
    private static let hourCount = 14

    @Test("Whichever hour changes or goes, and however often, all others say what they said")
    func sameAsModel() throws {
        var generator = SeededGenerator()
        try withBlocks { database in
            var model: [Int: WindowHour] = [:]
            for _ in 0..<150 {
                let blocks = BlockTable(database)
                let number = Int.random(in: 0..<Self.hourCount, using: &generator)
                if generator.one(in: 4) {
                    try blocks.delete(place(number))
                    model[number] = nil
                } else {
                    let hour = hour(after: model[number - 1], &generator)
                    try blocks.replace(place(number), by: hour)
                    model[number] = try PackedMinutes.hour(of: PackedMinutes.block(of: hour))
                }
                // By the same table, whose memory of the last block must not be an old one.
                for number in (0..<Self.hourCount).shuffled(using: &generator) {
                    let found = try blocks.minutes(of: place(number))
                    #expect(found == model[number], "\(generator), \(number)")
                }
            }
        }
    }

    @Test("Hours that go on take less, and the first of six can be read alone")
    func sizes() throws {
        var generator = SeededGenerator()
        try withBlocks { database in
            let blocks = BlockTable(database)
            let hour = hour(after: nil, &generator)
            for number in 0..<Self.hourCount {
                try blocks.replace(place(number), by: hour)
            }
            let formats = try UInt8.fetchAll(
                database,
                sql: """
                    SELECT unicode(CAST(substr(block, 1, 1) AS TEXT)) FROM window_block
                    WHERE part = 0 ORDER BY hour_at_ms
                    """)
            let first = 472_224 % BlockTable.chainedHours
            let expected = (0..<Int64(Self.hourCount)).map {
                (first + $0) % BlockTable.chainedHours == 0
                    ? PackedMinutes.format : PackedMinutes.formatGoingOn
            }
            #expect(formats == expected)
            let alone = PackedMinutes.block(of: hour).count
            let sizes = try Int.fetchAll(
                database, sql: "SELECT sum(length(block)) FROM window_block GROUP BY hour_at_ms")
            #expect(sizes.max() == alone && sizes.min().map { $0 < alone } == true)
        }
    }

    @Test("A damaged block is an error in it and in those that go on from it, and stops no pruning")
    func damage() throws {
        var generator = SeededGenerator()
        try withBlocks { database in
            var hour: WindowHour?
            for number in 0..<Self.hourCount {
                let next = self.hour(after: hour, &generator)
                try BlockTable(database).replace(place(number), by: next)
                hour = next
            }
            try database.execute(
                sql: "UPDATE window_block SET block = x'0399' WHERE hour_at_ms = ?",
                arguments: [place(2).hour])
            for number in 0..<Self.hourCount {
                let read = { try BlockTable(database).minutes(of: place(number)) }
                if (2..<6).contains(number) {
                    #expect(throws: DamagedRow.self) { try read() }
                } else {
                    #expect(try read() != nil)
                }
            }
            // What comes late, and the next hours, are packed all the same.
            let late = self.hour(after: nil, &generator)
            try BlockTable(database).replace(place(3), by: late)
            try BlockTable(database).replace(place(Self.hourCount), by: late)
            for number in [3, Self.hourCount] {
                let found = try BlockTable(database).minutes(of: place(number))
                #expect(found == (try PackedMinutes.hour(of: PackedMinutes.block(of: late))))
            }
            for number in 0..<6 { try BlockTable(database).delete(place(number)) }
            #expect(try BlockTable(database).minutes(of: place(2)) == nil)
            #expect(try BlockTable(database).minutes(of: place(7)) != nil)
        }
    }

    @Test("An end with the same digest, as an agent can choose it, harms no other hour")
    func sameDigest() throws {
        var generator = SeededGenerator()
        try withBlocks { database in
            let blocks = BlockTable(database)
            let first = hour(after: nil, &generator)
            let second = hour(after: first, &generator)
            try blocks.replace(place(2), by: first)
            try blocks.replace(place(3), by: second)
            let known = try #require(try blocks.minutes(of: place(3)))
            let other = forged(first)
            #expect(HourEnds(of: other) != HourEnds(of: first))
            #expect(HourEnds(of: other).digest == HourEnds(of: first).digest)
            try blocks.replace(place(2), by: other)
            #expect(try blocks.minutes(of: place(3)) == known)
            #expect(try blocks.minutes(of: place(2))?.runs.count == first.runs.count + 1)
        }
    }

    /// The same hour with one more run, whose start leaves the digest of its ends as it is.
    private func forged(_ hour: WindowHour) -> WindowHour {
        func with(_ startTicks: UInt64) -> WindowHour {
            var hour = hour
            hour.runs[ProcessKey(pid: 4_000_000, startTicks: startTicks)] = RunMinutes(
                carried: Window(atLeastBytes: 4_096, atMostBytes: nil))
            return hour
        }
        // Each bit of the start changes the same bits of a CRC, whatever the others are.
        let none = HourEnds(of: with(0)).digest
        var basis: [Int: (digest: UInt32, bits: UInt64)] = [:]
        func reduced(_ digest: UInt32, _ bits: UInt64) -> (digest: UInt32, bits: UInt64) {
            var (digest, bits) = (digest, bits)
            while digest != 0, let known = basis[digest.leadingZeroBitCount] {
                digest ^= known.digest
                bits ^= known.bits
            }
            return (digest, bits)
        }
        for bit in 0..<64 {
            let vector = reduced(none ^ HourEnds(of: with(1 << bit)).digest, 1 << bit)
            if vector.digest != 0 { basis[vector.digest.leadingZeroBitCount] = vector }
        }
        return with(reduced(none ^ HourEnds(of: hour).digest, 0).bits)
    }

    /// An hour in which most runs of the one before live on.
    private func hour(
        after before: WindowHour?, _ generator: inout SeededGenerator
    ) -> WindowHour {
        var hour = randomHour(&generator)
        hour.runs[ProcessKey(pid: 1, startTicks: 1)] = RunMinutes(
            carried: randomWindow(&generator))
        for (key, run) in before?.runs ?? [:] where !generator.one(in: 5) {
            hour.runs[key, default: RunMinutes()].carried = run.own.last?.window ?? run.carried
        }
        hour.runs = hour.runs.filter { !$0.value.isEmpty }
        return hour
    }

    private func place(_ number: Int) -> HourOfBoot {
        HourOfBoot(boot: 1, hour: minute(number * 60))
    }

    private func withBlocks(_ body: (Database) throws -> Void) throws {
        let directory = try TemporaryFolder()
        try SQLiteStore(dataDirectory: directory.data).close()
        var configuration = Configuration()
        configuration.foreignKeysEnabled = false
        let queue = try DatabaseQueue(path: directory.database, configuration: configuration)
        try queue.write(body)
        try queue.close()
    }
}
