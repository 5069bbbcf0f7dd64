import MemoryModel

/// Which cgroups of a boot were put into a batch lately, so that not every look costs a row.
///
/// What a cgroup uses changes with every look. Its row is written when anything else of it changed,
/// and otherwise once a minute.
struct WrittenCgroups {
    private struct Mark {
        var lastingHash: Int
        var atMilliseconds: Int64
    }

    // A hash stands for the cgroup, and one for all that lasts of it: Swift seeds hashes for each
    // process, so that nobody can choose two that are equal, and by chance two of 64 bits are not.
    private var marks: [Int: Mark] = [:]

    /// How often the present alone is written.
    static let intervalMilliseconds: Int64 = 60_000

    /// Whether `record` is to be written now.
    func isDue(_ record: CgroupRecord, nowMilliseconds now: Int64) -> Bool {
        guard let mark = marks[record.key.hashValue] else { return true }
        return mark.lastingHash != WrittenCgroups.lastingHash(of: record)
            || !WrittenCgroups.isFresh(mark, nowMilliseconds: now)
    }

    /// Takes note that `record` will be written.
    mutating func note(_ record: CgroupRecord, nowMilliseconds now: Int64) {
        if marks.count >= FactBuffer.bounds.cgroups {
            marks = marks.filter { WrittenCgroups.isFresh($0.value, nowMilliseconds: now) }
        }
        guard marks.count < FactBuffer.bounds.cgroups else { return }
        marks[record.key.hashValue] = Mark(
            lastingHash: WrittenCgroups.lastingHash(of: record), atMilliseconds: now)
    }

    private static func isFresh(_ mark: Mark, nowMilliseconds now: Int64) -> Bool {
        // A clock that was set back must not keep a mark for ever.
        abs(now - mark.atMilliseconds) < intervalMilliseconds
    }

    private static func lastingHash(of record: CgroupRecord) -> Int {
        var lasting = record
        lasting.currentBytes = nil
        lasting.seenAtMilliseconds = nil
        return lasting.hashValue
    }
}
