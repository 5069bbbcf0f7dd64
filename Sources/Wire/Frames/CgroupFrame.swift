public import MemoryModel

/// CGROUP (0x1A): the marks of cgroups.
public struct CgroupFrame: Hashable, Sendable {
    /// The cgroups in any order, at least one; times are boot time, memory is whole KiB.
    ///
    /// A peak has a bracket, and its source is sampled or cgroup.
    public var records: [CgroupRecord]

    /// Takes the fields as they are.
    public init(records: [CgroupRecord]) {
        self.records = records
    }
}

// MARK: - Payload

extension CgroupFrame {
    private static let counts = 1...WireLimits.maximumCgroupsPerFrame
    private static let smallestRecordBytes = 9
    fileprivate static let versions: ClosedRange<UInt8> = 1...2

    init(payload reader: inout PayloadReader) throws(WireError) {
        let baseTime = try reader.time("baseTime")
        let count = try reader.count(
            "count", in: CgroupFrame.counts, smallestBytes: CgroupFrame.smallestRecordBytes)
        var records = try CgroupFrame.keys(count: count, payload: &reader)
            .map { CgroupRecord(key: $0, version: 0) }
        for index in records.indices { records[index].version = try reader.cgroupVersion() }
        try CgroupFrame.readPeaks(into: &records, before: baseTime, payload: &reader)
        for index in records.indices {
            records[index].swapPeakBytes = try reader.optKibibytes("swapPeakKiB")
        }
        for index in records.indices {
            records[index].currentBytes = try reader.optKibibytes("currentKiB")
        }
        for index in records.indices {
            records[index].limitBytes = try reader.optKibibytes("limitKiB")
        }
        for index in records.indices { records[index].killCount = try reader.opt("killCount") }
        for index in records.indices {
            records[index].seenAtMilliseconds = try reader.opt(
                "seenAge", atMost: UInt64(baseTime)
            ).map { baseTime - Int64($0) }
        }
        self.init(records: records)
    }

    private static func keys(
        count: Int, payload reader: inout PayloadReader
    ) throws(WireError) -> [CgroupKey] {
        var keys: [CgroupKey] = []
        keys.reserveCapacity(count)
        for _ in 0..<count {
            let path = try reader.text("path", atMost: WireLimits.maximumStringBytes)
            keys.append(CgroupKey(path: path, inode: 0))
        }
        for index in keys.indices { keys[index].inode = try reader.uint("inode") }
        return keys
    }

    /// Takes the columns of those peaks that are there.
    private static func readPeaks(
        into records: inout [CgroupRecord], before baseTime: Int64,
        payload reader: inout PayloadReader
    ) throws(WireError) {
        for index in records.indices {
            guard let source = try reader.optCgroupSource() else { continue }
            records[index].peak = CgroupPeak(
                peak: Peak(bytes: 0, bracket: nil, source: source), limitBytes: nil,
                anonymousBytes: nil, fileBytes: nil)
        }
        let known = records.indices.filter { records[$0].peak != nil }
        for index in known { records[index].peak?.peak.bytes = try reader.kibibytes("peakKiB") }
        let ends = try reader.bracketEnds(count: known.count, before: baseTime)
        for (index, end) in zip(known, ends) {
            records[index].peak?.peak.bracket = try reader.bracket(endingAt: end)
        }
        for index in known {
            records[index].peak?.limitBytes = try reader.optKibibytes("peakLimitKiB")
        }
        for index in known {
            records[index].peak?.anonymousBytes = try reader.optKibibytes("peakAnonymousKiB")
        }
        for index in known {
            records[index].peak?.fileBytes = try reader.optKibibytes("peakFileKiB")
        }
    }

    func encodePayload(to writer: inout PayloadWriter) throws(WireError) {
        let peaks = records.compactMap(\.peak)
        let brackets = peaks.compactMap(\.peak.bracket)
        guard brackets.count == peaks.count else {
            throw PayloadWriter.failure("age", "a peak has no bracket")
        }
        let baseTime = max(
            try PayloadWriter.baseTime(of: brackets),
            records.lazy.compactMap(\.seenAtMilliseconds).max() ?? 0)
        writer.uint(UInt64(baseTime))
        try writer.count(records.count, "count", in: CgroupFrame.counts)
        for record in records {
            writer.label(record.key.path, atMost: WireLimits.maximumStringBytes)
        }
        for record in records { writer.uint(record.key.inode) }
        for record in records {
            guard CgroupFrame.versions.contains(record.version) else {
                throw PayloadWriter.failure("version", "\(record.version)")
            }
            writer.byte(record.version)
        }
        for record in records { try writer.optCgroupSource(record.peak?.peak.source) }
        for peak in peaks { writer.kibibytes(peak.bytes) }
        writer.column(ages: brackets, before: baseTime)
        writer.column(widths: brackets)
        for peak in peaks { writer.optKibibytes(peak.limitBytes) }
        for peak in peaks { writer.optKibibytes(peak.anonymousBytes) }
        for peak in peaks { writer.optKibibytes(peak.fileBytes) }
        for record in records { writer.optKibibytes(record.swapPeakBytes) }
        for record in records { writer.optKibibytes(record.currentBytes) }
        for record in records { writer.optKibibytes(record.limitBytes) }
        for record in records { try writer.opt(record.killCount, "killCount") }
        for record in records {
            let age = record.seenAtMilliseconds.map { baseTime.subtractingReportingOverflow($0) }
            guard age?.overflow != true else {
                throw PayloadWriter.failure("seenAge", "is out of bounds")
            }
            try writer.opt(signed: age?.partialValue, "seenAge", atMost: UInt64(baseTime))
        }
    }
}

// A cgroup's peak is the kernel's mark of it, or the samples where the kernel keeps none.
extension PayloadReader {
    /// Takes which interface a cgroup was read by.
    fileprivate mutating func cgroupVersion() throws(WireError) -> UInt8 {
        let start = position
        let version = try byte("version")
        guard CgroupFrame.versions.contains(version) else {
            throw failure("version", at: start, "\(version) is no version")
        }
        return version
    }

    /// Takes how a peak is known; nil where there is none.
    fileprivate mutating func optCgroupSource() throws(WireError) -> PeakSource? {
        let start = position
        let number = try byte("source")
        switch PeakSource(rawValue: number) {
        case .sampled: return .sampled
        case .cgroup: return .cgroup
        default:
            guard number == 0 else {
                throw failure("source", at: start, "\(number) is no source of a cgroup's peak")
            }
            return nil
        }
    }
}

extension PayloadWriter {
    fileprivate mutating func optCgroupSource(_ source: PeakSource?) throws(WireError) {
        switch source {
        case nil: byte(0)
        case .sampled, .cgroup: byte(source?.rawValue ?? 0)
        case .hwm, .exit: throw PayloadWriter.failure("source", "is that of a process")
        }
    }
}
