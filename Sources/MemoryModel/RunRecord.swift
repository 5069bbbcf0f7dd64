/// What a run uses now, as last seen.
public struct CurrentUse: Hashable, Sendable {
    /// Resident memory in bytes; nil where it could not be read.
    public var residentBytes: UInt64?
    /// Memory in swap in bytes; nil where it could not be read.
    public var swapBytes: UInt64?
    /// What of the resident memory is file-backed or shared, in bytes; nil where not known.
    public var fileBytes: UInt64?
    /// The proportional share of resident memory in bytes; nil where it was not measured.
    public var proportionalBytes: UInt64?
    /// When that was true, in milliseconds of the owner's clock.
    public var atMilliseconds: Int64

    /// Takes the parts as they are.
    public init(
        residentBytes: UInt64?, swapBytes: UInt64?, fileBytes: UInt64? = nil,
        proportionalBytes: UInt64? = nil, atMilliseconds: Int64
    ) {
        self.residentBytes = residentBytes
        self.swapBytes = swapBytes
        self.fileBytes = fileBytes
        self.proportionalBytes = proportionalBytes
        self.atMilliseconds = atMilliseconds
    }
}

/// What of a run a change touched.
public struct RunChange: OptionSet, Hashable, Sendable {
    /// The bits; they mean nothing outside this process.
    public let rawValue: UInt8

    /// Takes the bits as they are.
    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// Its description, or that it is there at all.
    public static let description = RunChange(rawValue: 1 << 0)
    /// One of its peaks.
    public static let peak = RunChange(rawValue: 1 << 1)
    /// Its current resident memory.
    public static let resident = RunChange(rawValue: 1 << 2)
    /// Its current swap.
    public static let swap = RunChange(rawValue: 1 << 3)
    /// Its processor time.
    public static let processorTime = RunChange(rawValue: 1 << 4)
    /// Its end.
    public static let end = RunChange(rawValue: 1 << 5)
    /// How its memory is made up: file-backed, proportional.
    public static let composition = RunChange(rawValue: 1 << 6)
}

/// All that is known of one run.
public struct RunRecord: Hashable, Sendable {
    /// Which run, within its boot.
    public let key: ProcessKey
    /// What it runs and for whom.
    public var description: RunDescription
    /// The most resident memory it held; nil before anything was measured.
    public var peak: Peak?
    /// The most swap that was seen; it is sampled, the kernel keeps no mark of it.
    public var swapPeakBytes: UInt64?
    /// What it uses now, or used when it was last seen.
    public var current: CurrentUse?
    /// Processor time used, in milliseconds.
    public var processorMilliseconds: UInt64?
    /// Page faults of its process; nil where nobody could learn them.
    public var faults: FaultCounts?
    /// What is to be known of it besides.
    public var flags: RunFlags = []
    /// When the kernel's mark was last read, on the owner's clock; nil if it never was.
    ///
    /// A mark that has risen since rose after this. Only whoever reads the kernel has it.
    public var markReadAtMilliseconds: Int64?
    /// How it ended; nil while it lives.
    public var end: RunEnd?
    /// Its number among the ended runs and folds of its agent's start, from 0; nil where it has
    /// none.
    public var ordinal: UInt64?

    /// A run of which nothing has been measured.
    public init(key: ProcessKey, description: RunDescription) {
        self.key = key
        self.description = description
    }

    /// Whether the peak is no more than what the run began with, its parent's memory.
    public var isPeakInherited: Bool {
        guard let inherited = description.inheritedBytes, let peak else { return false }
        return peak.bytes <= inherited
    }

    /// Takes in another copy of the same run by the merge table, `newer` telling whether the other
    /// copy's current values come later.
    ///
    /// Returns what became different.
    ///
    /// Peaks and counts merge by maximum, the end stays as it was first learned, and what
    /// describes the present goes by the last writer.
    @discardableResult
    public mutating func merge(_ other: RunRecord, otherIsNewer newer: Bool) -> RunChange {
        var change: RunChange = []
        if newer, description != other.description {
            description = other.description
            change.insert(.description)
        }
        change.formUnion(raisePeak(other.peak))
        change.formUnion(raiseSwapPeak(other.swapPeakBytes))
        if newer, let theirs = other.current { change.formUnion(setCurrent(theirs)) }
        change.formUnion(raiseProcessorTime(other.processorMilliseconds))
        raiseFaults(other.faults)
        change.formUnion(add(other.flags))
        change.formUnion(setEnd(other.end))
        ordinal = ordinal ?? other.ordinal
        return change
    }

    /// Keeps the greater of its peak and `candidate`.
    ///
    /// Returns `.peak` if that changed it.
    @discardableResult
    public mutating func raisePeak(_ candidate: Peak?) -> RunChange {
        let merged = Peak.merged(peak, candidate)
        guard merged != peak else { return [] }
        peak = merged
        return .peak
    }

    /// Keeps the greater of its largest swap and `candidate`.
    ///
    /// Returns `.peak` if that changed it.
    @discardableResult
    public mutating func raiseSwapPeak(_ candidate: UInt64?) -> RunChange {
        guard let candidate, candidate > swapPeakBytes ?? 0 || swapPeakBytes == nil else {
            return []
        }
        swapPeakBytes = candidate
        return .peak
    }

    /// Takes `use` as its present.
    ///
    /// Returns which figures of it differ from those before.
    @discardableResult
    public mutating func setCurrent(_ use: CurrentUse) -> RunChange {
        var change: RunChange = []
        if current?.residentBytes != use.residentBytes { change.insert(.resident) }
        if current?.swapBytes != use.swapBytes { change.insert(.swap) }
        if current?.fileBytes != use.fileBytes
            || current?.proportionalBytes != use.proportionalBytes
        {
            change.insert(.composition)
        }
        current = use
        return change
    }

    /// Keeps the greater processor time.
    ///
    /// Returns `.processorTime` if that changed it.
    @discardableResult
    public mutating func raiseProcessorTime(_ candidate: UInt64?) -> RunChange {
        guard let candidate, processorMilliseconds.map({ candidate > $0 }) ?? true else {
            return []
        }
        processorMilliseconds = candidate
        return .processorTime
    }

    /// Keeps the greater counts of faults.
    public mutating func raiseFaults(_ candidate: FaultCounts?) {
        guard let candidate else { return }
        faults = faults.map { $0.merged(with: candidate) } ?? candidate
    }

    /// Adds flags.
    ///
    /// Returns `.description` if one of them was not there before.
    @discardableResult
    public mutating func add(_ more: RunFlags) -> RunChange {
        guard !flags.isSuperset(of: more) else { return [] }
        flags.formUnion(more)
        return .description
    }

    /// Takes `candidate` as its end unless it has one.
    ///
    /// Returns `.end` if that changed it.
    @discardableResult
    public mutating func setEnd(_ candidate: RunEnd?) -> RunChange {
        guard end == nil, let candidate else { return [] }
        end = candidate
        return .end
    }
}
