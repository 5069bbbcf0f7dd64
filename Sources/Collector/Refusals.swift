/// Agents that were turned away for want of room, for the log and for whoever looks.
struct Refusals {
    /// What there was too little of.
    enum Reason: Hashable, CaseIterable {
        case memory, hosts
    }

    private struct Count {
        var total: UInt64 = 0
        var lastAtMilliseconds: Int64 = 0
    }

    private var counts: [Reason: Count] = [:]

    /// How long a refusal is shown.
    static let shownMilliseconds: Int64 = 600_000

    /// Counts one; returns whether a line in the log is worth it: each time their number doubled.
    @discardableResult
    mutating func note(_ reason: Reason, at now: Moment) -> Bool {
        var count = counts[reason] ?? Count()
        count.total += 1
        count.lastAtMilliseconds = now.monotonicMilliseconds
        counts[reason] = count
        return count.total & (count.total - 1) == 0
    }

    /// What there was too little of lately.
    func recent(at now: Moment) -> [Reason] {
        Reason.allCases.filter { reason in
            counts[reason].map {
                now.monotonicMilliseconds - $0.lastAtMilliseconds < Refusals.shownMilliseconds
            } ?? false
        }
    }
}
