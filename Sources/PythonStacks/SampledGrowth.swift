import MemoryModel
import ProcessSampler

/// How a growth is split over the page faults that were sampled meanwhile.
///
/// Pure: samples with the sizes of what they touched go in.
struct SampledGrowth {
    /// What a fault brought into memory.
    enum Size: Hashable {
        /// A page.
        case page
        /// A block of 2 MiB, as all of it is there.
        case block
        /// The same, and its pages' frames follow each other: it is one huge page.
        case hugePage
    }

    /// A sample and the size of what it touched.
    struct Fault: Hashable {
        var thread: Int32
        var page: UInt64
        var size: Size
    }

    /// What one thread had.
    struct Part: Hashable {
        var thread: Int32
        /// Its part of the growth.
        var grownBytes: UInt64
        /// The pages that it touched; their stack is not known yet.
        var pages: [ResidentPages.Page]
    }

    /// What `period` faults of one page each bring in.
    let leastBytes: UInt64
    /// The bytes of a page.
    let pageBytes: UInt64
    /// The bytes of a block.
    var blockBytes: UInt64 { pageBytes &* ResidentPages.blockPages }

    /// Takes the sampling's period and the size of a page.
    init(period: UInt64, pageBytes: UInt64 = 4_096) {
        self.pageBytes = max(1, pageBytes)
        leastBytes = period.multipliedReportingOverflow(by: self.pageBytes).partialValue
    }

    /// Splits a growth by the sizes of the faults; the largest part comes first.
    ///
    /// A page stands for the faults that its sample stands for, whatever grew: where as much was
    /// given back meanwhile as came, nothing grew, and yet the pages are others. Where far more
    /// grew, part of it had no sample, as huge pages have few, and it stands for its share of all.
    ///
    /// - Parameters:
    ///   - grownBytes: The growth.
    ///   - faults: The faults.
    ///   - samplesEach: How many samples each of them stands for.
    /// - Returns: The parts, one for each thread.
    func split(_ grownBytes: UInt64, over faults: [Fault], samplesEach: UInt64 = 1) -> [Part] {
        let total = faults.reduce(0.0) { $0 + Double(bytes(of: $1.size)) }
        guard total > 0 else { return [] }
        var parts: [Part] = []
        for fault in faults {
            let share = Double(grownBytes) * (Double(bytes(of: fault.size)) / total)
            let grown = share < 0x1p63 ? UInt64(share) : .max
            let least = fault.size == .hugePage ? blockBytes : leastBytes &* samplesEach
            let page = ResidentPages.Page(
                number: fault.page, stack: 0, bytes: grown / 2 > least ? grown : least,
                isHuge: fault.size == .hugePage)
            if let index = parts.firstIndex(where: { $0.thread == fault.thread }) {
                parts[index].grownBytes.addClamped(grown)
                parts[index].pages.append(page)
            } else {
                parts.append(Part(thread: fault.thread, grownBytes: grown, pages: [page]))
            }
        }
        parts.sort { ($1.pages.count, $0.thread) < ($0.pages.count, $1.thread) }
        // What division left over belongs to the first.
        let split = parts.reduce(UInt64(0)) { $0.saturatingSum($1.grownBytes) }
        if split < grownBytes { parts[0].grownBytes.addClamped(grownBytes - split) }
        return parts
    }

    private func bytes(of size: Size) -> UInt64 {
        size == .page ? pageBytes : blockBytes
    }

    /// The size of what a fault touched, by the pages of its whole block.
    static func size(_ block: [PagemapEntry]) -> Size {
        guard block.count == Int(ResidentPages.blockPages), block.allSatisfy(\.isPresent) else {
            return .page
        }
        guard let first = block[0].frame else { return .block }
        guard first % ResidentPages.blockPages == 0 else { return .page }
        let isOne = block.indices.allSatisfy { block[$0].frame == first + UInt64($0) }
        return isOne ? .hugePage : .page
    }
}
