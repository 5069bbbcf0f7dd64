import TestSupport
import Testing

@testable import Agent

@Suite("Slots")
struct SlotTableTests {
    @Test("there are as many as asked for, from 0 on, and none beyond")
    func all() {
        var table = SlotTable(count: 3)
        let taken = (0..<4).map { _ in table.take() }
        #expect(taken == [0, 1, 2, nil])
        #expect(table.isFull)
        #expect(table.usedCount == 3)
        var none = SlotTable(count: 0)
        #expect(none.isFull)
        let nothing = none.take()
        #expect(nothing == nil)
    }

    @Test("a slot that was given back is taken before a new one")
    func reuse() {
        var table = SlotTable(count: 3)
        _ = table.take()
        _ = table.take()
        table.free(0)
        #expect(!table.isFull)
        #expect(table.usedCount == 1)
        let again = table.take()
        let new = table.take()
        #expect(again == 0)
        #expect(new == 2)
    }

    @Test("none is ever given out twice at a time")
    func random() {
        var random = SeededGenerator()
        var table = SlotTable(count: 50)
        var used: Set<UInt32> = []
        for _ in 0..<5_000 {
            if Bool.random(using: &random), let slot = used.randomElement(using: &random) {
                table.free(slot)
                used.remove(slot)
            } else if let slot = table.take() {
                #expect(used.insert(slot).inserted, "\(random)")
                #expect(slot < 50, "\(random)")
            } else {
                #expect(used.count == 50, "\(random)")
            }
            #expect(table.usedCount == used.count, "\(random)")
            #expect(table.isFull == (used.count == 50), "\(random)")
        }
    }
}
