import MemoryModel
import Testing

@testable import Agent

@Suite("Minutes that are watched")
struct WatchedMinutesTests {
    private let offset: Int64 = 1_700_000_000_000

    private func minutes(lookingAt times: [Int64]) -> [WatchedMinutes.Closed] {
        var minutes = WatchedMinutes()
        var closed: [WatchedMinutes.Closed] = []
        for time in times {
            let look = minutes.beginLook(atMilliseconds: time, wallMinusBootMilliseconds: offset)
            if let before = look.closedBefore { closed.append(before) }
            if look.closesAfter, let now = minutes.closeAtEdge() { closed.append(now) }
        }
        return closed
    }

    /// The minute in which an agent began to look was not watched throughout; those after it were,
    /// and the first of them is told whole.
    @Test("a minute is watched from one edge to the next")
    func edges() {
        let closed = minutes(lookingAt: [30_000, 40_000, 70_000, 100_003, 159_990, 160_010])
        #expect(
            closed == [
                .init(startsAtMilliseconds: -20_000, isWatched: false, isWhole: true),
                .init(startsAtMilliseconds: 40_000, isWatched: true, isWhole: true),
                .init(startsAtMilliseconds: 100_000, isWatched: true, isWhole: false),
            ])
    }

    /// A look that comes late ends the minute before it; one that comes a minute late leaves a
    /// hole.
    @Test("a late look belongs to the later minute, and a stall is a hole")
    func late() {
        let closed = minutes(lookingAt: [40_000, 99_000, 103_000, 159_000, 221_000, 280_000])
        #expect(
            closed == [
                .init(startsAtMilliseconds: 40_000, isWatched: true, isWhole: true),
                .init(startsAtMilliseconds: 100_000, isWatched: false, isWhole: false),
                .init(startsAtMilliseconds: 220_000, isWatched: false, isWhole: true),
            ])
    }

    /// A wall clock that is set makes other minutes of the same time.
    @Test("a minute in which the clock was set was not watched")
    func clockSet() {
        var minutes = WatchedMinutes()
        _ = minutes.beginLook(atMilliseconds: 40_000, wallMinusBootMilliseconds: offset)
        let look = minutes.beginLook(
            atMilliseconds: 50_000, wallMinusBootMilliseconds: offset + 3_600_500)
        #expect(
            look.closedBefore
                == .init(startsAtMilliseconds: 40_000, isWatched: false, isWhole: true))
        #expect(minutes.startsAtMilliseconds == 39_500)
    }
}
