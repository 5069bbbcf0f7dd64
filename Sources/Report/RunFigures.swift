public import MemoryModel

/// A run as reports put it together: names are numbers, so that a million of them are compared and
/// counted without a copy of any.
///
/// Whoever makes them says which number a name has; equal names must have equal numbers.
public struct RunFigures: Sendable {
    /// Which run, in its boot.
    public var key: ProcessKey
    /// The number of its program.
    public var program: Int64
    /// The number of the kernel's name of it.
    public var comm: Int64
    /// The number of its executable, or `noName`.
    public var executable = noName
    /// The number of its command line, or `noName`.
    public var command = noName
    /// The number of its user, `number(ofUserID:)` where it has no name, or `noName`.
    public var user = noName
    /// The number of its cgroup, or `noName`.
    public var cgroup = noName
    /// The number of its systemd unit, or `noName`.
    public var unit = noName
    /// The number of its container, or `noName`.
    public var container = noName
    /// When it began, in milliseconds of UTC.
    public var startedAtMilliseconds: Int64?
    /// How it ended; nil while it lives.
    public var end: RunEnd?
    /// The mark that it began with, in bytes.
    public var inheritedBytes: UInt64?
    /// The most that it held in its whole life.
    public var peak: Peak?
    /// The most swap that it was seen with, in bytes.
    public var swapPeakBytes: UInt64?
    /// What it held when it was last seen, in bytes.
    public var residentBytes: UInt64?
    /// Processor time, in milliseconds.
    public var processorMilliseconds: UInt64?
    /// What is to be known of it besides.
    public var flags: RunFlags = []

    /// What stands for a name that is not known.
    public static let noName: Int64 = 0

    /// A run of which only names are known.
    public init(key: ProcessKey, program: Int64, comm: Int64) {
        self.key = key
        self.program = program
        self.comm = comm
    }

    /// The number of a user without a name; all others are positive.
    public static func number(ofUserID id: UInt32) -> Int64 { -1 - Int64(id) }

    /// The number of a user by its name; one that is a number is as if it had no name.
    public static func number<Failure: Error>(
        ofUser name: RawText, number: (RawText) throws(Failure) -> Int64
    ) throws(Failure) -> Int64 {
        let isNumber = !name.isEmpty && name.bytes.allSatisfy { (48...57).contains($0) }
        if isNumber, let id = UInt32(String(decoding: name.bytes, as: UTF8.self)),
            RawText(String(id)) == name
        {
            return RunFigures.number(ofUserID: id)
        }
        return try number(name)
    }

    /// The user that such a number stands for; nil for the number of a name.
    static func userID(ofNumber number: Int64) -> UInt32? {
        number < 0 ? UInt32(exactly: -1 - number) : nil
    }

    /// Takes a run in, with the numbers that `number` has for names.
    public init<Failure: Error>(
        _ record: RunRecord, number: (RawText) throws(Failure) -> Int64
    ) throws(Failure) {
        let description = record.description
        self.init(
            key: record.key, program: try number(description.program),
            comm: try number(description.comm))
        func optional(_ name: RawText?) throws(Failure) -> Int64 {
            guard let name else { return RunFigures.noName }
            return try number(name)
        }
        executable = try optional(description.executable)
        command = try optional(description.command)
        cgroup = try optional(description.cgroup)
        unit = try optional(description.unit)
        container = try optional(description.container)
        if let name = description.user {
            user = try RunFigures.number(ofUser: name, number: number)
        } else if let id = description.userID {
            user = RunFigures.number(ofUserID: id)
        }
        startedAtMilliseconds = description.startedAtMilliseconds
        end = record.end
        inheritedBytes = description.inheritedBytes
        peak = record.peak
        swapPeakBytes = record.swapPeakBytes
        residentBytes = record.current?.residentBytes
        processorMilliseconds = record.processorMilliseconds
        flags = record.flags
    }

    /// Whether the peak is no more than what the run began with.
    var isPeakInherited: Bool {
        guard let inheritedBytes, let peak else { return false }
        return peak.bytes <= inheritedBytes
    }

    /// Whether the true peak may be above the one that is known; nil where none is known.
    func isPeakLowerBound(isHostGone: Bool) -> Bool? {
        guard let peak else { return nil }
        return RunJudgement.isLowerBound(peak, flags, hasEnd: end != nil, isHostGone: isHostGone)
    }

    /// Whether the peak may be what the program said of itself.
    var isPeakTold: Bool { RunJudgement.isTold(peak, flags) }
}

/// What the facts of a run mean.
enum RunJudgement {
    /// Whether the peak may be what the program said of itself: one that resets the kernel's mark
    /// tells of the greatest before, and nobody else can.
    static func isTold(_ peak: Peak?, _ flags: RunFlags) -> Bool {
        peak?.source == .hwm && flags.contains(.markReset)
    }

    /// Whether the true peak may be above the one that is known.
    static func isLowerBound(
        _ peak: Peak, _ flags: RunFlags, hasEnd: Bool, isHostGone: Bool
    ) -> Bool {
        if flags.isPeakConfirmed { return false }
        switch peak.source {
        case .exit: return flags.contains(.markReset)
        case .sampled: return true
        case .hwm, .cgroup: return hasEnd || isHostGone || flags.contains(.markReset)
        }
    }

    /// Whether the kernel killed a run for want of memory; nil where nobody could know.
    static func wasKilledForMemory(_ flags: RunFlags, _ end: RunEnd?, isKillSeen: Bool) -> Bool? {
        if flags.contains(.killedForMemory) { return true }
        if isKillSeen { return false }
        guard let end else { return nil }
        let sigkill: Int32 = 9
        let isOtherEnd =
            end.reason == .executed || end.exitCode != nil
            || end.exitSignal.map { $0 != sigkill } ?? false
        return isOtherEnd ? false : nil
    }
}

/// What a run held at most in the range of a report.
struct RangedPeak {
    /// On what the figure rests.
    enum Basis: Sendable {
        /// The peak of its life, which lies in the range, or there is no range.
        case life
        /// Its windows in the range, with one figure for both bounds.
        case windows
        /// Its windows in the range: it held at least this.
        case windowsAtLeast
        /// The peak of its life, which may lie outside: it held at most this.
        case lifeAtMost
    }

    var peak: Peak
    var basis: Basis

    /// The figure of a run whose peak of its life is `life`, by its windows in the range if any are
    /// known.
    init(life: Peak, in range: ClosedRange<Int64>?, window: RangedWindow?) {
        peak = life
        basis = .life
        guard let range, !RangedPeak.isExact(life, in: range) else { return }
        basis = .lifeAtMost
        // A window without a lower bound says no more than the peak of the life does.
        guard let window, window.window.atLeastBytes > 0 else { return }
        let end = window.startsAtMilliseconds.addingReportingOverflow(window.length.milliseconds)
        peak = Peak(
            bytes: min(window.window.atLeastBytes, life.bytes),
            bracket: TimeBracket(
                notBeforeMilliseconds: window.startsAtMilliseconds,
                notAfterMilliseconds: end.overflow ? .max : end.partialValue),
            source: window.window.source)
        basis = window.window.isExact ? .windows : .windowsAtLeast
    }

    /// Whether the peak of a life is the one of the range: its whole bracket lies there.
    static func isExact(_ life: Peak, in range: ClosedRange<Int64>) -> Bool {
        guard let bracket = life.bracket else { return false }
        return range.contains(bracket.notBeforeMilliseconds)
            && range.contains(bracket.notAfterMilliseconds)
    }
}

extension ReportQuery {
    /// Whether what a run held in the range is not told by the peak of its life.
    public func needsWindows(_ life: Peak?) -> Bool {
        guard hasRange, let life else { return false }
        return !RangedPeak.isExact(life, in: range)
    }

    /// The figure that a row of this run shows, in bytes; nil where nothing was measured.
    public func figure(of run: ReportedRun, _ window: RangedWindow?) -> UInt64? {
        run.record.peak.map {
            RangedPeak(life: $0, in: hasRange ? range : nil, window: window).peak.bytes
        }
    }
}
