/// How often which length of time was measured, in steps of a 32nd, in memory that does not grow.
struct LatencyHistogram: Sendable {
    private var counts = Array(repeating: UInt64(0), count: 64 * 32)
    /// How many were measured.
    private(set) var count: UInt64 = 0
    /// The longest, exactly; nil before the first.
    private(set) var longestMicroseconds: Int64?

    /// Takes in one.
    mutating func add(microseconds: Int64) {
        let value = UInt64(max(0, microseconds))
        counts[LatencyHistogram.place(of: value)] += 1
        count += 1
        longestMicroseconds = max(longestMicroseconds ?? 0, microseconds)
    }

    /// What `share` of all is at most, within a 32nd above the truth; nil before the first.
    func quantile(_ share: Double) -> Int64? {
        guard count > 0, let longestMicroseconds else { return nil }
        let rank = max(1, UInt64((Double(count) * share).rounded(.up)))
        var seen: UInt64 = 0
        for (place, count) in counts.enumerated() {
            seen += count
            if seen >= rank {
                return min(longestMicroseconds, LatencyHistogram.upperEnd(of: place))
            }
        }
        return longestMicroseconds
    }

    private static func place(of value: UInt64) -> Int {
        guard value >= 32 else { return Int(value) }
        let exponent = 63 - value.leadingZeroBitCount
        let mantissa = Int(value >> UInt64(exponent - 5)) & 31
        return (exponent - 4) * 32 + mantissa
    }

    private static func upperEnd(of place: Int) -> Int64 {
        guard place >= 32 else { return Int64(place) }
        let exponent = place / 32 + 4
        let width = Int64(1) << Int64(exponent - 5)
        return (Int64(32 + place % 32) + 1) * width - 1
    }
}
