import MemoryModel

extension TextStyle {
    /// A figure over time in one row, a column each; what is not known is empty.
    func sparkline(_ values: [UInt64?], of whole: UInt64) -> String {
        guard whole > 0, values.contains(where: { $0 != nil }) else { return "" }
        let levels = unicode ? TextStyle.sparkBlocks : TextStyle.sparkSigns
        return values.map { value in
            guard let value else { return " " }
            let share = Double(min(value, whole)) / Double(whole)
            return levels[min(Int(share * Double(levels.count)), levels.count - 1)]
        }.joined()
    }

    private static let sparkBlocks = [
        "\u{2581}", "\u{2582}", "\u{2583}", "\u{2584}", "\u{2585}", "\u{2586}", "\u{2587}",
        "\u{2588}",
    ]
    private static let sparkSigns = ["_", ".", "-", "=", "+", "*", "#", "@"]
}

extension HostsView {
    /// How many hours the sparkline of a host shows, the one under way among them.
    public static let sparkHours = 12

    /// The time of the hours that a sparkline shows.
    public static func sparkRange(nowMilliseconds now: Int64) -> ClosedRange<Int64> {
        let hour = WindowLength.hour
        let until = Timestamp.range(now, now).upperBound
        return (hour.start(of: until) - Int64(sparkHours - 1) * hour.milliseconds)...until
    }

    /// The greatest sum over the hosts of what each used at most in one hour.
    static func usedPeak(_ hosts: some Sequence<[UInt64?]>) -> UsedPeak? {
        var sums = [UInt64](repeating: 0, count: sparkHours)
        var counts = [Int](repeating: 0, count: sparkHours)
        for hours in hosts {
            for (index, bytes) in hours.enumerated() {
                guard let bytes else { continue }
                sums[index] = sums[index].addingClamped(bytes)
                counts[index] += 1
            }
        }
        guard let greatest = zip(sums, counts).max(by: { $0 < $1 }), greatest.1 > 0 else {
            return nil
        }
        return UsedPeak(bytes: greatest.0, isUpperBound: greatest.1 > 1)
    }

    /// The used memory of each host by hour, oldest first; nil for hours of which nothing is known.
    static func usedByHour(
        _ totals: [ReportedTotal], nowMilliseconds now: Int64
    ) -> [HostID: [UInt64?]] {
        let first = sparkRange(nowMilliseconds: now).lowerBound
        var hours: [HostID: [UInt64?]] = [:]
        for total in totals where total.subject.kind == .hostUsed {
            let (offset, overflow) = total.hourMilliseconds.subtractingReportingOverflow(first)
            let index = offset / WindowLength.hour.milliseconds
            guard !overflow, offset >= 0, index < Int64(sparkHours) else { continue }
            var known = hours[total.host] ?? Array(repeating: nil, count: sparkHours)
            known[Int(index)] = max(known[Int(index)] ?? 0, total.peak.bytes)
            hours[total.host] = known
        }
        return hours
    }
}
