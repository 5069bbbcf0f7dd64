import MemoryModel
import TestSupport
import Testing

@Suite("Growth by line")
struct GrowthRecordTests {
    private static let lines = (1...3).map {
        PythonLine(file: "a.py", function: "f", line: Int32($0))
    }

    private static func random(_ random: inout SeededGenerator) -> GrowthRecord {
        var record = GrowthRecord(run: ProcessKey(pid: 7, startTicks: 70))
        record.grownBytes = UInt64.random(in: 0...3, using: &random)
        record.unattributedBytes = UInt64.random(in: 0...3, using: &random)
        for line in lines where Bool.random(using: &random) {
            record.lines[line] = UInt64.random(in: 0...3, using: &random)
        }
        if Bool.random(using: &random) {
            record.peakStack = GrowthRecord.PeakStack(
                residentBytes: UInt64.random(in: 0...2, using: &random),
                lines: Array(lines.shuffled(using: &random).prefix(2)))
        }
        return record
    }

    private static func merged(_ left: GrowthRecord, _ right: GrowthRecord) -> GrowthRecord {
        var merged = left
        merged.merge(right)
        return merged
    }

    @Test("Two copies become one in any order, any grouping and any number of times")
    func mergeTable() {
        var random = SeededGenerator(seed: 42_001)
        for _ in 0..<5_000 {
            let one = Self.random(&random)
            let two = Self.random(&random)
            let three = Self.random(&random)
            let both = Self.merged(one, two)
            #expect(both == Self.merged(two, one))
            #expect(Self.merged(both, three) == Self.merged(one, Self.merged(two, three)))
            #expect(Self.merged(both, two) == both)
        }
    }

    @Test("What two starts of an agent saw adds up, and the greater stack stays")
    func epochs() {
        var first = GrowthRecord(run: ProcessKey(pid: 7, startTicks: 70))
        first.grownBytes = 10
        first.lines = [Self.lines[0]: 10]
        first.peakStack = GrowthRecord.PeakStack(residentBytes: 5, lines: [Self.lines[0]])
        var second = first
        second.lines = [Self.lines[0]: 4, Self.lines[1]: 1]
        second.peakStack?.residentBytes = 9
        first.addGrowth(of: second)
        #expect(first.grownBytes == 20)
        #expect(first.ranked.map(\.grownBytes) == [14, 1])
        #expect(first.peakStack?.residentBytes == 9)
    }
}
