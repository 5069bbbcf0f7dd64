import TestSupport
import Testing

@testable import SQLiteStore

@Suite struct RangeCoderTests {
    /// What one piece of code writes and reads.
    private struct Mixture {
        var models = [BitModel](repeating: BitModel(), count: 4)
        var numbers = NumberModel()
        var small = SmallNumberModel()

        mutating func code<Bits: BitCoder>(_ known: [UInt64], _ bits: inout Bits) -> [UInt64] {
            known.enumerated().map { index, number in
                switch index % 4 {
                case 0: bits.code(number & 1 != 0, &models[index / 4 % 4]) ? 1 : 0
                case 1: bits.code(number, &numbers)
                case 2: bits.code(number, &small, &numbers)
                default: bits.code(even: number, bits: 64)
                }
            }
        }
    }

    @Test("Bits and numbers of all sizes come out as they went in, likely or not")
    func roundTrip() {
        var generator = SeededGenerator()
        for round in 0..<100 {
            let likely = [2, 40, 3_000][round % 3]
            let known = (0..<400).map { index in
                let number = generator.next() >> UInt64.random(in: 0..<64, using: &generator)
                return index % 4 == 0
                    ? generator.one(in: likely) ? 1 : 0 : generator.one(in: 9) ? .max : number
            }
            var (writing, reading) = (Mixture(), Mixture())
            var writer = RangeWriter()
            #expect(writing.code(known, &writer) == known)
            let bytes = writer.finished()
            var reader = RangeReader(bytes, from: 0)
            #expect(reading.code([UInt64](repeating: 0, count: 400), &reader) == known)
            #expect(reader.isAtEnd, "\(generator)")
        }
    }

    @Test("What is carried goes through bytes that are full")
    func carries() {
        var generator = SeededGenerator()
        // A rare bit after many likely ones stands at the upper end of the range.
        for count in 1..<400 {
            let known = (0..<count).map { _ in !generator.one(in: 200) }
            var (model, again) = (BitModel(), BitModel())
            var writer = RangeWriter()
            for bit in known { _ = writer.code(bit, &model) }
            var reader = RangeReader(writer.finished(), from: 0)
            #expect(known == known.map { _ in reader.code(false, &again) }, "\(generator)")
            #expect(reader.isAtEnd)
        }
    }

    @Test("A thousand bits of which nearly all are alike take few bytes")
    func likely() {
        var model = BitModel()
        var writer = RangeWriter()
        for index in 0..<1_000 { _ = writer.code(index == 500, &model) }
        #expect(writer.finished().count < 10)
    }

    @Test("A reader that is at the end of its bytes says so and goes on")
    func cut() {
        var model = BitModel()
        var writer = RangeWriter()
        for index in 0..<500 { _ = writer.code(index % 3 == 0, &model) }
        var reader = RangeReader(Array(writer.finished().dropLast(4)), from: 0)
        var again = BitModel()
        for _ in 0..<500 { _ = reader.code(false, &again) }
        #expect(reader.isDamaged)
        #expect(!reader.isAtEnd)
    }
}
