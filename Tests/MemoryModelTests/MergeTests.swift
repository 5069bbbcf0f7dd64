import MemoryModel
import TestSupport
import Testing

@Suite("The merge table")
struct MergeTests {
    private func randomPeak(_ random: inout SeededGenerator) -> Peak {
        let end = Int64.random(in: 0...4, using: &random)
        let bracket = TimeBracket(
            notBeforeMilliseconds: Int64.random(in: 0...end, using: &random),
            notAfterMilliseconds: end)
        return Peak(
            bytes: UInt64.random(in: 1...3, using: &random),
            bracket: Bool.random(using: &random) ? bracket : nil,
            source: PeakSource.allCases.randomElement(using: &random) ?? .hwm)
    }

    private func randomRecord(_ random: inout SeededGenerator) -> RunRecord {
        var record = RunRecord(
            key: ProcessKey(pid: 1, startTicks: 1), description: .init(program: "a", comm: "a"))
        if Bool.random(using: &random) { record.peak = randomPeak(&random) }
        if Bool.random(using: &random) {
            record.swapPeakBytes = UInt64.random(in: 0...3, using: &random)
            record.processorMilliseconds = UInt64.random(in: 0...3, using: &random)
        }
        record.flags = RunFlags(rawValue: UInt32.random(in: 0...31, using: &random))
        if Bool.random(using: &random) {
            record.faults = FaultCounts(minor: random.next() % 4, major: random.next() % 4)
        }
        // The one agent that ends a run says the same of it each time.
        if Bool.random(using: &random) {
            record.end = RunEnd(bracket: nil, reason: .exited, exitCode: 3)
            record.ordinal = 5
        }
        return record
    }

    @Test("peaks merge whole: the result is one of the two, whichever comes first")
    func peaksMergeWhole() {
        var random = SeededGenerator()
        for _ in 0..<5_000 {
            let (a, b, c) = (randomPeak(&random), randomPeak(&random), randomPeak(&random))
            #expect(a.merged(with: b) == a || a.merged(with: b) == b, "\(random)")
            #expect(a.merged(with: b) == b.merged(with: a), "\(random)")
            #expect(a.merged(with: a) == a, "\(random)")
            #expect(
                a.merged(with: b).merged(with: c) == a.merged(with: b.merged(with: c)),
                "\(random)")
        }
    }

    @Test("the order of peaks is total: equal only where every part is equal")
    func totalOrder() {
        var random = SeededGenerator()
        for _ in 0..<5_000 {
            let (a, b) = (randomPeak(&random), randomPeak(&random))
            let relations = [a < b, b < a, a == b].filter { $0 }
            #expect(relations.count == 1, "\(a) \(b) \(random)")
        }
    }

    @Test("more bytes win; then a known time, the earlier end, the later begin, the source")
    func orderOfPeaks() {
        func peak(
            _ bytes: UInt64, _ begin: Int64, _ end: Int64, _ source: PeakSource
        ) -> Peak {
            let bracket = TimeBracket(notBeforeMilliseconds: begin, notAfterMilliseconds: end)
            return Peak(bytes: bytes, bracket: bracket, source: source)
        }
        let ascending = [
            Peak(bytes: 1, bracket: nil, source: .exit), peak(1, 0, 9, .exit),
            Peak(bytes: 2, bracket: nil, source: .exit), peak(2, 0, 9, .exit),
            peak(2, 0, 8, .sampled), peak(2, 1, 8, .sampled), peak(2, 1, 8, .cgroup),
            peak(2, 1, 8, .hwm), peak(2, 1, 8, .exit),
        ]
        #expect(ascending.shuffled().sorted() == ascending)
    }

    @Test("ledgers merge to the same in any order, in any groups and however often")
    func ledgersMerge() {
        var random = SeededGenerator()
        func ledger(_ random: inout SeededGenerator) -> PeakLedger {
            var ledger = PeakLedger(limits: PeakLimits(memoryTotalBytes: 0))
            for pid in Int32(1)...3 where Bool.random(using: &random) {
                let part = randomRecord(&random)
                var record = RunRecord(
                    key: ProcessKey(pid: pid, startTicks: 1), description: part.description)
                record.merge(part, otherIsNewer: false)
                ledger.merge(record, otherIsNewer: false)
            }
            return ledger
        }
        func merged(_ left: PeakLedger, _ right: PeakLedger) -> PeakLedger {
            right.runs.values.reduce(into: left) { $0.merge($1, otherIsNewer: false) }
        }
        for _ in 0..<1_000 {
            let (a, b, c) = (ledger(&random), ledger(&random), ledger(&random))
            #expect(merged(a, b) == merged(b, a), "\(random)")
            #expect(merged(merged(a, b), c) == merged(a, merged(b, c)), "\(random)")
            #expect(merged(merged(a, b), b) == merged(a, b), "\(random)")
        }
    }

    @Test("records merge to the same peaks in any order and however often")
    func recordsMerge() {
        var random = SeededGenerator()
        for _ in 0..<2_000 {
            let records = (0..<4).map { _ in randomRecord(&random) }
            var forward = records[0]
            for record in records + records { forward.merge(record, otherIsNewer: false) }
            var backward = records[3]
            for record in records.reversed() { backward.merge(record, otherIsNewer: false) }
            #expect(forward == backward, "\(random)")
        }
    }
}
