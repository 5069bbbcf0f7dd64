import MemoryModel

/// Pages that were sampled as they were touched first, each with the stack that ran.
///
/// Pure: what the kernel says of a page goes in. It keeps a bounded number of pages; when there are
/// too many, two pages of one stack become one that stands for both.
struct ResidentPages {
    /// A page that is remembered.
    struct Page: Hashable {
        /// Its number: the address without the part within the page.
        var number: UInt64
        /// The number of the stack that ran.
        var stack: Int32
        /// What it stands for.
        var bytes: UInt64
        /// Whether it is the first of a whole block that the kernel keeps in one piece.
        var isHuge = false
    }

    /// Pages of 4 KiB in a block of 2 MiB, which is what the kernel makes one huge page of.
    static let blockPages: UInt64 = 512

    /// The most pages that are kept.
    let maximumPages: Int
    /// How many pages are kept.
    private(set) var count = 0
    /// What the pages of each stack stand for.
    private(set) var bytesByStack: [Int32: UInt64] = [:]
    /// How many pages became part of another one, for want of room.
    private(set) var mergedCount = 0
    /// How many pages found no room.
    private(set) var evictedCount = 0

    private var blocks: [UInt64: [Page]] = [:]
    private var toSweep: [UInt64] = []

    init(maximumPages: Int = 16_384) {
        self.maximumPages = max(1, maximumPages)
    }

    /// Remembers a page; what was known of it, or of all that a huge one covers, was given back
    /// before.
    mutating func add(_ page: Page) {
        let block = page.number / ResidentPages.blockPages
        var pages = blocks[block] ?? []
        for old in pages where old.number == page.number || page.isHuge || old.isHuge {
            remove(old)
        }
        pages.removeAll { $0.number == page.number || page.isHuge || $0.isHuge }
        pages.append(page)
        blocks[block] = pages
        count += 1
        bytesByStack[page.stack, default: 0].addClamped(page.bytes)
        if count > maximumPages { merge() }
    }

    /// Forgets all pages.
    mutating func removeAll() {
        (blocks, toSweep, bytesByStack, count) = ([:], [], [:], 0)
    }

    /// Has the next sweep begin with all blocks.
    mutating func beginSweep() {
        toSweep = Array(blocks.keys)
    }

    /// Asks for the next blocks, at most so many, which of their pages are still in memory, and
    /// forgets the others.
    ///
    /// - Parameters:
    ///   - limit: The most blocks.
    ///   - isResident: Gives for the pages of a block whether each is in memory; nil if that cannot
    ///     be told.
    /// - Returns: Whether all blocks have been asked for since the last `true`.
    mutating func sweep(limit: Int, isResident: ([Page]) -> [Bool]?) -> Bool {
        if toSweep.isEmpty { toSweep = Array(blocks.keys) }
        for _ in 0..<limit {
            guard let block = toSweep.popLast() else { break }
            guard let pages = blocks[block], let answers = isResident(pages),
                answers.count == pages.count
            else { continue }
            let kept = zip(pages, answers).filter(\.1).map(\.0)
            guard kept.count < pages.count else { continue }
            for (page, isKept) in zip(pages, answers) where !isKept { remove(page) }
            blocks[block] = kept.isEmpty ? nil : kept
        }
        return toSweep.isEmpty
    }

    private mutating func remove(_ page: Page) {
        count -= 1
        let bytes = bytesByStack[page.stack] ?? 0
        bytesByStack[page.stack] = bytes > page.bytes ? bytes - page.bytes : nil
    }

    /// Makes one page of two of each stack; where that does not make room, forgets a quarter.
    private mutating func merge() {
        var waiting: [Int32: Page] = [:]
        var merged: [UInt64: [Page]] = [:]
        var left = 0
        func keep(_ page: Page) {
            merged[page.number / ResidentPages.blockPages, default: []].append(page)
            left += 1
        }
        for (_, pages) in blocks.sorted(by: { $0.key < $1.key }) {
            for var page in pages {
                if let other = waiting.removeValue(forKey: page.stack) {
                    page.bytes.addClamped(other.bytes)
                    keep(page)
                } else {
                    waiting[page.stack] = page
                }
            }
        }
        waiting.sorted { $0.key < $1.key }.forEach { keep($0.value) }
        mergedCount += count - left
        (blocks, count, toSweep) = (merged, left, [])
        guard count > maximumPages / 4 * 3 else { return }
        for (block, pages) in merged.sorted(by: { $0.key < $1.key }) {
            guard count > maximumPages / 4 * 3 else { return }
            pages.forEach { remove($0) }
            evictedCount += pages.count
            blocks[block] = nil
        }
    }
}
