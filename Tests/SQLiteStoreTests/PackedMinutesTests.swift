import MemoryModel
import PeakStore
import TestSupport
import Testing

@testable import SQLiteStore

@Suite struct PackedMinutesTests {
    @Test("An hour comes out of its block as it went in, lower bounds rounded down by 1/32 at most")
    func roundTrip() throws {
        var generator = SeededGenerator()
        for _ in 0..<200 {
            let hour = randomHour(&generator)
            let found = try PackedMinutes.hour(of: PackedMinutes.block(of: hour))
            var expected = hour
            expected.covered = 0
            for key in hour.runs.keys {
                guard var run = hour.runs[key] else { continue }
                run.carried = run.carried.map(PackedMinutes.rounded)
                run.hour = run.hour.map(PackedMinutes.rounded)
                run.own = run.own.map { ($0.minute, PackedMinutes.rounded($0.window)) }
                expected.runs[key] = run
            }
            #expect(found == expected, "\(generator)")
            // What is packed again stays as it is.
            #expect(try PackedMinutes.hour(of: PackedMinutes.block(of: found)) == found)
        }
    }

    @Test("Rounding never raises, keeps 31 of 32 parts, and leaves exact pairs alone")
    func rounding() {
        var generator = SeededGenerator()
        for shift in 0..<64 {
            let amount = UInt64.random(in: 0...(.max >> UInt64(shift)), using: &generator)
            let rounded = PackedMinutes.rounded(Window(atLeastBytes: amount, atMostBytes: nil))
            #expect(rounded.atLeastBytes <= amount, "\(generator)")
            #expect(amount - rounded.atLeastBytes <= amount / 32, "\(generator)")
            let exact = Window(atLeastBytes: amount, atMostBytes: amount)
            #expect(PackedMinutes.rounded(exact) == exact)
        }
    }

    @Test("A block that was cut or changed is refused or read, and never harms")
    func damage() throws {
        var generator = SeededGenerator()
        let block = PackedMinutes.block(of: randomHour(&generator))
        for length in 0..<block.count {
            #expect(throws: DamagedRow.self) {
                try PackedMinutes.hour(of: Array(block.prefix(length)))
            }
        }
        var refused = 0
        // Of another format nothing is read at all.
        for index in block.indices.dropFirst() {
            var changed = block
            changed[index] ^= UInt8.random(in: 1...255, using: &generator)
            do {
                _ = try PackedMinutes.hour(of: changed)
            } catch is DamagedRow {
                refused += 1
            }
        }
        #expect(refused > 0, "\(generator)")
    }

    @Test("Whatever stands in a block, it is refused, or has no more runs than there is room for")
    func noise() throws {
        var generator = SeededGenerator()
        for format in [PackedMinutes.format, FormerMinutes.format] {
            for round in 0..<400 {
                let bytes = UInt8.random(in: 0...255, using: &generator)
                let block =
                    [format]
                    + (0..<Int.random(in: 0..<300, using: &generator)).map { _ in
                        round % 3 == 0 ? bytes : UInt8.random(in: 0...255, using: &generator)
                    }
                do {
                    let hour = try PackedMinutes.hour(of: block)
                    #expect(hour.runs.count <= 1_100 * block.count, "\(generator)")
                } catch is DamagedRow {}
            }
        }
    }

    @Test("A block that goes on from the hour before says the same, and needs that very hour")
    func goingOn() throws {
        var generator = SeededGenerator()
        for _ in 0..<100 {
            let before = randomHour(&generator)
            var hour = randomHour(&generator)
            for (key, run) in before.runs where !generator.one(in: 4) {
                hour.runs[key, default: RunMinutes()].carried =
                    generator.one(in: 4)
                    ? randomWindow(&generator) : run.own.last?.window ?? run.carried
            }
            hour.runs = hour.runs.filter { !$0.value.isEmpty }
            let expected = try PackedMinutes.hour(of: PackedMinutes.block(of: hour))
            let block = PackedMinutes.block(of: hour, after: HourEnds(of: before))
            // The hour before is known as it comes out of its own block.
            let read = try PackedMinutes.hour(of: PackedMinutes.block(of: before))
            let found = try PackedMinutes.hour(of: block, after: HourEnds(of: read))
            #expect(found == expected, "\(generator)")
            #expect(throws: DamagedRow.self) { try PackedMinutes.hour(of: block) }
            var other = before
            other.runs[ProcessKey(pid: 1, startTicks: 1)] = RunMinutes(
                carried: randomWindow(&generator))
            #expect(throws: DamagedRow.self) {
                try PackedMinutes.hour(of: block, after: HourEnds(of: other))
            }
            #expect(throws: DamagedRow.self) {
                try PackedMinutes.hour(of: Array(block.dropLast()), after: HourEnds(of: read))
            }
        }
    }

    @Test("Blocks of the former format are read as what they say")
    func former() throws {
        var generator = SeededGenerator()
        for _ in 0..<100 {
            let hour = randomHour(&generator)
            let former = try PackedMinutes.hour(of: FormerMinutes.block(of: hour))
            #expect(former == (try PackedMinutes.hour(of: PackedMinutes.block(of: hour))))
            let block = FormerMinutes.block(of: hour)
            #expect(throws: DamagedRow.self) {
                try PackedMinutes.hour(of: Array(block.dropLast()))
            }
        }
    }

    @Test("A block of runs that stand still, or move every five minutes, is as small as it was")
    func regular() {
        var generator = SeededGenerator()
        var hour = WindowHour()
        for pid in 1...300 {
            var run = RunMinutes()
            let most = UInt64.random(in: 500...90_000, using: &generator) << 12
            run.carried = Window(atLeastBytes: most / 2, atMostBytes: most)
            if pid % 3 == 0 {
                for minute in stride(from: 2, to: 60, by: 5) {
                    run.own.append(
                        (
                            minute,
                            Window(
                                atLeastBytes: minute % 2 == 0 ? most / 4 : most / 2,
                                atMostBytes: most)
                        ))
                }
            }
            let ticks = UInt64.random(in: 0...500_000, using: &generator)
            hour.runs[ProcessKey(pid: Int32(pid), startTicks: ticks)] = run
        }
        let (new, former) = (PackedMinutes.block(of: hour), FormerMinutes.block(of: hour))
        #expect(new.count <= former.count, "\(generator)")
    }

    @Test("Hours and days of programs come out of their block as they went in")
    func subjects() throws {
        var generator = SeededGenerator()
        var windows = SubjectWindows()
        windows.covered = 0x8000_0001
        for _ in 0..<300 {
            let subject = SubjectKey(
                program: Int64.random(in: 1...20, using: &generator),
                user: generator.one(in: 3) ? nil : Int64.random(in: 1...9, using: &generator),
                cgroup: generator.one(in: 3) ? nil : 7)
            windows.merge(
                SubjectWindow(
                    window: randomWindow(&generator),
                    runCount: UInt64.random(in: 1...9, using: &generator)),
                of: subject, at: Int.random(in: 0..<32, using: &generator))
        }
        let found = try SubjectWindows(block: windows.block, covered: windows.covered)
        #expect(found == windows, "\(generator)")
    }
}
