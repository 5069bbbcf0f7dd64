import MemoryModel

/// Which run each slot of a session stands for.
///
/// Looking up a slot is what a collector does most, so it is two array accesses. The arrays are
/// pages, made when a slot in them is first used: one slot with a great number costs one page of
/// 6 KiB and not the whole table of 1.5 MiB at 65,536 runs.
struct SessionSlots: Sendable {
    private static let slotsPerPage = 256

    private let limit: UInt32
    private var pages: [[ProcessKey?]] = []
    private var slotByKey: [ProcessKey: UInt32] = [:]

    /// Slots 0 to `limit` - 1, all free.
    init(limit: UInt32) {
        self.limit = limit
    }

    /// How many slots are in use.
    var usedCount: Int { slotByKey.count }

    /// The runs, in the order of their slots.
    var keys: [ProcessKey] { pages.flatMap { $0.compactMap { $0 } } }

    /// The run of `slot`; nil if it is free or too great.
    subscript(slot: UInt32) -> ProcessKey? {
        let page = Int(slot) / SessionSlots.slotsPerPage
        guard page < pages.count, !pages[page].isEmpty else { return nil }
        return pages[page][Int(slot) % SessionSlots.slotsPerPage]
    }

    /// Makes `slot` stand for `key`, which it may do already.
    mutating func define(_ slot: UInt32, as key: ProcessKey) throws(WireError) {
        guard slot < limit else {
            throw WireError(
                code: .limitExceeded, reason: "slot \(slot) is not below \(limit)")
        }
        if let known = self[slot] {
            guard known == key else {
                throw WireError(
                    code: .badPayload, reason: "slot \(slot) is in use by another run")
            }
            return
        }
        if let other = slotByKey[key] {
            throw WireError(
                code: .badPayload, reason: "slots \(other) and \(slot) are given to one run")
        }
        set(slot, to: key)
        slotByKey[key] = slot
    }

    /// Frees `slot`, if it is in use.
    mutating func free(_ slot: UInt32) {
        guard let key = self[slot] else { return }
        set(slot, to: nil)
        slotByKey[key] = nil
    }

    private mutating func set(_ slot: UInt32, to key: ProcessKey?) {
        let page = Int(slot) / SessionSlots.slotsPerPage
        while pages.count <= page { pages.append([]) }
        if pages[page].isEmpty {
            pages[page] = Array(repeating: nil, count: SessionSlots.slotsPerPage)
        }
        pages[page][Int(slot) % SessionSlots.slotsPerPage] = key
    }
}
