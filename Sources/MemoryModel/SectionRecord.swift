/// Which section of which run, within one boot.
public struct SectionKey: Hashable, Sendable {
    /// The run that says so of itself.
    public var run: ProcessKey
    /// What people call the section.
    public var name: RawText

    /// Takes both.
    public init(run: ProcessKey, name: RawText) {
        self.run = run
        self.name = name
    }
}

/// What is to be known of a section beside its figures; two copies become one by *or*.
///
/// The bits are those of the wire and of the store and are never used again for anything else.
public struct SectionFlags: OptionSet, Hashable, Sendable {
    /// The bits, as they travel on the wire.
    public let rawValue: UInt8

    /// Takes the bits as they are.
    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// A call was measured by looks, and not by the kernel's mark.
    public static let sampled = SectionFlags(rawValue: 1 << 0)
    /// More than was measured of a call may have been resident in it.
    public static let inexact = SectionFlags(rawValue: 1 << 1)
    /// Sections of other threads or tasks overlapped a call, whose memory is in its figures, too.
    public static let shared = SectionFlags(rawValue: 1 << 2)

    /// Every flag that this version knows.
    public static let known: SectionFlags = [.sampled, .inexact, .shared]
}

/// One call of a section, as its program told of it.
public struct SectionCall: Hashable, Sendable {
    /// The most that was resident, and when: between its beginning and its end.
    public var peak: Peak
    /// How much more that was than at the beginning, in bytes.
    public var growthBytes: UInt64
    /// How long it took, in microseconds.
    public var microseconds: UInt64
    /// What is to be known of it besides.
    public var flags: SectionFlags

    /// Takes the parts as they are.
    public init(peak: Peak, growthBytes: UInt64, microseconds: UInt64, flags: SectionFlags) {
        self.peak = peak
        self.growthBytes = growthBytes
        self.microseconds = microseconds
        self.flags = flags
    }
}

/// What a section of a run needed, over all calls that one start of an agent was told of.
///
/// Counts and times are absolute, so that two copies become one by the greater; those of several
/// starts of an agent add up.
public struct SectionRecord: Hashable, Sendable {
    /// Which section.
    public let key: SectionKey
    /// The greatest peak, whole, and when it was.
    public var peak: Peak
    /// The most that a call grew by, in bytes.
    public var growthBytes: UInt64
    /// How many calls there were, at least 1.
    public var callCount: UInt64
    /// How long they took together, in microseconds.
    public var totalMicroseconds: UInt64
    /// How long the longest took, in microseconds.
    public var longestMicroseconds: UInt64
    /// What is to be known of one of them at least.
    public var flags: SectionFlags

    /// A section that was called once.
    public init(key: SectionKey, firstCall call: SectionCall) {
        self.key = key
        peak = call.peak
        growthBytes = call.growthBytes
        callCount = 1
        totalMicroseconds = call.microseconds
        longestMicroseconds = call.microseconds
        flags = call.flags
    }

    /// Takes in one more call.
    public mutating func add(_ call: SectionCall) {
        peak = peak.merged(with: call.peak)
        growthBytes = max(growthBytes, call.growthBytes)
        callCount = callCount.saturatingSum(1)
        totalMicroseconds = totalMicroseconds.saturatingSum(call.microseconds)
        longestMicroseconds = max(longestMicroseconds, call.microseconds)
        flags.formUnion(call.flags)
    }

    /// Takes in another copy of what the same start of an agent was told.
    ///
    /// Returns whether anything became different.
    @discardableResult
    public mutating func merge(_ other: SectionRecord) -> Bool {
        let before = self
        peak = peak.merged(with: other.peak)
        growthBytes = max(growthBytes, other.growthBytes)
        callCount = max(callCount, other.callCount)
        totalMicroseconds = max(totalMicroseconds, other.totalMicroseconds)
        longestMicroseconds = max(longestMicroseconds, other.longestMicroseconds)
        flags.formUnion(other.flags)
        return self != before
    }

    /// Takes in other calls: of the same section as another start of an agent was told, or of
    /// another run's.
    public mutating func addCalls(of other: SectionRecord) {
        let calls = callCount.saturatingSum(other.callCount)
        let microseconds = totalMicroseconds.saturatingSum(other.totalMicroseconds)
        merge(other)
        callCount = calls
        totalMicroseconds = microseconds
    }
}
