/// How long looks take: their mean over the last minute, and the longest of all.
struct LookTimes: Hashable {
    /// The longest look since the agent started, in microseconds.
    private(set) var longestMicroseconds: UInt64 = 0

    private var sum: UInt64 = 0
    private var count: UInt64 = 0

    /// Takes note of a look.
    mutating func note(microseconds: UInt64) {
        longestMicroseconds = max(longestMicroseconds, microseconds)
        sum += microseconds
        count += 1
    }

    /// The mean since this was asked last, in microseconds; 0 if there was no look.
    mutating func takeMean() -> UInt64 {
        defer { (sum, count) = (0, 0) }
        return count == 0 ? 0 : sum / count
    }
}
