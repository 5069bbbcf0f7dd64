import Glibc
import MemoryModel
import ProcessSampler

/// Samples the page faults of a process, and follows which of the sampled pages are still there.
///
/// The pages that are there when most is resident are known from then until memory is given back;
/// so they are noted at the first look that finds less, before it is asked which pages are gone.
final class FaultWatch {
    /// What is known of the pages now.
    private(set) var pages: ResidentPages
    /// By stack, what was resident when most was.
    private(set) var bytesAtPeak: [Int32: UInt64] = [:]
    /// Samples that came.
    private(set) var sampleCount = 0
    /// Samples that were lost.
    private(set) var lostCount: UInt64 = 0
    /// Whether faults within the kernel are left out.
    var isUserOnly: Bool { sampler.isUserOnly }

    private let sampler: FaultSampler
    private let pagemap: PagemapFile
    private let splitting: SampledGrowth
    private let pageBytes: UInt64
    private var peakBytes: UInt64 = 0
    private var isPeakOpen = false
    private var lastBytes: UInt64 = 0
    private var isSweepDue = false
    private var addedBytes: UInt64 = 0

    /// The most samples of one look whose pages are looked at; of more, each so-many-th is.
    static let maximumFaults = 256
    /// The most blocks that are asked for in one look.
    static let sweepBlocks = 32
    /// Pages are asked for when so much was given back since the look before.
    static let sweepBytes: UInt64 = 1 << 20
    /// They are, too, when so much came since: other memory may have gone meanwhile.
    static let sweepAddedBytes: UInt64 = 16 << 20

    /// Begins to sample.
    init(
        _ process: WatchedProcess, root: ProcRoot, settings: GrowthLedger.Settings
    ) throws(FaultSamplerError) {
        guard let pagemap = process.pagemap() else { throw .refused }
        self.pagemap = pagemap
        sampler = try FaultSampler(process, root: root, period: settings.faultsPerSample)
        pageBytes = UInt64(max(1, sysconf(Int32(_SC_PAGESIZE))))
        splitting = SampledGrowth(period: sampler.period, pageBytes: pageBytes)
        pages = ResidentPages(maximumPages: settings.maximumPages)
    }

    /// Takes the samples that came since the last question.
    func take() -> [FaultSample] {
        let batch = sampler.take()
        sampleCount += batch.samples.count
        lostCount = lostCount.saturatingSum(batch.lostCount)
        return batch.samples
    }

    /// Waits until samples come, at most so long.
    func wait(milliseconds: Int64) {
        sampler.wait(milliseconds: Int32(clamping: milliseconds))
    }

    /// Whether samples have come.
    var hasNew: Bool { sampler.hasNew }

    /// Splits a growth over the threads whose faults were sampled.
    func split(_ grownBytes: UInt64, over samples: [FaultSample]) -> [SampledGrowth.Part] {
        let step = max(1, (samples.count + FaultWatch.maximumFaults - 1) / FaultWatch.maximumFaults)
        var sizes: [UInt64: SampledGrowth.Size] = [:]
        let faults = stride(from: 0, to: samples.count, by: step).map { index in
            let page = samples[index].address / pageBytes
            let block = page / ResidentPages.blockPages
            let size = sizes[block] ?? size(ofBlock: block)
            sizes[block] = size
            return SampledGrowth.Fault(thread: samples[index].thread, page: page, size: size)
        }
        return splitting.split(grownBytes, over: faults, samplesEach: UInt64(step))
    }

    private func size(ofBlock block: UInt64) -> SampledGrowth.Size {
        guard pageBytes == 4_096 else { return .page }
        let count = ResidentPages.blockPages
        let first = block &* count
        // Most blocks are not whole, and either end tells it.
        guard isPresent(first), isPresent(first &+ (count - 1)),
            let entries = pagemap.entries(from: first, count: Int(count))
        else { return .page }
        return SampledGrowth.size(entries)
    }

    private func isPresent(_ page: UInt64) -> Bool {
        pagemap.entries(from: page, count: 1)?.first?.isPresent ?? false
    }

    /// Remembers the pages of a part with the stack that ran.
    func remember(_ part: SampledGrowth.Part, stack: Int32) {
        for var page in part.pages {
            page.stack = stack
            pages.add(page)
            addedBytes.addClamped(page.bytes)
        }
        if addedBytes >= FaultWatch.sweepAddedBytes { isSweepDue = true }
    }

    /// Takes what is resident at a look, before the samples that came with it are remembered.
    func look(residentBytes: UInt64) {
        if residentBytes > peakBytes {
            peakBytes = residentBytes
            isPeakOpen = true
        } else if isPeakOpen, residentBytes < peakBytes - peakBytes / 100 {
            bytesAtPeak = pages.bytesByStack
            isPeakOpen = false
        }
        if residentBytes < lastBytes, lastBytes - residentBytes >= FaultWatch.sweepBytes {
            isSweepDue = true
        }
        lastBytes = residentBytes
    }

    /// Forgets pages that are not there any more, some at a time.
    func sweep() {
        guard isSweepDue, sweep(blocks: FaultWatch.sweepBlocks) else { return }
        (isSweepDue, addedBytes) = (false, 0)
    }

    private func sweep(blocks: Int) -> Bool {
        pages.sweep(limit: blocks) { pages in
            if pages.count <= 2 {
                var answers: [Bool] = []
                for page in pages {
                    guard let entry = pagemap.entries(from: page.number, count: 1)?.first else {
                        return nil
                    }
                    answers.append(entry.isPresent)
                }
                return answers
            }
            let first = pages[0].number / ResidentPages.blockPages * ResidentPages.blockPages
            guard let entries = pagemap.entries(from: first, count: Int(ResidentPages.blockPages))
            else { return nil }
            return pages.map {
                let index = Int($0.number - first)
                return entries.indices.contains(index) && entries[index].isPresent
            }
        }
    }

    /// What each stack has of the highest peak, or of what is resident now if that is the highest.
    func currentPeak(hasEnded: Bool) -> [Int32: UInt64] {
        guard isPeakOpen else { return bytesAtPeak }
        if !hasEnded {
            pages.beginSweep()
            _ = sweep(blocks: pages.count)
        }
        return pages.bytesByStack
    }

    /// Forgets all pages, as after an exec.
    func forgetPages() {
        pages.removeAll()
        isSweepDue = false
    }
}
