public import MemoryModel

/// Many small ended runs that an agent or the store folded, with their times in UTC.
///
/// Immutable: what names it is its host, the start of its agent and its ordinal.
public struct StoredFold: Hashable, Sendable {
    /// The host on which the runs were.
    public var host: HostID
    /// The boot that they were in.
    public var boot: BootID
    /// The start of the agent that numbered the fold.
    public var epoch: UInt64
    /// The fold itself.
    public var fold: Fold

    /// Takes the parts as they are.
    public init(host: HostID, boot: BootID, epoch: UInt64, fold: Fold) {
        self.host = host
        self.boot = boot
        self.epoch = epoch
        self.fold = fold
    }
}

extension StoredFold {
    /// The start under which a store numbers its own folds: an agent's is drawn from all numbers
    /// of 64 bits.
    ///
    /// Should one draw it nevertheless, both take their ordinals from the same applied ones.
    public static let storeEpoch: UInt64 = 1 << 63

    /// Whether the store made it, of runs whose peaks are all final and that began and ended
    /// within one hour of UTC.
    public var isMadeByStore: Bool { epoch == StoredFold.storeEpoch && fold.bracket != nil }

    /// When the peaks of its runs were, as far as a purge may know: that of the greatest of an
    /// agent's fold, and the whole hour of a store's; nil where nobody knows.
    public var purgeBracket: TimeBracket? {
        guard isMadeByStore, let bracket = fold.bracket else { return fold.peak?.bracket }
        let hour = StoredTotal.hour(of: bracket.notAfterMilliseconds)
        let peak = fold.peak?.bracket
        return TimeBracket(
            notBeforeMilliseconds: min(hour, peak?.notBeforeMilliseconds ?? hour),
            notAfterMilliseconds: max(
                hour &+ StoredTotal.hourLengthMilliseconds &- 1,
                peak?.notAfterMilliseconds ?? hour))
    }

    /// What names a fold.
    public struct Key: Hashable, Sendable {
        /// The host.
        public let host: HostID
        /// The start of the agent that numbered it.
        public let epoch: UInt64
        /// Its number.
        public let ordinal: UInt64
    }

    /// What names it.
    public var key: Key { Key(host: host, epoch: epoch, ordinal: fold.ordinal) }
}
