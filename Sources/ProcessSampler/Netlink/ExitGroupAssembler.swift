import MemoryModel

/// When a record came.
struct RecordReceipt: Hashable {
    /// As `BootClock` counts.
    var bootMilliseconds: Int64
    /// By the clock that stops in suspend.
    var monotonicMilliseconds: Int64
    /// How long before it may have been written.
    var delayMilliseconds: Int64

    /// The middle of the time in which it may have been written.
    var estimateMilliseconds: Int64 { monotonicMilliseconds - delayMilliseconds / 2 }
    /// How far off that can be.
    var uncertaintyMilliseconds: Int64 { (delayMilliseconds + 1) / 2 }
}

/// Makes ends of processes out of the records of their threads.
///
/// The kernel writes a record for each thread that ends, also for the ones that go because
/// another of their process executes a program. The process has ended with the record that says so.
struct ExitGroupAssembler {
    /// How far two estimates of one start may lie apart beyond their own uncertainty.
    static let toleranceMilliseconds: Int64 = 50

    private let maximumGroups: Int
    /// From when on every record has been seen.
    private var completeSinceMilliseconds: Int64
    private var groups: [Int32: ExitGroup] = [:]
    /// Numbers that are known to be processes', for kernels whose records do not say (before
    /// version 12).
    private var processes: Set<Int32> = []
    private var nextOrdinal: UInt64 = 0

    /// Processes whose earlier records were dropped because there were too many.
    private(set) var droppedGroups: UInt64 = 0
    /// Records of which nobody can tell whose they are; before version 12, those of most threads.
    private(set) var unattributedRecords: UInt64 = 0

    /// Begins at a time of the clock that stops in suspend.
    init(startedMonotonicMilliseconds: Int64, maximumGroups: Int = 65_536) {
        completeSinceMilliseconds = startedMonotonicMilliseconds
        self.maximumGroups = max(maximumGroups, 16)
    }

    /// The processes of which some threads have ended.
    var pendingCount: Int { groups.count }

    /// Notes that records were lost until a time of the clock that stops in suspend.
    mutating func noteLoss(untilMonotonicMilliseconds: Int64) {
        completeSinceMilliseconds = max(completeSinceMilliseconds, untilMonotonicMilliseconds)
    }

    /// Notes that a number is a process's and not another thread's; needed before version 12 only.
    mutating func noteProcess(_ pid: Int32) {
        if processes.count >= maximumGroups { processes.removeAll(keepingCapacity: true) }
        processes.insert(pid)
    }

    /// Forgets processes that do not live any more, whose ends must have been lost.
    mutating func forget(notLiving isLiving: (Int32) -> Bool) {
        groups = groups.filter { isLiving($0.key) }
    }

    /// Takes a record.
    ///
    /// - Parameters:
    ///   - record: The record.
    ///   - receipt: When it came.
    ///   - hasLivingThreads: Whether the process of this number still has threads; asked only
    ///     before version 12, of records that could be those of a leader.
    /// - Returns: The process, if it has ended with it.
    mutating func take(
        _ record: TaskRecord, at receipt: RecordReceipt,
        hasLivingThreads: (Int32) -> Bool = { _ in false }
    ) -> EndedProcess? {
        let place = place(of: record, hasLivingThreads)
        guard let pid = place.pid else {
            unattributedRecords += 1
            return nil
        }
        let isLeader = record.pid == pid
        let elapsed =
            record.statistics.groupElapsedMicroseconds
            ?? (isLeader ? record.statistics.elapsedMicroseconds : nil)
        let part = ExitGroup.Part(
            statistics: record.statistics, isLeader: isLeader,
            groupElapsedMicroseconds: elapsed,
            start: elapsed.map { StartEstimate(receipt, elapsedMicroseconds: $0) })
        var group = takeGroup(pid, part.start)
        group.add(part)
        guard place.isEnd else {
            keep(group, pid)
            return nil
        }
        return group.ended(
            pid, last: part, at: receipt, completeSinceMilliseconds: completeSinceMilliseconds)
    }

    /// Takes out what is known of the process that began then; another that had its number is
    /// forgotten.
    private mutating func takeGroup(_ pid: Int32, _ start: StartEstimate?) -> ExitGroup {
        if !groups.isEmpty, let known = groups.removeValue(forKey: pid), known.agrees(with: start) {
            return known
        }
        nextOrdinal += 1
        return ExitGroup(ordinal: nextOrdinal)
    }

    private mutating func keep(_ group: ExitGroup, _ pid: Int32) {
        if groups.count >= maximumGroups {
            // Many at once, so that the search for the oldest is worth its time.
            let oldest = groups.map { ($0.value.ordinal, $0.key) }.sorted { $0 < $1 }
            for (_, pid) in oldest.prefix(max(maximumGroups / 16, 1)) {
                groups[pid] = nil
                droppedGroups += 1
            }
        }
        groups[pid] = group
    }

    /// Whose a record is, and whether the process has ended with it.
    private mutating func place(
        of record: TaskRecord, _ hasLivingThreads: (Int32) -> Bool
    ) -> (pid: Int32?, isEnd: Bool) {
        if record.statistics.version >= TaskStatistics.groupVersion {
            return (record.statistics.groupID, record.statistics.isEndOfGroup)
        }
        if let pid = record.endedGroupID {
            processes.remove(pid)
            return (pid, true)
        }
        // What only a leader's record has, or what was told when the process was made.
        let isLeader =
            record.statistics.isForkWithoutExec || record.statistics.exitStatus ?? 0 != 0
            || processes.contains(record.pid)
        guard isLeader else { return (nil, false) }
        let isEnd = !hasLivingThreads(record.pid)
        if isEnd { processes.remove(record.pid) }
        return (record.pid, isEnd)
    }
}

/// When a process began, by the clock that stops in suspend, in milliseconds.
struct StartEstimate: Hashable {
    /// The earliest that it can be.
    var earliest: Int64
    /// The latest that it can be.
    var latest: Int64

    /// The middle.
    var middle: Int64 { earliest + (latest - earliest) / 2 }

    /// Counts back from when a record came.
    init(_ receipt: RecordReceipt, elapsedMicroseconds: UInt64) {
        let elapsed = Int64(clamping: elapsedMicroseconds / 1_000)
        latest = receipt.monotonicMilliseconds &- elapsed
        earliest = latest &- receipt.delayMilliseconds
    }

    /// Whether both can be the same start.
    func agrees(with other: StartEstimate) -> Bool {
        let tolerance = ExitGroupAssembler.toleranceMilliseconds
        return earliest - tolerance <= other.latest && other.earliest - tolerance <= latest
    }

    /// Both taken together.
    mutating func narrow(by other: StartEstimate) {
        let low = max(earliest, other.earliest)
        let high = min(latest, other.latest)
        if low <= high { (earliest, latest) = (low, high) }
    }
}
