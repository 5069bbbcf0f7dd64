public import MemoryModel

/// Folded runs as every view takes them in, with their times in UTC.
public struct ReportedFold: Hashable, Sendable {
    /// Their host.
    public var host: HostID
    /// The name of that host.
    public var hostName: RawText
    /// The labels of that host.
    public var labels: [HostLabel]
    /// The boot that they were in.
    public var boot: BootID
    /// The fold; all times are milliseconds since the epoch in UTC.
    public var fold: Fold
    /// Whether the peaks of all its runs are known to be final, whatever their sources.
    public var arePeaksFinal: Bool

    /// Takes the parts as they are.
    public init(
        host: HostID, hostName: RawText, labels: [HostLabel], boot: BootID, fold: Fold,
        arePeaksFinal: Bool = false
    ) {
        self.arePeaksFinal = arePeaksFinal
        self.host = host
        self.hostName = hostName
        self.labels = labels
        self.boot = boot
        self.fold = fold
    }
}

extension ReportedFold {
    /// Whether the true greatest peak may be above the one that is known; nil where none is.
    var isPeakLowerBound: Bool? { fold.peak.map { !arePeaksFinal && $0.source != .exit } }

    /// What of it has peaks of at least `bytes`, as closely as a histogram tells; nil for nothing.
    func part(withPeakFrom bytes: UInt64) -> ReportedFold? {
        guard let fold = fold.part(withPeakFrom: bytes) else { return nil }
        var part = self
        part.fold = fold
        return part
    }
}

extension Fold {
    /// What of it has peaks of at least `bytes`, as closely as a histogram tells; nil for nothing.
    ///
    /// The runs in the step of `bytes` count as having that much. Where some runs are left out the
    /// sum is at most what is given, and the processor time is not known.
    public func part(withPeakFrom bytes: UInt64) -> Fold? {
        guard bytes > 0 else { return self }
        guard let peak, peak.bytes >= bytes else { return nil }
        let first = PeakHistogram.step(ofBytes: bytes)
        var part = self
        part.histogram = PeakHistogram()
        var sum: UInt64 = 0
        for (step, count) in histogram.counts where step >= first {
            part.histogram.add(count: count, atStep: step)
            let size = min(PeakHistogram.greatestBytes(ofStep: step), peak.bytes)
            let (bytes, isTooLarge) = size.multipliedReportingOverflow(by: count)
            sum = sum.addingClamped(isTooLarge ? .max : bytes)
        }
        part.runCount = part.histogram.total
        guard part.runCount < runCount else { return self }
        part.sumOfPeaksBytes = min(sum, sumOfPeaksBytes)
        part.processorMilliseconds = 0
        return part
    }
}

extension ReportQuery {
    /// Whether folded runs pass the filters.
    enum FoldJudgement: Equatable {
        /// This of them does.
        case matches(ReportedFold)
        /// They might, but folds do not keep the name that was asked for.
        case unknown
        /// None does.
        case differs
    }

    /// What of `fold` overlaps the range and passes every filter.
    ///
    /// A time that is not known is taken to be inside the range.
    func judged(_ fold: ReportedFold) -> FoldJudgement {
        if let bracket = fold.fold.bracket {
            if let untilMilliseconds, bracket.notBeforeMilliseconds > untilMilliseconds {
                return .differs
            }
            if let sinceMilliseconds, bracket.notAfterMilliseconds < sinceMilliseconds {
                return .differs
            }
        }
        guard matches(host: fold.host, name: fold.hostName, labels: fold.labels) else {
            return .differs
        }
        let subject = fold.fold.subject
        if let user, !(subject.user.map(user.matches) ?? false) { return .differs }
        let isMatch = subject.matches(patterns)
        guard isMatch != false, let part = fold.part(withPeakFrom: minimumPeakBytes) else {
            return .differs
        }
        return isMatch == true && grouping.isKnownOfFolds ? .matches(part) : .unknown
    }
}
