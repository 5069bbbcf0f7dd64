/// Why a run is over.
///
/// The numbers are those of the wire and of the store.
public enum RunEndReason: UInt8, Hashable, Sendable, CaseIterable {
    /// Its process ended.
    case exited = 1
    /// Its process went on with another program image.
    case executed = 2
    /// It was gone when its agent came back: it ended at some time in between.
    case unobserved = 3
    /// Its host went down or started anew.
    case rebooted = 4

    /// The word for it in reports.
    public var word: String {
        switch self {
        case .exited: "exited"
        case .executed: "executed"
        case .unobserved: "unobserved"
        case .rebooted: "rebooted"
        }
    }
}

/// The end of a run.
///
/// Set once: the first one that is learned stays.
public struct RunEnd: Hashable, Sendable {
    /// When it ended; nil where its host's clock could not be trusted.
    public var bracket: TimeBracket?
    /// Why it ended.
    public var reason: RunEndReason
    /// The exit code; nil if it was killed by a signal or nobody could learn it.
    public var exitCode: Int32?
    /// The signal that killed it; nil if it exited by itself or nobody could learn it.
    public var exitSignal: Int32?

    /// Takes the parts; exit code and signal are nil unless they were learned.
    public init(
        bracket: TimeBracket?, reason: RunEndReason, exitCode: Int32? = nil,
        exitSignal: Int32? = nil
    ) {
        self.bracket = bracket
        self.reason = reason
        self.exitCode = exitCode
        self.exitSignal = exitSignal
    }
}
