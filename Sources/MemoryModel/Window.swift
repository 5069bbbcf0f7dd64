/// How long a window is.
///
/// Windows are those of UTC: a minute begins at a multiple of 60,000 ms since the epoch, an hour at
/// one of 3,600,000, a day at one of 86,400,000. The numbers are those of the wire and of the
/// store.
public enum WindowLength: UInt8, Hashable, Sendable, CaseIterable, Comparable {
    /// 60 seconds.
    case minute = 1
    /// 60 minutes.
    case hour = 2
    /// 24 hours.
    case day = 3

    /// So many milliseconds.
    public var milliseconds: Int64 {
        switch self {
        case .minute: 60_000
        case .hour: 3_600_000
        case .day: 86_400_000
        }
    }

    /// Where the window begins that has this moment in it; both in milliseconds of UTC.
    ///
    /// A moment on an edge belongs to the window that begins there.
    public func start(of milliseconds: Int64) -> Int64 {
        let rest = milliseconds % self.milliseconds
        return milliseconds - (rest < 0 ? rest + self.milliseconds : rest)
    }

    /// Orders by length.
    public static func < (left: WindowLength, right: WindowLength) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// The most that something held within one window of time, between two bounds.
public struct Window: Hashable, Sendable {
    /// It held this much at a moment of the window, in bytes: its largest sample there, or the
    /// kernel's mark if that rose there.
    public let atLeastBytes: UInt64
    /// It held no more than this at any moment of the window, in bytes: the kernel's mark at the
    /// end; nil where no mark could be read.
    public let atMostBytes: UInt64?

    /// Takes both; an upper bound below the lower one is raised to it.
    public init(atLeastBytes: UInt64, atMostBytes: UInt64?) {
        self.atLeastBytes = atLeastBytes
        self.atMostBytes = atMostBytes.map { max($0, atLeastBytes) }
    }

    /// Whether both bounds are equal, so that the figure is the kernel's own.
    public var isExact: Bool { atLeastBytes == atMostBytes }

    /// How it is known: the kernel's mark where it is exact, else the largest of the samples.
    public var source: PeakSource { isExact ? .hwm : .sampled }

    /// The greater of each bound; an unknown upper bound stays unknown.
    ///
    /// This is both: two copies of one window become one, and neighbours become a longer one.
    public func merged(with other: Window) -> Window {
        let atMost: UInt64? =
            if let mine = atMostBytes, let theirs = other.atMostBytes { max(mine, theirs) } else {
                nil
            }
        return Window(
            atLeastBytes: max(atLeastBytes, other.atLeastBytes), atMostBytes: atMost)
    }
}

/// The most that something held within a range of time, put together of its windows.
public struct RangedWindow: Hashable, Sendable {
    /// The bounds over all of the range that was watched.
    public var window: Window
    /// Where the window begins in which the lower bound was reached, in milliseconds of UTC.
    public var startsAtMilliseconds: Int64
    /// How long that window is.
    public var length: WindowLength

    /// Takes the parts as they are.
    public init(window: Window, startsAtMilliseconds: Int64, length: WindowLength) {
        self.window = window
        self.startsAtMilliseconds = startsAtMilliseconds
        self.length = length
    }
}

/// What of the past is asked for.
public enum HistorySubject: Hashable, Sendable {
    /// One run.
    case run(RunKey)
    /// The resident memory of all processes of a host, as a sum.
    case host(HostID)
    /// The largest run of a program, on one host or on all.
    case program(RawText, on: HostID?)
    /// The largest run of a user, on one host or on all.
    case user(RawText, on: HostID?)
    /// The largest run in a cgroup, on one host or on all.
    case cgroup(RawText, on: HostID?)
}

/// One window of a subject's past.
public struct HistoryPoint: Hashable, Sendable {
    /// Where it begins, in milliseconds of UTC.
    public var startsAtMilliseconds: Int64
    /// How long it is.
    public var length: WindowLength
    /// What the subject held; nil where it did not live, or where nobody watched.
    public var window: Window?
    /// Whether an agent watched; false means that nothing can be said of this time.
    public var isWatched: Bool
    /// How much of it an agent watched; nil where that is not known.
    public var watchedMilliseconds: Int64?

    /// Takes the parts as they are.
    public init(
        startsAtMilliseconds: Int64, length: WindowLength, window: Window?, isWatched: Bool
    ) {
        self.startsAtMilliseconds = startsAtMilliseconds
        self.length = length
        self.window = window
        self.isWatched = isWatched
    }
}
