import MemoryModel
import TestSupport
import Testing

@Suite struct MemoryCurveTests {
    @Test("A curve keeps the greatest figure, whatever its length, in a bounded number of steps")
    func bounded() {
        var generator = SeededGenerator(seed: 5)
        for length in [1, 7, 40, 500, 20_000] {
            var curve = MemoryCurve(stepMilliseconds: 10, maximumSteps: 32)
            var greatest: UInt64 = 0
            var time: Int64 = 0
            for _ in 0..<length {
                time += Int64(generator.next() % 25)
                let bytes = generator.next() % 1_000_000
                greatest = max(greatest, bytes)
                curve.add(bytes, atMilliseconds: time)
            }
            #expect(curve.steps.count <= 32)
            #expect(curve.steps.compactMap { $0 }.max() == greatest)
            #expect(Int64(curve.steps.count) * curve.stepMilliseconds > time)
            #expect(Int64(curve.steps.count - 1) * curve.stepMilliseconds <= time)
        }
    }

    @Test("A step in which nobody looked has no figure")
    func gaps() {
        var curve = MemoryCurve(stepMilliseconds: 10)
        curve.add(5, atMilliseconds: -3)
        curve.add(7, atMilliseconds: 9)
        curve.add(1, atMilliseconds: 35)
        #expect(curve.steps == [7, nil, nil, 1])
    }
}
