import MemoryModel
import PeakStore

// What the frames of a host's session say of parts of its runs.
//
// Each of these returns whether there was room for all of it.

extension HostRecord {
    /// SECTIONS: each belongs to the agent's start that was told of its calls.
    ///
    /// One whose peak cannot be true, or was purged, is left out.
    mutating func take(_ sections: [SectionRecord], nowMilliseconds now: Int64) -> Bool {
        for var section in sections {
            guard ledger.limits.accepts(section.peak.bytes) else {
                earlierRefusedCount += 1
                continue
            }
            section.peak.bracket = section.peak.bracket.flatMap { utc($0, nowMilliseconds: now) }
            guard !isPurged(section.peak.bracket) else { continue }
            let stored = StoredSection(host: id, boot: boot, epoch: epoch, record: section)
            guard facts.add(stored) else { return false }
        }
        return true
    }

    /// PYTHON_GROWTH: each belongs to the agent's start that saw it.
    ///
    /// A stack at a peak that cannot be true is left out; what grew is a sum, and may be more than
    /// the host has, but not more than any figure may be.
    mutating func take(_ growth: [GrowthRecord]) -> Bool {
        let most = PeakLimits.absoluteMaximumBytes
        for var record in growth {
            guard record.grownBytes <= most, record.unattributedBytes <= most,
                record.lines.values.allSatisfy({ $0 <= most })
            else {
                earlierRefusedCount += 1
                continue
            }
            if let bytes = record.peakStack?.residentBytes, !ledger.limits.accepts(bytes) {
                earlierRefusedCount += 1
                record.peakStack = nil
            }
            let stored = StoredGrowth(host: id, boot: boot, epoch: epoch, record: record)
            guard facts.add(stored) else { return false }
        }
        return true
    }
}
