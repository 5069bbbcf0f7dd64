import MemoryModel

/// The kernel's counts of kills by cgroup, and how many of those kills are known.
struct KillCounts {
    /// Whether a cgroup's count leaves out the cgroups below it.
    let areLocal: Bool

    private var counts: [RawText: Count] = [:]

    private static let maximumCount = 16_384
    private static let forgetMilliseconds: Int64 = 60_000

    private struct Count {
        var inode: UInt64
        /// What the count was when it was first read.
        var base: UInt64
        var count: UInt64
        /// Kills since then that are known, in it or, where counts are of whole subtrees, below.
        var explained: UInt64 = 0
        var limitBytes: UInt64?
        var firstAtMilliseconds: Int64
        var seenAtMilliseconds: Int64
    }

    /// A count that rose.
    struct Rise {
        var path: RawText
        /// By how much.
        var kills: UInt64
        /// When it had not risen yet.
        var notBeforeMilliseconds: Int64
    }

    init(areLocal: Bool) {
        self.areLocal = areLocal
    }

    /// Whether a cgroup's count is followed.
    func isFollowed(_ path: RawText) -> Bool { counts[path] != nil }

    /// The limit of a cgroup; nil for none and if it is not known.
    func limitBytes(of path: RawText) -> UInt64? { counts[path]?.limitBytes }

    /// Since when a cgroup's count is followed.
    func firstAtMilliseconds(of path: RawText) -> Int64? { counts[path]?.firstAtMilliseconds }

    /// Kills that a count tells of and nobody knows.
    func unexplained(in path: RawText) -> UInt64 {
        guard let count = counts[path] else { return 0 }
        let rise = count.count - count.base
        return rise > count.explained ? rise - count.explained : 0
    }

    /// Whether the count of `path` has in it what happens in `place`.
    func isCounted(in path: RawText, _ place: RawText) -> Bool {
        areLocal ? path == place : place.isCgroup(atOrBelow: path)
    }

    /// Takes in a look; returns the counts that rose, those of the deepest cgroups first, because
    /// what happened below explains what the counts above say.
    mutating func observed(_ cgroups: [CgroupObservation], at now: Int64) -> [Rise] {
        var rises = cgroups.compactMap { note($0, at: now) }
        rises.sort { ($0.path.bytes.count, $0.path) > ($1.path.bytes.count, $1.path) }
        if counts.contains(where: { isForgotten($0.value, at: now) }) {
            counts = counts.filter { !isForgotten($0.value, at: now) }
        }
        return rises
    }

    private mutating func note(_ cgroup: CgroupObservation, at now: Int64) -> Rise? {
        guard let count = cgroup.killCount else { return nil }
        if let known = counts[cgroup.path], known.inode == cgroup.inode, count >= known.count {
            counts[cgroup.path]?.count = count
            counts[cgroup.path]?.limitBytes = cgroup.limitBytes
            counts[cgroup.path]?.seenAtMilliseconds = now
            guard count > known.count else { return nil }
            return Rise(
                path: cgroup.path, kills: count - known.count,
                notBeforeMilliseconds: known.seenAtMilliseconds)
        }
        guard counts.count < KillCounts.maximumCount || counts[cgroup.path] != nil else {
            return nil
        }
        counts[cgroup.path] = Count(
            inode: cgroup.inode, base: count, count: count, limitBytes: cgroup.limitBytes,
            firstAtMilliseconds: now, seenAtMilliseconds: now)
        return nil
    }

    private func isForgotten(_ count: Count, at now: Int64) -> Bool {
        now - count.seenAtMilliseconds > KillCounts.forgetMilliseconds
    }

    /// Says that kills in `place` are known, also to the cgroups above it where those count them;
    /// but not to `known` and those above it, which know already.
    mutating func explain(_ kills: UInt64, in place: RawText, below known: RawText? = nil) {
        if areLocal {
            counts[place]?.explained += kills
            return
        }
        for path in Array(counts.keys) where place.isCgroup(atOrBelow: path) {
            if let known, known.isCgroup(atOrBelow: path) { continue }
            counts[path]?.explained += kills
        }
    }
}
