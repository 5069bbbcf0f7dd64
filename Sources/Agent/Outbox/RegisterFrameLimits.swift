import MemoryModel
import Wire

// Upper bounds of TOTALS, CGROUP, OOM, GAP and SECTIONS. A figure in KiB that `PeakLimits` does not
// bound takes 8 bytes, a sum of such figures too; an index of a string takes 3.
extension FrameLimits {
    /// The longest name of anything, in bytes.
    static var maximumNameBytes: Int { WireLimits.maximumStringBytes }
    /// GAP: ordinal, reason, age, width, count.
    static let gapBytes = 10 + 1 + 9 + 9 + 10

    /// TOTALS: kind, name, sum, age, count of runs, count of shares.
    private static let totalBytes = 1 + 3 + 8 + 9 + 10 + 1
    /// TOTALS, each share: pid, start, image, resident memory.
    private static let shareBytes = 5 + 10 + 5 + 6
    /// CGROUP: inode, version, source; peak, age, width, limit, anonymous and file memory at the
    /// peak; swap, current, limit, kills, age.
    private static let cgroupBytes = 10 + 1 + 1 + (8 + 9 + 9 + 8 + 8 + 8) + (8 + 8 + 8 + 10 + 10)
    /// OOM: age, pid, start, image, three names, constraint, limit, resident, last peak, evidence.
    private static let killBytes = 9 + 5 + 10 + 5 + 3 * 3 + 1 + 8 + 8 + 8 + 2

    /// SECTIONS: pid, start, image, name, flags, peak, source, age, width, growth, three counts.
    private static let sectionBytes = 5 + 10 + 5 + 3 + 2 + 8 + 1 + 9 + 9 + 8 + 3 * 10

    /// PYTHON_GROWTH, each run: pid, start, image, two amounts, two counts, resident memory.
    private static let growthBytes = 5 + 10 + 5 + 8 + 8 + 2 + 2 + 8
    /// PYTHON_GROWTH, each line and each line of a stack: two names, number, index, amount.
    private static let growthLineBytes = 2 * (3 + nameLengthBytes) + 5 + 3 + 8

    /// FOLD: ordinal, three names, count, peak, age, width, source, sum, age, width, processor
    /// time, two counts, steps.
    private static let foldBytes = 10 + 3 * 3 + 10 + 8 + 9 + 9 + 1 + 10 + 9 + 9 + 10 + 2 * 10 + 2

    /// What a fold takes, in bytes.
    func bytes(of fold: Fold) -> Int {
        let numbers = FrameLimits.numberBytes(of: fold)
        return fold.subject.names.reduce(numbers) {
            $0 + FrameLimits.nameLengthBytes
                + min($1?.bytes.count ?? 0, nameBytes(besides: numbers))
        }
    }

    /// `fold` with its names cut where no frame could carry it.
    func fitted(_ fold: Fold) -> Fold {
        let room = nameBytes(besides: FrameLimits.numberBytes(of: fold))
        var fitted = fold
        fitted.subject = FoldSubject(
            program: fold.subject.program.clamped(toBytes: room),
            user: fold.subject.user?.clamped(toBytes: room),
            cgroup: fold.subject.cgroup?.clamped(toBytes: room))
        return fitted
    }

    private func nameBytes(besides numberBytes: Int) -> Int {
        let room = (maximumBytes - FrameLimits.countsBytes - numberBytes) / 3
        return min(FrameLimits.maximumNameBytes, room - FrameLimits.nameLengthBytes)
    }

    private static func numberBytes(of fold: Fold) -> Int {
        fold.histogram.counts.values.reduce(foldBytes) { sum, count in
            // The step, and seven bits of the count in each byte.
            sum + 2 + max(1, (UInt64.bitWidth - count.leadingZeroBitCount + 6) / 7)
        }
    }

    /// What a sum takes, in bytes.
    func bytes(of subject: TotalSubject, _ peak: TotalPeak) -> Int {
        FrameLimits.totalBytes + bytes(ofName: subject.name, amongst: 1)
            + peak.composition.count * FrameLimits.shareBytes
    }

    /// What a section takes, in bytes; no name of one is too long for a frame.
    static func bytes(of key: SectionKey) -> Int {
        sectionBytes + nameLengthBytes + key.name.bytes.count
    }

    /// What growth by line takes, in bytes, were no two names the same.
    static func bytes(of growth: GrowthRecord) -> Int {
        let lines = Array(growth.lines.keys) + (growth.peakStack?.lines ?? [])
        return lines.reduce(growthBytes) {
            $0 + growthLineBytes + $1.file.bytes.count + $1.function.bytes.count
        }
    }

    /// `growth` without the outermost of its stack and its smallest lines, where no frame could
    /// carry all.
    func fitted(_ growth: GrowthRecord) -> GrowthRecord {
        var fitted = growth
        while FrameLimits.bytes(of: fitted) > maximumBytes - FrameLimits.countsBytes {
            if fitted.peakStack?.lines.count ?? 0 > fitted.lines.count {
                fitted.peakStack?.lines.removeLast()
            } else if let smallest = fitted.ranked.last {
                fitted.lines[smallest.line] = nil
            } else {
                break
            }
        }
        return fitted
    }

    /// What a cgroup takes, in bytes.
    func bytes(of key: CgroupKey) -> Int {
        FrameLimits.cgroupBytes + bytes(ofName: key.path, amongst: 1)
    }

    /// What a kill takes, in bytes.
    func bytes(of kill: OutOfMemoryKill) -> Int {
        [kill.comm, kill.limitCgroup, kill.cgroup].reduce(FrameLimits.killBytes) {
            $0 + ($1.map { bytes(ofName: $0, amongst: 3) } ?? 0)
        }
    }

    /// `subject` with its name cut where no frame could carry it.
    func fitted(_ subject: TotalSubject) -> TotalSubject {
        TotalSubject(
            kind: subject.kind, name: subject.name.clamped(toBytes: nameBytes(amongst: 1)))
    }

    /// `record` with its path cut where no frame could carry it.
    func fitted(_ record: CgroupRecord) -> CgroupRecord {
        let room = nameBytes(amongst: 1)
        guard record.key.path.bytes.count > room else { return record }
        let key = CgroupKey(path: record.key.path.clamped(toBytes: room), inode: record.key.inode)
        var fitted = CgroupRecord(key: key, version: record.version)
        fitted.merge(record, otherIsNewer: true)
        return fitted
    }

    /// `kill` with its names cut where no frame could carry them.
    func fitted(_ kill: OutOfMemoryKill) -> OutOfMemoryKill {
        let room = nameBytes(amongst: 3)
        var fitted = kill
        fitted.comm = kill.comm?.clamped(toBytes: room)
        fitted.limitCgroup = kill.limitCgroup?.clamped(toBytes: room)
        fitted.cgroup = kill.cgroup?.clamped(toBytes: room)
        return fitted
    }

    private func bytes(ofName name: RawText, amongst count: Int) -> Int {
        FrameLimits.nameLengthBytes + min(name.bytes.count, nameBytes(amongst: count))
    }

    /// How long each of so many names of one part may be for a frame of its own.
    private func nameBytes(amongst count: Int) -> Int {
        let numbers = FrameLimits.totalBytes + TotalPeak.maximumShares * FrameLimits.shareBytes
        let room = maximumBytes - FrameLimits.countsBytes - numbers
        return min(FrameLimits.maximumNameBytes, room / count - FrameLimits.nameLengthBytes)
    }
}

extension FoldSubject {
    fileprivate var names: [RawText?] { [program, user, cgroup] }
}

/// What is left of a frame while parts are put into it.
struct FrameRoom {
    private let limits: FrameLimits
    private var bytes = 0
    private var count = 0
    private let maximumCount: Int

    /// All of a frame of at most `maximumCount` parts.
    init(_ limits: FrameLimits, maximumCount: Int) {
        self.limits = limits
        self.maximumCount = maximumCount
    }

    /// Takes room for a part; returns false if there was not enough.
    mutating func take(_ partBytes: Int) -> Bool {
        bytes += partBytes
        count += 1
        return limits.allows(partBytes: bytes) && count <= maximumCount
    }
}
