import MemoryModel
import Wire

/// What hosts that went lately may send at once when they come back.
struct RateAllowances {
    private struct Entry {
        var allowance: RateAllowance
        var leftAtMilliseconds: Int64
    }

    private var entries: [HostID: Entry] = [:]

    /// After so long everything is allowed again: the slowest rate has made up for its burst.
    static let keptMilliseconds: Int64 = 400_000
    /// How many are kept; a host beyond that comes back with everything.
    static let maximumCount = 20_000

    /// Takes note of what a session that is over left.
    mutating func add(_ allowance: RateAllowance, of host: HostID, at now: Moment) {
        let time = now.monotonicMilliseconds
        if entries[host] == nil, entries.count >= RateAllowances.maximumCount {
            entries = entries.filter {
                time - $0.value.leftAtMilliseconds < RateAllowances.keptMilliseconds
            }
            guard entries.count < RateAllowances.maximumCount else { return }
        }
        let known = entries[host]?.allowance
        entries[host] = Entry(
            allowance: known.map { $0.lesser(allowance, atMilliseconds: time) } ?? allowance,
            leftAtMilliseconds: time)
    }

    /// What a host that comes back may send; nil if that is everything.
    mutating func take(of host: HostID, at now: Moment) -> RateAllowance? {
        guard let entry = entries.removeValue(forKey: host),
            now.monotonicMilliseconds - entry.leftAtMilliseconds
                < RateAllowances.keptMilliseconds
        else { return nil }
        return entry.allowance
    }
}
