public import MemoryModel

/// Many small ended runs that an agent folded, with their times in UTC.
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
