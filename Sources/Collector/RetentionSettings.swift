import PeakStore

/// For how long a collector keeps what, each in milliseconds.
package struct RetentionSettings: Hashable, Sendable {
    /// What runs held in each minute.
    package var minutesMilliseconds: Int64
    /// What programs held in each hour, and sums by hour.
    package var hoursMilliseconds: Int64
    /// What programs held in each day, and the sums of hosts.
    package var daysMilliseconds: Int64
    /// Runs after their end, and folds, kills and gaps.
    package var runsMilliseconds: Int64
    /// Runs of less than so many bytes are folded when their minutes go; 0 for none.
    package var foldBelowBytes: UInt64
    /// Those that lived for less than this, in milliseconds; 0 for none.
    package var foldShorterMilliseconds: Int64

    /// Takes all of them.
    package init(
        minutesMilliseconds: Int64, hoursMilliseconds: Int64, daysMilliseconds: Int64,
        runsMilliseconds: Int64, foldBelowBytes: UInt64, foldShorterMilliseconds: Int64
    ) {
        self.foldBelowBytes = foldBelowBytes
        self.foldShorterMilliseconds = foldShorterMilliseconds
        self.minutesMilliseconds = minutesMilliseconds
        self.hoursMilliseconds = hoursMilliseconds
        self.daysMilliseconds = daysMilliseconds
        self.runsMilliseconds = runsMilliseconds
    }

    /// 48 hours of minutes, 60 days of hours, 2 years of days, runs for 90 days, tiny ones folded.
    package static let usual = RetentionSettings(
        minutesMilliseconds: Retention.usual.minutesMilliseconds,
        hoursMilliseconds: Retention.usual.hoursMilliseconds,
        daysMilliseconds: Retention.usual.daysMilliseconds,
        runsMilliseconds: Retention.usual.runsMilliseconds,
        foldBelowBytes: FoldingRule.usual.belowBytes,
        foldShorterMilliseconds: FoldingRule.usual.shorterMilliseconds)

    /// As the store takes it.
    var retention: Retention {
        let isFolding = foldBelowBytes > 0 && foldShorterMilliseconds > 0
        return Retention(
            minutesMilliseconds: minutesMilliseconds, hoursMilliseconds: hoursMilliseconds,
            daysMilliseconds: daysMilliseconds, runsMilliseconds: runsMilliseconds,
            folding: isFolding
                ? FoldingRule(
                    belowBytes: foldBelowBytes, shorterMilliseconds: foldShorterMilliseconds)
                : nil)
    }
}
