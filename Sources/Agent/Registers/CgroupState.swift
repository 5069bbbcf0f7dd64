import MemoryModel

/// What is known of a cgroup, and what an agent needs beside it to go on.
struct CgroupState: Hashable {
    /// What is told of it.
    private(set) var record: CgroupRecord
    /// When it was last seen; the record says when it was last seen to change.
    private(set) var seenAtMilliseconds: Int64
    /// When its mark was last read; nil if it never was.
    private var markReadAtMilliseconds: Int64?
    /// A mark that was forgotten with its peak: one that is not above it says nothing.
    private var forgottenMarkBytes: UInt64?

    /// The interfaces that there are.
    static let versions: ClosedRange<UInt8> = 1...2
    /// How old the time in the record may become while nothing else changes.
    static let seenIntervalMilliseconds: Int64 = 60_000

    /// A cgroup of which nothing is known yet.
    init(_ observation: CgroupObservation, atMilliseconds now: Int64) {
        record = CgroupRecord(
            key: CgroupKey(path: observation.path, inode: observation.inode),
            version: observation.version)
        seenAtMilliseconds = now
    }

    /// Takes in a look at it, whose figures are believed.
    ///
    /// Returns whether the record says something else now.
    mutating func observe(_ seen: CgroupObservation, atMilliseconds now: Int64) -> Bool {
        seenAtMilliseconds = now
        var isChanged = raisePeak(seen, atMilliseconds: now)
        if let swap = seen.swapMarkBytes, record.swapPeakBytes.map({ swap > $0 }) ?? true {
            record.swapPeakBytes = swap
            isChanged = true
        }
        if let kills = seen.killCount, record.killCount.map({ kills > $0 }) ?? true {
            record.killCount = kills
            isChanged = true
        }
        let age = record.seenAtMilliseconds.map { now &- $0 } ?? .max
        guard
            isChanged || age >= CgroupState.seenIntervalMilliseconds
                || record.currentBytes != seen.currentBytes
                || record.limitBytes != seen.limitBytes || record.version != seen.version
        else { return false }
        record.currentBytes = seen.currentBytes
        record.limitBytes = seen.limitBytes
        record.version = seen.version
        record.seenAtMilliseconds = now
        return true
    }

    /// Forgets its peak if its time overlaps one of `stretches`, and begins anew with what it uses.
    ///
    /// Returns whether it did.
    mutating func forgetPeak(in stretches: [TimeBracket], atMilliseconds now: Int64) -> Bool {
        guard let known = record.peak, known.peak.bracket?.overlaps(anyOf: stretches) == true
        else { return false }
        forgottenMarkBytes = max(forgottenMarkBytes ?? 0, known.bytes)
        record.peak = record.currentBytes.map {
            let bracket = TimeBracket(notBeforeMilliseconds: now, notAfterMilliseconds: now)
            return CgroupPeak(
                peak: Peak(bytes: $0, bracket: bracket, source: .sampled),
                limitBytes: record.limitBytes, anonymousBytes: nil, fileBytes: nil)
        }
        if markReadAtMilliseconds != nil { markReadAtMilliseconds = now }
        return true
    }

    /// A mark that rose did so since it was last read; without marks the samples speak.
    private mutating func raisePeak(
        _ seen: CgroupObservation, atMilliseconds now: Int64
    ) -> Bool {
        let known = record.peak?.bytes
        var peak: Peak?
        if let mark = seen.markBytes {
            if known.map({ mark > $0 }) ?? true, forgottenMarkBytes.map({ mark > $0 }) ?? true {
                let bracket = TimeBracket(
                    notBeforeMilliseconds: markReadAtMilliseconds ?? 0, notAfterMilliseconds: now)
                peak = Peak(bytes: mark, bracket: bracket, source: .cgroup)
            }
            markReadAtMilliseconds = now
        }
        if peak == nil, seen.markBytes == nil || forgottenMarkBytes != nil,
            let current = seen.currentBytes, known.map({ current > $0 }) ?? true
        {
            let bracket = TimeBracket(notBeforeMilliseconds: now, notAfterMilliseconds: now)
            peak = Peak(bytes: current, bracket: bracket, source: .sampled)
        }
        guard let peak else { return false }
        record.peak = CgroupPeak(
            peak: peak, limitBytes: seen.limitBytes, anonymousBytes: seen.anonymousBytes,
            fileBytes: seen.fileBytes)
        return true
    }
}
