import MemoryModel
import TestSupport
import Testing

@testable import ProcessSampler

@Suite struct SequenceTrackerTests {
    @Test("Numbers that are missing are a gap of that length, also where they wrap")
    func gaps() {
        var tracker = SequenceTracker()
        #expect(tracker.take(.max - 2, isOverrun: false) == .due)
        #expect(tracker.take(.max - 1, isOverrun: false) == .due)
        #expect(tracker.take(1, isOverrun: true) == .gap(first: .max, count: 2))
        #expect(tracker.take(2, isOverrun: false) == .due)
        #expect(tracker.take(100_002, isOverrun: true) == .gap(first: 3, count: 99_999))
    }

    @Test("A number from elsewhere is no gap, and what is due stays due")
    func strays() {
        var tracker = SequenceTracker()
        #expect(tracker.take(1_000, isOverrun: false) == .due)
        #expect(tracker.take(900_000, isOverrun: false) == .stray)
        #expect(tracker.take(5, isOverrun: false) == .stray)
        #expect(tracker.take(1_001, isOverrun: false) == .due)
        // Without a full buffer, a short gap is a number that another processor's socket brings.
        #expect(tracker.take(1_003, isOverrun: false) == .gap(first: 1_002, count: 1))
    }

    @Test("A list of processors is read as the kernel writes it")
    func processors() {
        func parsed(_ text: String) -> [Int] { withBytes(text) { OnlineProcessors.parse($0) } }
        #expect(parsed("0-3,5,8-9\n") == [0, 1, 2, 3, 5, 8, 9])
        #expect(parsed("0\n") == [0])
        #expect(parsed("") == [])
        #expect(parsed("3-1,x,-,1-2-3,0-99999999999,7\n") == [7])
    }

    @Test("A bucket allows its burst, then its rate, and never more than its burst")
    func bucket() {
        var bucket = TokenBucket(perSecond: 10, burst: 3, atMilliseconds: 0)
        func taken(_ now: Int64) -> Int {
            (0..<10).count { _ in bucket.take(atMilliseconds: now) }
        }
        #expect(taken(0) == 3)
        #expect(taken(99) == 0)
        #expect(taken(200) == 2)
        #expect(taken(100) == 0)
        #expect(taken(.max) == 3)
        var none = TokenBucket(perSecond: 0, burst: 0, atMilliseconds: 0)
        let isAllowed = none.take(atMilliseconds: .max)
        #expect(!isAllowed)
    }

    @Test("A queue keeps its limit, and what does not fit is a loss")
    func queue() {
        let queue = KernelEventQueue(limit: 2)
        var events = KernelEvents()
        for pid in Int32(1)...3 {
            events.forked.append(
                ForkedProcess(
                    pid: pid, parentPid: 1, atMilliseconds: Int64(10 - pid),
                    monotonicMilliseconds: Int64(10 - pid)))
        }
        events.unreadNames = 4
        queue.append(events, atMilliseconds: 20)
        let drained = queue.drain()
        #expect(drained.forked.map(\.pid) == [2, 1])
        #expect(drained.unreadNames == 4)
        #expect(
            drained.losses == [
                EventLoss(
                    reason: .processEventsLost,
                    bracket: TimeBracket(notBeforeMilliseconds: 7, notAfterMilliseconds: 20),
                    count: 1)
            ])
        #expect(queue.drain() == KernelEvents())
    }
}
