/// What one look at a cgroup gave.
///
/// Every figure is nil where the kernel has no such file or did not let it be read.
public struct CgroupObservation: Hashable, Sendable {
    /// Its path below the root of its hierarchy, as `/proc/PID/cgroup` writes it.
    public var path: RawText
    /// The inode of its directory: another number at the same path is another cgroup.
    public var inode: UInt64
    /// Which interface it was read by: 1 or 2.
    public var version: UInt8
    /// The kernel's mark (`memory.peak`, `memory.max_usage_in_bytes`).
    public var markBytes: UInt64?
    /// What it uses now (`memory.current`, `memory.usage_in_bytes`), page cache included.
    public var currentBytes: UInt64?
    /// Anonymous memory of it now (`anon`, `total_rss` of `memory.stat`).
    public var anonymousBytes: UInt64?
    /// Page cache of it now (`file`, `total_cache` of `memory.stat`).
    public var fileBytes: UInt64?
    /// Its limit (`memory.max`, `memory.limit_in_bytes`); nil for none.
    public var limitBytes: UInt64?
    /// The kernel's mark of its swap (`memory.swap.peak`).
    public var swapMarkBytes: UInt64?
    /// Processes killed in it for want of memory since it was made.
    public var killCount: UInt64?

    /// An observation that found nothing yet.
    public init(path: RawText, inode: UInt64, version: UInt8) {
        self.path = path
        self.inode = inode
        self.version = version
    }
}

/// The name of one cgroup within a boot.
public struct CgroupKey: Hashable, Sendable {
    /// Its path below the root of its hierarchy.
    public var path: RawText
    /// The inode of its directory.
    public var inode: UInt64

    /// Takes both parts as they are.
    public init(path: RawText, inode: UInt64) {
        self.path = path
        self.inode = inode
    }
}

/// All that is known of one cgroup.
public struct CgroupRecord: Hashable, Sendable {
    /// Which cgroup.
    public let key: CgroupKey
    /// Which interface it was read by: 1 or 2.
    public var version: UInt8
    /// The most memory it held, page cache included; nil before it was read.
    public var peak: CgroupPeak?
    /// The kernel's mark of its swap; nil where the kernel keeps none.
    public var swapPeakBytes: UInt64?
    /// What it used when it was last seen.
    public var currentBytes: UInt64?
    /// Its limit when it was last seen; nil for none.
    public var limitBytes: UInt64?
    /// Processes killed in it for want of memory since it was made.
    public var killCount: UInt64?
    /// When it was last seen, on the owner's clock; nil where the clock could not be trusted.
    public var seenAtMilliseconds: Int64?

    /// A cgroup of which nothing is known.
    public init(key: CgroupKey, version: UInt8) {
        self.key = key
        self.version = version
    }

    /// Whether the peak stands at the limit: the cgroup would have used more.
    ///
    /// The kernel takes page cache back before a charge would pass the limit, and charges by as
    /// much as 2 MiB at once: saturated cgroups of 32 MiB were measured to peak up to 952 KiB
    /// below. So a peak within 2 MiB or a 32nd of the limit counts, whichever is less.
    public var isPeakAtLimit: Bool {
        guard let peak, let limit = peak.limitBytes else { return false }
        return peak.bytes >= limit - min(limit / 32, 2 << 20)
    }

    /// Takes in another copy of the same cgroup, `newer` telling whether its present comes later.
    ///
    /// Returns whether anything became different.
    @discardableResult
    public mutating func merge(_ other: CgroupRecord, otherIsNewer newer: Bool) -> Bool {
        let before = self
        if let theirs = other.peak {
            peak = peak.map { $0 < theirs ? theirs : $0 } ?? theirs
        }
        swapPeakBytes = CgroupRecord.greater(swapPeakBytes, other.swapPeakBytes)
        killCount = CgroupRecord.greater(killCount, other.killCount)
        if newer {
            version = other.version
            currentBytes = other.currentBytes
            limitBytes = other.limitBytes
            seenAtMilliseconds = other.seenAtMilliseconds ?? seenAtMilliseconds
        }
        return self != before
    }

    private static func greater(_ left: UInt64?, _ right: UInt64?) -> UInt64? {
        guard let left else { return right }
        return right.map { max(left, $0) } ?? left
    }
}

/// The peak of a cgroup with what was true beside it.
public struct CgroupPeak: Hashable, Sendable, Comparable {
    /// The peak; its source is the kernel's mark of the cgroup, or the samples on kernels that
    /// keep none.
    public var peak: Peak
    /// The limit when the peak was noticed; nil for none.
    public var limitBytes: UInt64?
    /// Anonymous memory when the peak was noticed.
    public var anonymousBytes: UInt64?
    /// Page cache when the peak was noticed.
    public var fileBytes: UInt64?

    /// Takes the parts as they are.
    public init(
        peak: Peak, limitBytes: UInt64?, anonymousBytes: UInt64?, fileBytes: UInt64?
    ) {
        self.peak = peak
        self.limitBytes = limitBytes
        self.anonymousBytes = anonymousBytes
        self.fileBytes = fileBytes
    }

    /// The peak in bytes.
    public var bytes: UInt64 { peak.bytes }

    /// Orders by the peak alone, then by what was beside it so that the order is total.
    public static func < (left: CgroupPeak, right: CgroupPeak) -> Bool {
        if left.peak != right.peak { return left.peak < right.peak }
        func figures(_ peak: CgroupPeak) -> (UInt64, UInt64, UInt64) {
            func figure(_ bytes: UInt64?) -> UInt64 { bytes.map { $0 &+ 1 } ?? 0 }
            return (
                figure(peak.limitBytes), figure(peak.anonymousBytes), figure(peak.fileBytes)
            )
        }
        return figures(left) < figures(right)
    }
}
