/// What runs have in common that are folded into one.
public struct FoldSubject: Hashable, Sendable {
    /// What they ran.
    public var program: RawText
    /// For whom: the user's name, or the number where it has none; nil if nobody could learn it.
    public var user: RawText?
    /// In which cgroup; nil if nobody could learn it.
    public var cgroup: RawText?

    /// Takes the parts as they are.
    public init(program: RawText, user: RawText?, cgroup: RawText?) {
        self.program = program
        self.user = user
        self.cgroup = cgroup
    }
}

/// Many small ended runs of one program, user and cgroup, kept as their number, their greatest
/// peak, their sum and a histogram.
///
/// A fold is named by the start of its agent and an ordinal, which it shares with no ended run,
/// and never changes once it was sent: a copy of it adds nothing.
public struct Fold: Hashable, Sendable {
    /// Its number among the ended runs and folds of its agent's start, from 0.
    public var ordinal: UInt64
    /// What its runs have in common.
    public var subject: FoldSubject
    /// How many runs, those without a known peak included.
    public var runCount: UInt64 = 0
    /// The greatest of their peaks; nil if none is known.
    public var peak: Peak?
    /// The sum of their peaks in bytes.
    public var sumOfPeaksBytes: UInt64 = 0
    /// How many of them had a peak of which size.
    public var histogram = PeakHistogram()
    /// From the earliest to the latest of their ends; nil where the clock could not be trusted.
    public var bracket: TimeBracket?
    /// Their processor time in milliseconds, as far as it is known.
    public var processorMilliseconds: UInt64 = 0
    /// How many ended with an exit code other than 0, or by a signal.
    public var failureCount: UInt64 = 0
    /// How many were killed for want of memory.
    public var killCount: UInt64 = 0

    /// A fold of no runs.
    public init(ordinal: UInt64, subject: FoldSubject) {
        self.ordinal = ordinal
        self.subject = subject
    }

    /// Counts a run that ended.
    ///
    /// A peak that is no more than what the run inherited is its parent's, not its own: the run
    /// counts as one without a known peak.
    public mutating func add(_ record: RunRecord) {
        runCount = runCount.saturatingSum(1)
        if let theirs = record.peak, !record.isPeakInherited {
            peak = Peak.merged(peak, theirs)
            sumOfPeaksBytes = sumOfPeaksBytes.saturatingSum(theirs.bytes)
            histogram.add(bytes: theirs.bytes)
        }
        if let end = record.end?.bracket {
            bracket = TimeBracket(
                notBeforeMilliseconds: min(
                    bracket?.notBeforeMilliseconds ?? .max, end.notBeforeMilliseconds),
                notAfterMilliseconds: max(
                    bracket?.notAfterMilliseconds ?? .min, end.notAfterMilliseconds))
        }
        processorMilliseconds = processorMilliseconds.saturatingSum(
            record.processorMilliseconds ?? 0)
        if record.end?.exitSignal != nil || record.end?.exitCode ?? 0 != 0 { failureCount += 1 }
        if record.flags.contains(.killedForMemory) { killCount += 1 }
    }

    /// Counts the runs of another, with its peaks and times; ordinal and subject stay.
    ///
    /// Where one of both does not know its times, nothing is known of both together.
    public mutating func add(_ other: Fold) {
        runCount = runCount.saturatingSum(other.runCount)
        peak = Peak.merged(peak, other.peak)
        sumOfPeaksBytes = sumOfPeaksBytes.saturatingSum(other.sumOfPeaksBytes)
        histogram.add(other.histogram)
        processorMilliseconds = processorMilliseconds.saturatingSum(other.processorMilliseconds)
        failureCount = failureCount.saturatingSum(other.failureCount)
        killCount = killCount.saturatingSum(other.killCount)
        guard let mine = bracket, let theirs = other.bracket else {
            bracket = nil
            return
        }
        bracket = TimeBracket(
            notBeforeMilliseconds: min(mine.notBeforeMilliseconds, theirs.notBeforeMilliseconds),
            notAfterMilliseconds: max(mine.notAfterMilliseconds, theirs.notAfterMilliseconds))
    }

    /// Forgets the peaks of its runs: the greatest, their sum and their sizes.
    public mutating func forgetPeaks() {
        peak = nil
        sumOfPeaksBytes = 0
        histogram = PeakHistogram()
    }
}

extension FoldSubject {
    /// What a run has in common with others.
    public init(_ description: RunDescription) {
        self.init(
            program: description.program,
            user: description.user ?? description.userID.map { RawText(String($0)) },
            cgroup: description.cgroup)
    }
}
