import PythonStacks
import TestSupport
import Testing

/// When stacks are read, whom growth is credited to, and what is kept.
@Suite("Growth ledger")
struct GrowthLedgerTests {
    private let mebibyte: UInt64 = 1 << 20

    private func stack(_ function: Int32, _ line: Int32 = 1) -> [StackFrame] {
        [StackFrame(function: function, line: line), StackFrame(function: 0, line: 9)]
    }

    @Test("growth below the threshold waits until it has become more, and is lost to nobody")
    func threshold() {
        var ledger = GrowthLedger()
        #expect(ledger.look(residentBytes: mebibyte, at: 0).grownBytes == 0)
        #expect(ledger.look(residentBytes: mebibyte + 300_000, at: 100).grownBytes == 0)
        #expect(ledger.look(residentBytes: mebibyte + 600_000, at: 200).grownBytes == 600_000)
        #expect(ledger.look(residentBytes: mebibyte, at: 300).grownBytes == 0)
        #expect(ledger.look(residentBytes: 2 * mebibyte, at: 400).grownBytes == mebibyte)
        #expect(ledger.grownBytes == mebibyte + 600_000)
        #expect(ledger.peakBytes == 2 * mebibyte && ledger.peakMilliseconds == 400)
    }

    @Test("a process that grows is looked at every 10 ms, one that stands every 100 ms")
    func waits() {
        var ledger = GrowthLedger()
        #expect(ledger.look(residentBytes: 0, at: 0).waitMilliseconds == 100)
        #expect(ledger.look(residentBytes: mebibyte, at: 100).waitMilliseconds == 10)
        #expect(ledger.look(residentBytes: mebibyte, at: 110).waitMilliseconds == 10)
        #expect(ledger.look(residentBytes: mebibyte, at: 300).waitMilliseconds == 10)
        #expect(ledger.look(residentBytes: mebibyte, at: 301).waitMilliseconds == 100)
        #expect(ledger.isGrowing(at: 300) && !ledger.isGrowing(at: 301))
    }

    @Test("where page faults were sampled, even the least growth is credited")
    func sampled() {
        var ledger = GrowthLedger()
        #expect(ledger.look(residentBytes: 5, at: 0, isSampled: true).grownBytes == 0)
        #expect(ledger.look(residentBytes: 6, at: 1, isSampled: true).grownBytes == 1)
        #expect(ledger.look(residentBytes: 6, at: 2, isSampled: true).grownBytes == 0)
        #expect(ledger.look(residentBytes: 9, at: 3).grownBytes == 0)
    }

    @Test("each stack has a number of its own, and none that was given before")
    func numbers() {
        var settings = GrowthLedger.Settings()
        settings.maximumStacks = 4
        var ledger = GrowthLedger(settings: settings)
        #expect(ledger.credit(5, to: nil, residentBytes: 1, at: 1) == 0)
        let numbers = (0..<20).map {
            ledger.credit(1, to: stack(Int32($0)), residentBytes: 1, at: 1)
        }
        #expect(Set(numbers).count == 20 && !numbers.contains(0))
        #expect(ledger.credit(1, to: stack(19), residentBytes: 1, at: 1) == numbers.last)
    }

    @Test("what has not grown for long is looked at less often, what grew in a burst more often")
    func quiet() {
        var settings = GrowthLedger.Settings()
        settings.quietMilliseconds = 250
        var ledger = GrowthLedger(settings: settings)
        _ = ledger.look(residentBytes: 0, at: 0)
        #expect(ledger.look(residentBytes: 0, at: 100_000).waitMilliseconds == 100)
        _ = ledger.look(residentBytes: mebibyte, at: 100_100)
        #expect(ledger.look(residentBytes: mebibyte, at: 110_100).waitMilliseconds == 100)
        #expect(ledger.look(residentBytes: mebibyte, at: 110_101).waitMilliseconds == 250)
        _ = ledger.look(residentBytes: 2 * mebibyte, at: 110_200)
        ledger.credit(
            mebibyte, to: stack(1), isAsleep: true, residentBytes: 2 * mebibyte, at: 110_200)
        #expect(ledger.look(residentBytes: 2 * mebibyte, at: 120_200).waitMilliseconds == 10)
        #expect(ledger.look(residentBytes: 2 * mebibyte, at: 120_201).waitMilliseconds == 250)
    }

    @Test("a line where a thread slept is not said to have run, nor one after a long gap")
    func notRunning() {
        var ledger = GrowthLedger()
        ledger.credit(5, to: stack(1), isAsleep: true, residentBytes: 50, at: 1)
        ledger.credit(6, to: nil, isAsleep: true, residentBytes: 50, at: 1)
        #expect(ledger.lines.isEmpty && ledger.stacks.isEmpty)
        #expect(ledger.sleepingLines == [stack(1)[0]: 5])
        #expect(ledger.sleepingBytes == 11 && ledger.unattributedBytes == 11)
        // That it was on the stack when so much was resident is true all the same.
        #expect(ledger.functionPeaks == [0: 50, 1: 50] && ledger.peakStack == stack(1))
        _ = ledger.look(residentBytes: 0, at: 1_000)
        #expect(!ledger.look(residentBytes: mebibyte, at: 2_000).isLate)
        #expect(!ledger.look(residentBytes: mebibyte, at: 4_000).isLate)
        let late = ledger.look(residentBytes: 3 * mebibyte, at: 5_001)
        #expect(late.isLate && late.grownBytes == 2 * mebibyte)
        ledger.addUnwatched(late.grownBytes)
        #expect(ledger.unwatchedBytes == 2 * mebibyte)
        #expect(ledger.unattributedBytes == 2 * mebibyte + 11)
    }

    @Test("what it grew by before the first look is part of all growth, and of what is in no line")
    func earlier() {
        let before = GrowthLedger.EarlierGrowth(
            grownBytes: 158 * mebibyte, residentBytes: 170 * mebibyte)
        var ledger = GrowthLedger(earlier: before)
        #expect(ledger.grownBytes == 158 * mebibyte)
        #expect(ledger.look(residentBytes: 171 * mebibyte, at: 0).grownBytes == 0)
        #expect(ledger.look(residentBytes: 329 * mebibyte, at: 10).grownBytes == 158 * mebibyte)
        #expect(ledger.grownBytes == 317 * mebibyte)
        #expect(ledger.unwatchedBytes == 159 * mebibyte)
        #expect(ledger.unattributedBytes == 159 * mebibyte)
        // What it gave back before the first look was grown all the same.
        var smaller = GrowthLedger(earlier: before)
        _ = smaller.look(residentBytes: 20 * mebibyte, at: 0)
        #expect(smaller.grownBytes == 158 * mebibyte && smaller.lastBytes == 20 * mebibyte)
    }

    @Test("lines, stacks, peaks of functions and the stack at the peak are those that ran")
    func credit() {
        var ledger = GrowthLedger()
        ledger.credit(5, to: stack(1), residentBytes: 50, at: 1)
        ledger.credit(7, to: stack(2), residentBytes: 90, at: 2)
        ledger.credit(1, to: stack(1), residentBytes: 70, at: 3)
        ledger.credit(4, to: nil, residentBytes: 99, at: 4)
        #expect(ledger.lines == [stack(1)[0]: 6, stack(2)[0]: 7])
        #expect(ledger.unattributedBytes == 4)
        #expect(ledger.functionPeaks == [0: 90, 1: 70, 2: 90])
        #expect(ledger.peakStack == stack(2) && ledger.peakStackBytes == 90)
        #expect(ledger.stacks[stack(1)]?.readCount == 2)
    }

    @Test("what finds no room is merged, the smallest first, and counted; no byte is lost")
    func bounds() {
        var generator = SeededGenerator()
        var settings = GrowthLedger.Settings()
        (settings.maximumStacks, settings.maximumFrames, settings.maximumLines) = (64, 400, 32)
        var ledger = GrowthLedger(settings: settings)
        var total: UInt64 = 0
        let large = stack(9_999)
        ledger.credit(1 << 40, to: large, residentBytes: 1, at: 0)
        for step in 0..<20_000 {
            let bytes = UInt64.random(in: 0...100_000, using: &generator)
            let depth = Int.random(in: 1...12, using: &generator)
            let function = Int32.random(in: 0...500, using: &generator)
            let frames = (0..<depth).map { StackFrame(function: function, line: Int32($0)) }
            ledger.credit(bytes, to: frames, residentBytes: 5, at: Int64(step))
            total += bytes
            #expect(ledger.stacks.count <= 64 && ledger.lines.count <= 32, "\(generator)")
            let frameCount = ledger.stacks.keys.reduce(0) { $0 + $1.count }
            #expect(frameCount <= 400, "\(generator)")
        }
        let stacks = ledger.stacks.values.reduce(ledger.otherBytes) { $0 + $1.grownBytes }
        let lines = ledger.lines.values.reduce(ledger.otherLineBytes, +)
        #expect(stacks == total + 1 << 40 && lines == total + 1 << 40, "\(generator)")
        #expect(ledger.stacks[large]?.grownBytes == 1 << 40)
        #expect(ledger.otherCount > 0 && ledger.functionPeaks.count <= 32)
    }

    @Test("of stacks that grew by as much, those that were seen first are merged first")
    func ties() {
        for _ in 0..<20 {
            var settings = GrowthLedger.Settings()
            settings.maximumStacks = 8
            var ledger = GrowthLedger(settings: settings)
            for function in 1...9 as ClosedRange<Int32> {
                ledger.credit(5, to: stack(function), residentBytes: 1, at: 1)
            }
            #expect(Set(ledger.stacks.keys) == Set((3...9).map { stack($0) }))
        }
    }

    @Test("figures at the end of their range do not overflow")
    func extremes() {
        var ledger = GrowthLedger()
        for bytes in [UInt64.max, 0, .max, 1, .max] {
            let decision = ledger.look(residentBytes: bytes, at: 0)
            ledger.credit(decision.grownBytes, to: stack(1), residentBytes: bytes, at: .max)
        }
        #expect(ledger.grownBytes == .max && ledger.lines.values.max() == .max)
    }
}
