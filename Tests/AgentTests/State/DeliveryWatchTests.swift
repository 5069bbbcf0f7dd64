import Testing

@testable import Agent

@Suite("A collector that is connected and takes nothing")
struct DeliveryWatchTests {
    @Test("what was sent waits until its acknowledgement, and what follows from then on")
    func acknowledgement() {
        var watch = DeliveryWatch()
        #expect(watch.waitsSinceMilliseconds == nil)
        watch.reported(through: nil, isCut: false, atMilliseconds: 1)
        #expect(watch.waitsSinceMilliseconds == nil)
        watch.reported(through: 3, isCut: false, atMilliseconds: 1_000)
        watch.reported(through: 7, isCut: false, atMilliseconds: 2_000)
        #expect(watch.waitsSinceMilliseconds == 1_000)
        watch.acknowledged(throughSequence: 2, atMilliseconds: 2_500)
        #expect(watch.waitsSinceMilliseconds == 1_000)
        watch.acknowledged(throughSequence: 3, atMilliseconds: 3_000)
        #expect(watch.waitsSinceMilliseconds == 3_000)
        watch.acknowledged(throughSequence: 7, atMilliseconds: 4_000)
        #expect(watch.waitsSinceMilliseconds == nil)
        // A report of nothing new has nothing to wait for.
        watch.reported(through: 7, isCut: false, atMilliseconds: 5_000)
        #expect(watch.waitsSinceMilliseconds == nil)
        watch.reported(through: 8, isCut: false, atMilliseconds: 6_000)
        #expect(watch.waitsSinceMilliseconds == 6_000)
    }

    @Test("without credit what is due waits, though everything that was sent is acknowledged")
    func noCredit() {
        var watch = DeliveryWatch()
        watch.reported(through: 4, isCut: false, atMilliseconds: 1_000)
        watch.acknowledged(throughSequence: 4, atMilliseconds: 1_500)
        for second in 2...9 as ClosedRange<Int64> {
            watch.reported(through: 4, isCut: true, atMilliseconds: second * 1_000)
            #expect(watch.waitsSinceMilliseconds == 2_000)
        }
        watch.reported(through: 5, isCut: true, atMilliseconds: 10_000)
        #expect(watch.waitsSinceMilliseconds == 2_000)
        watch.reported(through: 6, isCut: false, atMilliseconds: 11_000)
        #expect(watch.waitsSinceMilliseconds == 10_000)
    }
}
