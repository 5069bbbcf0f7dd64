import ProcessSampler
import TestSupport
import Testing

@testable import PythonStacks

/// Which sampled pages are remembered, and what each stands for.
@Suite("Resident pages")
struct ResidentPagesTests {
    private func page(
        _ number: UInt64, _ stack: Int32, _ bytes: UInt64 = 10, isHuge: Bool = false
    ) -> ResidentPages.Page {
        ResidentPages.Page(number: number, stack: stack, bytes: bytes, isHuge: isHuge)
    }

    @Test("a page belongs to whoever touched it last, and a huge one to whoever touched any of it")
    func replaced() {
        var pages = ResidentPages()
        pages.add(page(5, 1))
        pages.add(page(6, 1))
        pages.add(page(5, 2, 7))
        #expect(pages.bytesByStack == [1: 10, 2: 7] && pages.count == 2)
        pages.add(page(512, 3))
        pages.add(page(9, 4, 500, isHuge: true))
        #expect(pages.bytesByStack == [3: 10, 4: 500] && pages.count == 2)
        pages.add(page(11, 5))
        #expect(pages.bytesByStack == [3: 10, 5: 10])
    }

    @Test("pages that are gone are forgotten, and those of which nothing can be told are kept")
    func sweep() {
        var pages = ResidentPages()
        for number in 0..<UInt64(2_048) where number % 64 == 0 { pages.add(page(number, 1)) }
        for number in 0..<UInt64(2_048) where number % 64 == 1 { pages.add(page(number, 2)) }
        #expect(pages.sweep(limit: .max) { _ in nil })
        #expect(pages.count == 64)
        var asked = 0
        var sweeps = 0
        repeat {
            sweeps += 1
        } while !pages.sweep(limit: 1) { found in
            asked += found.count
            return found.map { $0.stack == 1 && $0.number < 1_024 }
        }
        #expect(sweeps == 4 && asked == 64)
        #expect(pages.bytesByStack == [1: 160] && pages.count == 16)
        pages.removeAll()
        #expect(pages.count == 0 && pages.bytesByStack.isEmpty)
        #expect(pages.sweep(limit: 1) { _ in nil })
    }

    @Test(
        "the same pages in the same order leave the same ones behind, whatever a table's order is")
    func order() {
        func kept() -> [Int32: UInt64] {
            var pages = ResidentPages(maximumPages: 64)
            // Each of a stack of its own, so that none become one and a quarter is forgotten.
            for number in 0..<UInt64(65) { pages.add(page(number * 600, Int32(number + 1))) }
            return pages.bytesByStack
        }
        let first = kept()
        #expect(first.count <= 48 && first[65] == 10 && first[1] == nil)
        for _ in 0..<20 { #expect(kept() == first) }
    }

    @Test("however many pages come, a bounded number is kept, and stacks keep what is theirs")
    func bounds() {
        var generator = SeededGenerator()
        var pages = ResidentPages(maximumPages: 500)
        var totals: [Int32: UInt64] = [:]
        for number in 0..<UInt64(20_000) {
            let stack = Int32.random(in: 1...20, using: &generator)
            let bytes = UInt64.random(in: 1...9_000, using: &generator)
            pages.add(page(number * 61, stack, bytes))
            totals[stack, default: 0] += bytes
            #expect(pages.count <= 500, "\(generator)")
        }
        #expect(pages.bytesByStack == totals, "\(generator)")
        #expect(pages.mergedCount >= 19_500 && pages.evictedCount == 0)
        #expect(pages.sweep(limit: .max) { $0.map { _ in false } })
        #expect(pages.count == 0 && pages.bytesByStack.isEmpty, "\(generator)")
    }

    @Test("pages of more stacks than there is room for are forgotten and counted")
    func stacks() {
        var pages = ResidentPages(maximumPages: 100)
        for number in 0..<Int32(1_000) { pages.add(page(UInt64(number) * 600, number + 1)) }
        #expect(pages.count <= 100 && pages.evictedCount >= 900)
        #expect(pages.bytesByStack.count == pages.count)
    }

    @Test("numbers at the end of their range do no harm")
    func extremes() {
        var pages = ResidentPages(maximumPages: 8)
        for number in 0..<UInt64(64) {
            pages.add(page(.max - number, 1, .max, isHuge: number % 3 == 0))
        }
        #expect(pages.count <= 8)
        #expect(pages.sweep(limit: .max) { $0.map { _ in false } })
        #expect(pages.count == 0)
    }
}

/// How a growth is split over sampled faults.
@Suite("Sampled growth")
struct SampledGrowthTests {
    private let splitting = SampledGrowth(period: 64)

    private func fault(
        _ thread: Int32, _ page: UInt64, _ size: SampledGrowth.Size = .page
    ) -> SampledGrowth.Fault {
        SampledGrowth.Fault(thread: thread, page: page, size: size)
    }

    @Test("threads share a growth by the bytes that they touched, and no byte is lost")
    func split() {
        let parts = splitting.split(
            4 << 20, over: [fault(1, 1), fault(2, 2), fault(1, 3), fault(1, 4)])
        #expect(parts.map(\.thread) == [1, 2] && parts.map(\.grownBytes) == [3 << 20, 1 << 20])
        #expect(parts[0].pages.map(\.bytes) == [1 << 20, 1 << 20, 1 << 20])
        for grown in [UInt64(1), 7, 1 << 40 + 1, .max] {
            let faults = (0..<UInt64(9)).map { fault(Int32($0 % 4), $0, .block) }
            let sum = splitting.split(grown, over: faults).reduce(UInt64(0)) {
                $0.addingReportingOverflow($1.grownBytes).partialValue
            }
            #expect(grown == .max || sum == grown)
        }
        #expect(splitting.split(5, over: []).isEmpty)
    }

    @Test("a huge page counts 512 times as much as a small one")
    func huge() {
        let parts = splitting.split(513 << 12, over: [fault(1, 1, .hugePage), fault(2, 600)])
        #expect(parts.map(\.grownBytes) == [2 << 20, 4_096])
        #expect(parts[0].pages.first?.isHuge ?? false)
    }

    @Test("where as much went as came, pages still stand for the faults of their samples")
    func least() {
        let parts = splitting.split(0, over: [fault(1, 1), fault(1, 600, .hugePage)])
        #expect(parts.first?.grownBytes == 0)
        #expect(parts.first?.pages.map(\.bytes) == [64 * 4_096, 2 << 20])
        let thinned = splitting.split(0, over: [fault(1, 1)], samplesEach: 3)
        #expect(thinned.first?.pages.first?.bytes == 3 * 64 * 4_096)
    }

    @Test("a block is one huge page only if all of it is there in frames that follow each other")
    func sizes() {
        func block(_ frame: (UInt64) -> UInt64?) -> [PagemapEntry] {
            (0..<512).map { PagemapEntry(bits: frame($0).map { 1 << 63 | $0 } ?? 0) }
        }
        #expect(SampledGrowth.size(block { 1_024 + $0 }) == .hugePage)
        #expect(SampledGrowth.size(block { 1_025 + $0 }) == .page)
        #expect(SampledGrowth.size(block { $0 == 300 ? 7 : 1_024 + $0 }) == .page)
        #expect(SampledGrowth.size(block { $0 == 300 ? nil : 1_024 + $0 }) == .page)
        #expect(SampledGrowth.size(block { _ in 0 }) == .block)
        #expect(SampledGrowth.size([]) == .page)
    }

    @Test("a budget lets a share of the time be taken, with a little saved up, and no more")
    func budget() {
        var budget = ProcessorBudget(permille: 20, savedNanoseconds: 1_000)
        #expect(budget.spend(1_000, at: 0) == 0)
        #expect(budget.spend(100, at: 0) == 5_000)
        #expect(budget.spend(0, at: 5_000) == 0)
        #expect(budget.spend(100, at: 5_000) == 5_000)
        #expect(budget.spend(.max, at: .min) > 0)
        var now: Int64 = 0
        var spent: Int64 = 0
        budget = ProcessorBudget(permille: 20, savedNanoseconds: 5_000_000)
        while now < 1_000_000_000 {
            spent += 70_000
            now += 70_000 + budget.spend(70_000, at: now)
        }
        #expect(spent < 20_000_000 + 10_000_000 + 140_000)
    }
}
