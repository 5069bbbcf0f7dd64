/// A set of ordinals, kept as ranges that neither overlap nor touch.
public struct OrdinalRanges: Hashable, Sendable {
    /// The ranges, ascending.
    public private(set) var ranges: [ClosedRange<UInt64>] = []

    /// No ordinals.
    public init() {}

    /// Whether there are none.
    public var isEmpty: Bool { ranges.isEmpty }

    /// Whether `ordinal` is one of them.
    public func contains(_ ordinal: UInt64) -> Bool {
        let place = firstRange(endingAtOrAfter: ordinal)
        return place < ranges.count && ranges[place].contains(ordinal)
    }

    /// Adds `ordinal`.
    public mutating func insert(_ ordinal: UInt64) {
        // The first range that ends right below the ordinal, or later.
        let place = firstRange(endingAtOrAfter: ordinal == 0 ? 0 : ordinal - 1)
        guard place < ranges.count, ranges[place].lowerBound <= ordinal.successor else {
            ranges.insert(ordinal...ordinal, at: place)
            return
        }
        var range = ranges[place]
        range = min(range.lowerBound, ordinal)...max(range.upperBound, ordinal)
        let next = place + 1
        if next < ranges.count, ranges[next].lowerBound <= range.upperBound.successor {
            range = range.lowerBound...ranges[next].upperBound
            ranges.remove(at: next)
        }
        ranges[place] = range
    }

    private func firstRange(endingAtOrAfter ordinal: UInt64) -> Int {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < ordinal { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension UInt64 {
    /// The next number; the greatest has itself.
    fileprivate var successor: UInt64 { self == .max ? self : self + 1 }
}
