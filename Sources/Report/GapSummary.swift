public import MemoryModel

/// A gap as views take it in, with its times in UTC.
public struct ReportedGap: Hashable, Sendable {
    /// The host.
    public var host: HostID
    /// The gap.
    public var gap: Gap

    /// Takes both parts as they are.
    public init(host: HostID, gap: Gap) {
        self.host = host
        self.gap = gap
    }
}

/// What was missed in a range of time, summed over hosts.
public struct GapSummary: Hashable, Sendable {
    /// The gaps of one reason.
    public struct Sum: Hashable, Sendable {
        /// What was missed at most, as far as that is known.
        public var missedCount: UInt64 = 0
        /// Whether there are gaps of which nobody knows how much was missed.
        public var hasUnknownCount = false
        /// How long the gaps are in the range, in milliseconds, summed over hosts.
        public var milliseconds: Int64 = 0
        /// Whether there are gaps of which nobody knows when they were.
        public var hasUnknownTime = false
    }

    /// The sums of the reasons that occur.
    public private(set) var sums: [GapReason: Sum] = [:]
    /// Whether there are more gaps than were read.
    public var isCut = false

    /// Sums up the gaps that overlap the range.
    ///
    /// A gap whose time is not known is taken to be in the range. What was missed in a gap that is
    /// partly in the range counts whole, as nobody knows which part it fell into; its time counts
    /// as far as it is in the range, and no moment of a host counts twice.
    ///
    /// - Parameters:
    ///   - gaps: Gaps in any order.
    ///   - sinceMilliseconds: Beginning of the range in UTC; nil for all of time.
    ///   - untilMilliseconds: End of the range, likewise.
    public init(
        _ gaps: some Sequence<ReportedGap>, sinceMilliseconds: Int64?, untilMilliseconds: Int64
    ) {
        var stretches: [GapReason: [HostID: [ClosedRange<Int64>]]] = [:]
        let since = sinceMilliseconds ?? .min
        for reported in gaps {
            let gap = reported.gap
            if let bracket = gap.bracket {
                let begin = max(since, bracket.notBeforeMilliseconds)
                let end = min(untilMilliseconds, bracket.notAfterMilliseconds)
                guard begin <= end else { continue }
                stretches[gap.reason, default: [:]][reported.host, default: []]
                    .append(begin...end)
            } else {
                sums[gap.reason, default: Sum()].hasUnknownTime = true
            }
            if let count = gap.missedCount {
                let sum = sums[gap.reason, default: Sum()].missedCount
                sums[gap.reason, default: Sum()].missedCount = sum.addingClamped(count)
            } else {
                sums[gap.reason, default: Sum()].hasUnknownCount = true
            }
        }
        for (reason, hosts) in stretches {
            let total = hosts.values.reduce(0 as UInt64) {
                $0.addingClamped(GapSummary.length($1))
            }
            sums[reason, default: Sum()].milliseconds = Int64(clamping: total)
        }
    }

    /// How much time the stretches cover together.
    private static func length(_ stretches: [ClosedRange<Int64>]) -> UInt64 {
        var total: UInt64 = 0
        var covered = Int64.min
        for stretch in stretches.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            let begin = max(covered, stretch.lowerBound)
            guard begin < stretch.upperBound else { continue }
            total = total.addingClamped(
                UInt64(clamping: stretch.upperBound.subtractingClamped(begin)))
            covered = stretch.upperBound
        }
        return total
    }
}

extension GapSummary {
    /// The facts in words.
    var facts: [String] {
        var facts = GapReason.allCases.compactMap { reason in
            sums[reason].map { reason.fact($0) }
        }
        if isCut { facts.append("more gaps than could be read (a shorter range shows all)") }
        return facts
    }
}

extension GapReason {
    /// The sum of the gaps of this reason in words.
    fileprivate func fact(_ sum: GapSummary.Sum) -> String {
        let number = DecimalText.grouped(Int(clamping: sum.missedCount))
        if self == .agentDown {
            let length =
                sum.milliseconds > 0
                ? DurationText.approximate(milliseconds: sum.milliseconds) : "an unknown time"
            let bound = sum.hasUnknownTime && sum.milliseconds > 0 ? "more than " : ""
            let missed =
                sum.missedCount > 0 && !sum.hasUnknownCount
                ? " (at most \(number) \(sum.missedCount == 1 ? "process" : "processes") missed)"
                : ""
            return "\(bound)\(length) without an agent\(missed)"
        }
        guard sum.missedCount > 0 else { return "an unknown number of \(phrase)" }
        return "\(sum.hasUnknownCount ? "at least " : "")\(number) "
            + (sum.missedCount == 1 ? singular : phrase)
    }

    private var singular: String {
        switch self {
        case .exitRecordsLost: "exit record lost"
        case .processEventsLost: "process event lost"
        case .agentDown: phrase
        case .dropped: "run dropped for want of room"
        }
    }
}
