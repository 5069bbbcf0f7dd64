import MemoryModel
import Synchronization

/// Carries events from the listeners' threads to the one that asks for them.
final class KernelEventQueue: Sendable {
    private let waiting = Mutex(KernelEvents())
    private let limit: Int

    /// The most losses that stand apart; further ones are added to the last of their kind.
    private static let maximumLosses = 256

    /// Holds at most `limit` events of each kind.
    init(limit: Int) {
        self.limit = limit
    }

    /// Adds events; what does not fit is a loss at `now`, as `BootClock` counts.
    func append(_ events: KernelEvents, atMilliseconds now: Int64) {
        waiting.withLock { waiting in
            let ended = KernelEventQueue.add(events.ended, to: &waiting.ended, limit)
            if let first = ended.first {
                let loss = EventLoss(
                    reason: .exitRecordsLost,
                    bracket: TimeBracket(
                        notBeforeMilliseconds: first.endedAtMilliseconds,
                        notAfterMilliseconds: now),
                    count: UInt64(ended.count))
                KernelEventQueue.add(loss, to: &waiting)
            }
            let executed = KernelEventQueue.add(events.executed, to: &waiting.executed, limit)
            let forked = KernelEventQueue.add(events.forked, to: &waiting.forked, limit)
            let times = [executed.first?.atMilliseconds, forked.first?.atMilliseconds]
            if let first = times.compactMap({ $0 }).min() {
                let loss = EventLoss(
                    reason: .processEventsLost,
                    bracket: TimeBracket(
                        notBeforeMilliseconds: first, notAfterMilliseconds: now),
                    count: UInt64(executed.count + forked.count))
                KernelEventQueue.add(loss, to: &waiting)
            }
            for loss in events.losses { KernelEventQueue.add(loss, to: &waiting) }
            waiting.unreadNames += events.unreadNames
            waiting.unusableRecords += events.unusableRecords
        }
    }

    /// Takes everything out, each kind in the order of time.
    func drain() -> KernelEvents {
        var events = waiting.withLock { waiting in
            let events = waiting
            waiting = KernelEvents()
            return events
        }
        KernelEventQueue.order(&events.ended, by: \.endedMonotonicMilliseconds)
        KernelEventQueue.order(&events.executed, by: \.monotonicMilliseconds)
        KernelEventQueue.order(&events.forked, by: \.monotonicMilliseconds)
        return events
    }

    /// Appends what there is room for; returns the rest.
    private static func add<Event>(
        _ events: [Event], to waiting: inout [Event], _ limit: Int
    ) -> ArraySlice<Event> {
        let room = max(limit - waiting.count, 0)
        waiting.append(contentsOf: events.prefix(room))
        return events.dropFirst(room)
    }

    private static func add(_ loss: EventLoss, to waiting: inout KernelEvents) {
        guard waiting.losses.count >= maximumLosses,
            let last = waiting.losses.lastIndex(where: { $0.reason == loss.reason })
        else {
            waiting.losses.append(loss)
            return
        }
        let known = waiting.losses[last]
        waiting.losses[last].count = known.count.flatMap { mine in
            loss.count.map { mine.saturatingSum($0) }
        }
        waiting.losses[last].bracket = TimeBracket(
            notBeforeMilliseconds: min(
                known.bracket.notBeforeMilliseconds, loss.bracket.notBeforeMilliseconds),
            notAfterMilliseconds: max(
                known.bracket.notAfterMilliseconds, loss.bracket.notAfterMilliseconds))
    }

    /// Orders events that nearly are; those of the same time stay as they came.
    private static func order<Event>(_ events: inout [Event], by time: KeyPath<Event, Int64>) {
        let isOrdered = zip(events, events.dropFirst())
            .allSatisfy { $0[keyPath: time] <= $1[keyPath: time] }
        if !isOrdered { events.sort { $0[keyPath: time] < $1[keyPath: time] } }
    }
}
