import MemoryModel
import TestSupport
import Testing

@Suite("The histogram of peaks")
struct PeakHistogramTests {
    @Test("each step begins where the one before ends, and eight of them double the size")
    func steps() {
        #expect(PeakHistogram.step(ofBytes: 0) == 0)
        #expect(PeakHistogram.step(ofBytes: 1_024) == 0)
        #expect(PeakHistogram.step(ofBytes: 1_025) == 8)
        #expect(PeakHistogram.step(ofBytes: 1 << 20) == 80)
        #expect(PeakHistogram.step(ofBytes: .max) == PeakHistogram.stepLimit - 1)
        for step in UInt16(0)..<PeakHistogram.stepLimit - 1 {
            let greatest = PeakHistogram.greatestBytes(ofStep: step)
            let next = PeakHistogram.greatestBytes(ofStep: step + 1)
            #expect(greatest <= next, "\(step)")
            #expect(PeakHistogram.step(ofBytes: greatest + 1) > step, "\(step)")
            // The first steps are finer than a KiB, so that some hold nothing.
            guard step >= 24 else { continue }
            #expect(PeakHistogram.step(ofBytes: greatest) == step, "\(step)")
            #expect(Double(next) / Double(greatest) < 1.16, "\(step)")
        }
    }

    @Test("a size is at most the greatest of its step, which is at most 9.1 % and a KiB more")
    func greatest() {
        var random = SeededGenerator()
        for _ in 0..<20_000 {
            let bytes = random.next() >> UInt64.random(in: 1...60, using: &random)
            let greatest = PeakHistogram.greatestBytes(
                ofStep: PeakHistogram.step(ofBytes: bytes))
            #expect(greatest >= bytes, "\(bytes); \(random)")
            #expect(Double(greatest) <= Double(bytes) * 1.091 + 1_024, "\(bytes); \(random)")
        }
    }

    private func randomHistogram(_ random: inout SeededGenerator) -> PeakHistogram {
        var histogram = PeakHistogram()
        for _ in 0..<Int.random(in: 0...6, using: &random) {
            let count = Bool.random(using: &random) ? 1 : random.next()
            histogram.add(count: count, atStep: UInt16.random(in: 0...4, using: &random))
        }
        return histogram
    }

    private func sum(_ left: PeakHistogram, _ right: PeakHistogram) -> PeakHistogram {
        var sum = left
        sum.add(right)
        return sum
    }

    @Test("adding gives the same in every order, also where counts no longer fit")
    func adding() {
        var random = SeededGenerator()
        for _ in 0..<2_000 {
            let (a, b) = (randomHistogram(&random), randomHistogram(&random))
            let c = randomHistogram(&random)
            #expect(sum(a, b) == sum(b, a), "\(random)")
            #expect(sum(sum(a, b), c) == sum(a, sum(b, c)), "\(random)")
            #expect(sum(a, PeakHistogram()) == a, "\(random)")
        }
    }

    @Test("counts what is added, a step that is too great as the greatest")
    func counts() {
        var histogram = PeakHistogram()
        histogram.add(bytes: 1)
        histogram.add(bytes: 1_000)
        histogram.add(count: 3, atStep: .max)
        histogram.add(count: 0, atStep: 7)
        #expect(histogram.counts == [0: 2, PeakHistogram.stepLimit - 1: 3])
        #expect(histogram.total == 5)
    }
}
