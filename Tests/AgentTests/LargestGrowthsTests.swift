import MemoryModel
import TestSupport
import Testing

@testable import Agent

/// What is kept of the Python programs of a command, however many there are.
@Suite("The Python programs of a command that grew most")
struct LargestGrowthsTests {
    private func growth(_ bytes: UInt64, hasEnded: Bool = false) -> PythonGrowth {
        var growth = PythonGrowth(pid: 1)
        growth.grownBytes = bytes
        growth.hasEnded = hasEnded
        return growth
    }

    private func key(_ pid: Int) -> ProcessKey { ProcessKey(pid: Int32(pid), startTicks: 1) }

    @Test("the largest are kept, each once, and the others are counted, each once")
    func kept() {
        var largest = LargestGrowths(maximumCount: 2)
        for pid in 1...4 { largest.keep(growth(UInt64(pid)), of: key(pid)) }
        #expect(Set(largest.growths.keys) == [key(3), key(4)] && largest.leftOutCount == 2)
        // One that was left out grows, is kept, and is left out again.
        largest.keep(growth(9), of: key(1))
        #expect(Set(largest.growths.keys) == [key(1), key(4)] && largest.leftOutCount == 2)
        largest.keep(growth(2), of: key(1))
        largest.keep(growth(3, hasEnded: true), of: key(3))
        #expect(Set(largest.growths.keys) == [key(3), key(4)] && largest.leftOutCount == 2)
        largest.end(key(4))
        largest.end(key(2))
        #expect(largest.growths[key(4)]?.hasEnded == true && largest.leftOutCount == 2)
    }

    @Test("what is held is bounded by what lives, however many programs have come and gone")
    func bounded() {
        var generator = SeededGenerator()
        var largest = LargestGrowths(maximumCount: 16)
        var most: [UInt64] = []
        for pid in 1...10_000 {
            let bytes = UInt64.random(in: 1...1 << 40, using: &generator)
            most = Array((most + [bytes]).sorted(by: >).prefix(16))
            // Of some the end is told with what they grew by, of others it is only seen.
            let isTold = pid % 2 == 0
            largest.keep(growth(bytes, hasEnded: isTold), of: key(pid))
            if !isTold, pid > 100 { largest.end(key(pid - 100)) }
            #expect(largest.heldCount <= 16 + 51, "\(generator)")
        }
        #expect(largest.leftOutCount == 10_000 - 16, "\(generator)")
        #expect(
            largest.growths.values.map(\.grownBytes).sorted(by: >) == most, "\(generator)")
    }
}
