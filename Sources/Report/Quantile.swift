/// Quantiles by nearest rank: always one of the values themselves, never one in between.
enum Quantile {
    /// The smallest of `sorted` that at least `percent` of all are not above; nil for none.
    ///
    /// The values must be sorted, smallest first; `percent` is from 1 to 100.
    static func nearestRank(_ sorted: [UInt64], percent: Int) -> UInt64? {
        guard !sorted.isEmpty else { return nil }
        let rank = (sorted.count * percent + 99) / 100
        return sorted[min(max(rank, 1), sorted.count) - 1]
    }
}

extension UInt64 {
    /// The sum, or the largest number where it would be larger.
    func addingClamped(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}

extension Int64 {
    /// The difference, or the nearest number that there is.
    func subtractingClamped(_ other: Int64) -> Int64 {
        let (difference, overflow) = subtractingReportingOverflow(other)
        guard overflow else { return difference }
        return other > 0 ? .min : .max
    }
}
