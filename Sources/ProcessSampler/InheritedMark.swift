import MemoryModel

/// What of a forked child's mark may be its parent's memory.
///
/// A child begins with its parent's anonymous memory as its mark, and maps the file pages that it
/// uses anew; a child of vfork *is* its parent's memory. The kernel does not say how much of a mark
/// that is, only what the mark was soon after the fork and what the parent's own is.
enum InheritedMark {
    /// What a child maps of its program's files, and what its first mark may be too low by.
    static let filePagesBytes: UInt64 = 8 << 20
    /// How far the child's mark may be above its parent's by stack and rough sums.
    static let slackBytes: UInt64 = 4 << 20

    /// The most that can be inherited, in bytes; nil if nothing is known.
    ///
    /// - Parameters:
    ///   - mark: The child's mark, of which all may be inherited where nothing else is known.
    ///   - atFork: Its mark soon after the fork, when it may have risen already.
    ///   - parent: Its parent's mark, which was greater at the fork or is now.
    /// - Returns: The lesser bound, or all of the mark and a little more; it may be above the mark,
    ///   which is rough itself.
    static func bytes(mark: UInt64?, atFork: UInt64?, parent: UInt64?) -> UInt64? {
        let bounds = [
            atFork.map { $0.saturatingSum(filePagesBytes) },
            parent.map { $0.saturatingSum(slackBytes) },
        ]
        return bounds.compactMap { $0 }.min() ?? mark.map { $0.saturatingSum(slackBytes) }
    }
}
