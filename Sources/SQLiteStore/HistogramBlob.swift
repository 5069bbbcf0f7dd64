import MemoryModel

/// A histogram of peaks as the column `histogram` holds it.
///
/// For each step that has peaks, ascending: how far it is above the step before (the first: above
/// 0), and how many peaks it has, both as unsigned LEB128.
enum HistogramBlob {
    /// The bytes of `histogram`; none for no peaks.
    static func bytes(of histogram: PeakHistogram) -> [UInt8] {
        var bytes: [UInt8] = []
        var before: UInt64 = 0
        for (step, count) in histogram.counts.sorted(by: { $0.key < $1.key }) {
            append(UInt64(step) - before, to: &bytes)
            append(count, to: &bytes)
            before = UInt64(step)
        }
        return bytes
    }

    /// The histogram in `bytes`.
    ///
    /// Throws `DamagedRow` for anything that `bytes(of:)` cannot have made.
    static func histogram(in bytes: [UInt8]) throws -> PeakHistogram {
        var histogram = PeakHistogram()
        try bytes.withUnsafeBytes { try add($0, to: &histogram) }
        return histogram
    }

    /// Counts what `bytes` hold in `histogram`.
    ///
    /// Throws `DamagedRow` likewise; part of it may have been counted by then.
    static func add(
        _ bytes: UnsafeRawBufferPointer, to histogram: inout PeakHistogram
    ) throws {
        var place = 0
        var step: UInt64 = 0
        while place < bytes.count {
            let isFirst = place == 0
            let difference = try number(in: bytes, at: &place)
            let count = try number(in: bytes, at: &place)
            let (next, overflow) = step.addingReportingOverflow(difference)
            guard !overflow, isFirst || difference > 0, count > 0,
                next < UInt64(PeakHistogram.stepLimit)
            else { throw DamagedRow(reason: "a histogram is out of order") }
            step = next
            histogram.add(count: count, atStep: UInt16(next))
        }
    }

    private static func append(_ number: UInt64, to bytes: inout [UInt8]) {
        var rest = number
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    private static func number(
        in bytes: UnsafeRawBufferPointer, at place: inout Int
    ) throws -> UInt64 {
        var number: UInt64 = 0
        for shift in stride(from: 0, to: 64, by: 7) {
            guard place < bytes.count else { break }
            let byte = bytes[place]
            place += 1
            let part = UInt64(byte & 0x7F)
            guard (part << UInt64(shift)) >> UInt64(shift) == part else { break }
            number |= part << UInt64(shift)
            if byte < 0x80 { return number }
        }
        throw DamagedRow(reason: "a histogram is cut short or holds too great a number")
    }
}
