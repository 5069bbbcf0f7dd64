import MemoryModel
import TestSupport
import Testing

@Suite("Sections of runs")
struct SectionRecordTests {
    private static let key = SectionKey(run: ProcessKey(pid: 7, startTicks: 70), name: "load")

    private static func random(_ random: inout SeededGenerator) -> SectionRecord {
        let end = Int64.random(in: 0...3, using: &random)
        let bracket = TimeBracket(
            notBeforeMilliseconds: Int64.random(in: 0...end, using: &random),
            notAfterMilliseconds: end)
        var record = SectionRecord(
            key: key,
            firstCall: SectionCall(
                peak: Peak(
                    bytes: UInt64.random(in: 0...2, using: &random),
                    bracket: Bool.random(using: &random) ? bracket : nil,
                    source: Bool.random(using: &random) ? .hwm : .sampled),
                growthBytes: UInt64.random(in: 0...2, using: &random),
                microseconds: UInt64.random(in: 0...2, using: &random),
                flags: SectionFlags(rawValue: UInt8.random(in: 0...7, using: &random))))
        record.callCount = UInt64.random(in: 1...3, using: &random)
        record.totalMicroseconds = UInt64.random(in: 0...3, using: &random)
        return record
    }

    private static func merged(_ left: SectionRecord, _ right: SectionRecord) -> SectionRecord {
        var merged = left
        merged.merge(right)
        return merged
    }

    @Test("Two copies become one in any order, any grouping and any number of times")
    func mergeTable() {
        var random = SeededGenerator(seed: 20_261_130)
        for _ in 0..<5_000 {
            let one = Self.random(&random)
            let two = Self.random(&random)
            let three = Self.random(&random)
            let both = Self.merged(one, two)
            #expect(both == Self.merged(two, one))
            #expect(Self.merged(both, three) == Self.merged(one, Self.merged(two, three)))
            #expect(Self.merged(both, two) == both)
            #expect(Self.merged(one, one) == one)
        }
    }

    @Test("Calls of two starts of an agent add up, and their peaks do not")
    func epochs() {
        func call(_ bytes: UInt64, _ microseconds: UInt64) -> SectionCall {
            SectionCall(
                peak: Peak(bytes: bytes, bracket: nil, source: .hwm), growthBytes: bytes / 2,
                microseconds: microseconds, flags: [])
        }
        var first = SectionRecord(key: Self.key, firstCall: call(100, 5))
        first.add(call(80, 9))
        let second = SectionRecord(key: Self.key, firstCall: call(90, 2))
        first.addCalls(of: second)
        #expect(first.callCount == 3)
        #expect(first.totalMicroseconds == 16)
        #expect(first.longestMicroseconds == 9)
        #expect(first.peak.bytes == 100)
        #expect(first.growthBytes == 50)
    }
}
