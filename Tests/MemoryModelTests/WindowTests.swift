import MemoryModel
import TestSupport
import Testing

@Suite("Windows")
struct WindowTests {
    private static func any(using random: inout SeededGenerator) -> Window {
        let atLeast = UInt64.random(in: 0...8, using: &random)
        let hasMark = Bool.random(using: &random)
        return Window(
            atLeastBytes: atLeast,
            atMostBytes: hasMark ? .random(in: 0...8, using: &random) : nil)
    }

    @Test("merging is commutative, associative and idempotent, and never lowers a bound")
    func merging() {
        var random = SeededGenerator()
        for _ in 0..<2_000 {
            let one = WindowTests.any(using: &random)
            let two = WindowTests.any(using: &random)
            let three = WindowTests.any(using: &random)
            #expect(one.merged(with: two) == two.merged(with: one), "\(random)")
            #expect(
                one.merged(with: two).merged(with: three)
                    == one.merged(with: two.merged(with: three)), "\(random)")
            #expect(one.merged(with: one) == one)
            #expect(one.merged(with: two).atLeastBytes >= two.atLeastBytes)
            #expect(one.merged(with: two).atMostBytes ?? .max >= two.atMostBytes ?? .max)
        }
    }

    @Test("a window is exact, and the kernel's word, where both bounds are equal")
    func exactness() {
        #expect(Window(atLeastBytes: 5, atMostBytes: 5).isExact)
        #expect(Window(atLeastBytes: 5, atMostBytes: 5).source == .hwm)
        #expect(Window(atLeastBytes: 5, atMostBytes: 3) == Window(atLeastBytes: 5, atMostBytes: 5))
        #expect(!Window(atLeastBytes: 5, atMostBytes: 6).isExact)
        #expect(Window(atLeastBytes: 5, atMostBytes: nil).source == .sampled)
    }

    @Test("an edge belongs to the window that begins there, before the epoch, too")
    func edges() {
        #expect(WindowLength.minute.start(of: 60_000) == 60_000)
        #expect(WindowLength.minute.start(of: 119_999) == 60_000)
        #expect(WindowLength.minute.start(of: -1) == -60_000)
        #expect(WindowLength.hour.start(of: 3_599_999) == 0)
        #expect(WindowLength.day.start(of: 86_400_000) == 86_400_000)
    }
}
