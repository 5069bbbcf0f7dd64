import MemoryModel
import TestSupport
import Testing
import Wire

@Suite("When and where an agent comes back")
struct SessionBackoffTests {
    private let lost = Disconnect(cause: .connectionLost)

    @Test("the wait is uniform from 0 to a second that doubles with each failure, to a minute")
    func fullJitter() {
        var random = SeededGenerator()
        for (failures, bound) in [
            1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000,
        ]
        .map(Int64.init).enumerated() {
            let waits = (0..<2_000).map { _ in
                var backoff = Backoff()
                for _ in 0..<failures {
                    _ = backoff.delayMilliseconds(after: lost, using: &random)
                }
                return backoff.delayMilliseconds(after: lost, using: &random)
            }
            #expect(waits.allSatisfy { (0...bound).contains($0) }, "\(random)")
            // 2,000 draws miss a tenth of the range with a chance of 0.9^2000, which is 10^-91.
            #expect((waits.min() ?? bound) < bound / 10, "\(random)")
            #expect((waits.max() ?? 0) > bound / 10 * 9, "\(random)")
        }
    }

    @Test("only a session that stood for a minute lets failures before it be forgotten")
    func reset() {
        var random = SeededGenerator()
        var backoff = Backoff()
        for _ in 0..<5 { _ = backoff.delayMilliseconds(after: lost, using: &random) }
        #expect(backoff.failureCount == 5)
        let short = Disconnect(cause: .connectionLost, lastedMilliseconds: 59_999)
        _ = backoff.delayMilliseconds(after: short, using: &random)
        #expect(backoff.failureCount == 6)
        let healthy = Disconnect(cause: .connectionLost, lastedMilliseconds: 60_000)
        let wait = backoff.delayMilliseconds(after: healthy, using: &random)
        #expect(backoff.failureCount == 1)
        #expect((0...1_000).contains(wait), "\(random)")
    }

    @Test("what the collector asks for replaces the draw and is spread by half")
    func retryAfter() {
        var random = SeededGenerator()
        for retryClass in [ErrorCode.RetryClass.backoff, .slow] {
            let asked = Disconnect(
                cause: .collectorLeft, retryClass: retryClass, retryAfterMilliseconds: 10_000)
            let waits = (0..<2_000).map { _ in
                var backoff = Backoff()
                return backoff.delayMilliseconds(after: asked, using: &random)
            }
            #expect(waits.allSatisfy { (5_000...15_000).contains($0) }, "\(random)")
            #expect((waits.min() ?? 0) < 6_000 && (waits.max() ?? 0) > 14_000, "\(random)")
        }
        var backoff = Backoff()
        let absurd = Disconnect(cause: .collectorLeft, retryAfterMilliseconds: .max)
        let wait = backoff.delayMilliseconds(after: absurd, using: &random)
        #expect((43_200_000...129_600_000).contains(wait), "\(random)")
    }

    @Test("the slow class waits five to fifteen minutes")
    func slow() {
        var random = SeededGenerator()
        let refused = Disconnect(
            cause: .collectorError(code: 10, text: ""), retryClass: .slow)
        var backoff = Backoff()
        let waits = (0..<2_000).map { _ in
            backoff.delayMilliseconds(after: refused, using: &random)
        }
        #expect(waits.allSatisfy { (300_000...900_000).contains($0) }, "\(random)")
        #expect((waits.min() ?? 0) < 400_000 && (waits.max() ?? 0) > 800_000, "\(random)")
    }

    @Test("an agent with one collector comes back to it after the wait of its backoff")
    func oneCollector() {
        var random = SeededGenerator()
        var rotation = CollectorRotation(count: 1)
        for _ in 0..<100 {
            let refused = Disconnect(
                cause: .collectorError(code: 10, text: ""), retryClass: .slow)
            let attempt = rotation.failed(refused, atMilliseconds: 5_000, using: &random)
            #expect(attempt.index == 0)
            #expect((305_000...905_000).contains(attempt.atMilliseconds), "\(random)")
        }
        rotation.welcomed(atMilliseconds: 5_000, using: &random)
        #expect(rotation.returnAtMilliseconds == nil)
    }

    @Test("when a collector fails the next one takes over within a second, in the order given")
    func rotation() {
        var random = SeededGenerator()
        var rotation = CollectorRotation(count: 3)
        let refused = Disconnect(cause: .collectorError(code: 10, text: ""), retryClass: .slow)
        let second = rotation.failed(refused, atMilliseconds: 1_000, using: &random)
        #expect(second.index == 1)
        #expect((1_000...2_000).contains(second.atMilliseconds), "\(random)")
        let third = rotation.failed(refused, atMilliseconds: 2_000, using: &random)
        #expect(third.index == 2)
        #expect((2_000...3_000).contains(third.atMilliseconds), "\(random)")
        // All three are to be waited for now: the one whose wait ends first is next.
        let soonest = rotation.failed(refused, atMilliseconds: 3_000, using: &random)
        #expect((300_000...904_000).contains(soonest.atMilliseconds), "\(random)")
        #expect(rotation.current == soonest.index)
    }

    @Test("after some minutes elsewhere an agent goes back to the first collector")
    func returning() {
        var random = SeededGenerator()
        var rotation = CollectorRotation(count: 2)
        _ = rotation.failed(lost, atMilliseconds: 0, using: &random)
        #expect(rotation.current == 1)
        rotation.welcomed(atMilliseconds: 1_000, using: &random)
        let at = rotation.returnAtMilliseconds ?? 0
        #expect((301_000...901_000).contains(at), "\(random)")
        rotation.returned()
        #expect(rotation.current == 0)
        #expect(rotation.returnAtMilliseconds == nil)
        // It is still away: the second collector has it again.
        let attempt = rotation.failed(lost, atMilliseconds: at, using: &random)
        #expect(attempt.index == 1)
        rotation.welcomed(atMilliseconds: at, using: &random)
        #expect(rotation.returnAtMilliseconds != nil)
    }
}
