import MemoryModel

/// Quantiles of peaks by nearest rank: of runs always one of the values themselves, of folded runs
/// the greatest that the step of their histogram may stand for.
struct Quantiles {
    private let sorted: [UInt64]
    /// What folded runs had at most, ascending, with how many of them up to there.
    private let steps: [(bytes: UInt64, countToHere: UInt64)]

    /// Takes the peaks of runs, which must be sorted, smallest first, and of folded runs how many
    /// had at most so much.
    init(sorted: [UInt64], steps counts: [UInt64: UInt64] = [:]) {
        self.sorted = sorted
        var total: UInt64 = 0
        steps = counts.sorted { $0.key < $1.key }.map { bytes, count in
            total = total.addingClamped(count)
            return (bytes, total)
        }
    }

    /// Whether folds are in it, so that its figures may be up to a step too great.
    var areUpperBounds: Bool { !steps.isEmpty }

    /// The smallest value that at least `percent` of all are not above; nil for none.
    ///
    /// `percent` is from 1 to 100.
    func nearestRank(percent: UInt64) -> UInt64? {
        let count = UInt64(sorted.count).addingClamped(steps.last?.countToHere ?? 0)
        guard count > 0 else { return nil }
        // In two parts, so that no count is too great to be multiplied.
        let rank = count / 100 * percent + (count % 100 * percent + 99) / 100
        let run = Quantiles.first(of: sorted.count) { countUpTo(sorted[$0]) >= rank }
        let step = Quantiles.first(of: steps.count) { countUpTo(steps[$0].bytes) >= rank }
        return [run.map { sorted[$0] }, step.map { steps[$0].bytes }].compactMap { $0 }.min()
    }

    /// How many are not above `bytes`.
    private func countUpTo(_ bytes: UInt64) -> UInt64 {
        let runs = Quantiles.first(of: sorted.count) { sorted[$0] > bytes } ?? sorted.count
        let step = Quantiles.first(of: steps.count) { steps[$0].bytes > bytes } ?? steps.count
        return UInt64(runs).addingClamped(step > 0 ? steps[step - 1].countToHere : 0)
    }

    /// The first of `count` places at which something is true that stays true from there on.
    private static func first(of count: Int, where isTrue: (Int) -> Bool) -> Int? {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if isTrue(middle) { high = middle } else { low = middle + 1 }
        }
        return low < count ? low : nil
    }
}

extension UInt64 {
    /// The sum, or the largest number where it would be larger.
    func addingClamped(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }

    /// The difference, or 0 where it would be less.
    func subtractingClamped(_ other: UInt64) -> UInt64 { self - Swift.min(self, other) }
}

extension Int {
    /// The sum of two counts, or the largest number where it would be larger.
    func addingClamped(_ other: Int) -> Int {
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
