import MemoryModel
import Wire

/// Which lines ran while Python programs grew, as an agent has to tell it.
///
/// Of each run the lines with the largest growth are held, and told as a whole when one changed.
struct GrowthRegisters {
    private var growth = DueRegisters<ProcessKey, GrowthRecord>()
    private var live: Set<ProcessKey> = []
    /// What the lines of each run take that is held, and of some that were let go since.
    private var sizes: [ProcessKey: Int] = [:]
    private var lineBytes = 0

    /// Lines of runs that found no room, as often as they were told.
    ///
    /// What a run grew by in lines that are not among its largest is still in what it grew by.
    private(set) var droppedCount: UInt64 = 0

    /// The most lines of one run.
    static let maximumLines = 32
    /// The most lines of a stack.
    static let maximumFrames = 32
    /// The most runs.
    static let maximumRuns = 1_024
    /// The most bytes of the name of a file; its end says more than its beginning.
    static let maximumFileBytes = 192
    /// The most bytes of the name of a function.
    static let maximumFunctionBytes = 96

    /// Rises with every change of what a state file would hold of it.
    var changeCount: UInt64 { growth.changeCount }

    /// About what is held, in bytes.
    var bytes: Int { growth.bytes + lineBytes }

    /// Whether all that is held is acknowledged.
    var isAcknowledged: Bool { growth.isAcknowledged }

    /// How many runs are held, for tests of the bounds.
    var count: Int { growth.count }

    /// What is held, for tests.
    var held: [GrowthRecord] { growth.keys.compactMap { growth[$0] } }

    /// Takes in what was seen of a run until now.
    ///
    /// - Parameters:
    ///   - seen: What was seen.
    ///   - run: The run.
    ///   - limitBytes: What the lines of all runs may take; what does not fit is dropped.
    mutating func take(_ seen: PythonGrowth, of run: ProcessKey, limitBytes: Int) {
        forgetGone()
        var record = growth[run] ?? GrowthRecord(run: run)
        record.merge(Self.record(of: seen, run))
        record.keepLargest(Self.maximumLines)
        let bytes = Self.bytes(of: record)
        let before = sizes[run]
        guard before != nil || sizes.count < Self.maximumRuns,
            lineBytes - (before ?? 0) + bytes <= limitBytes
        else { return drop(seen) }
        lineBytes += bytes - (before ?? 0)
        sizes[run] = bytes
        let isKnown = growth.modify(run) { known in
            defer { known = record }
            return known != record
        }
        guard !isKnown else { return }
        growth.set(record, for: run)
        live.insert(run)
    }

    /// Counts what is not taken in.
    mutating func drop(_ seen: PythonGrowth) {
        droppedCount += UInt64(min(seen.lines.count, Self.maximumLines))
    }

    private static func record(of seen: PythonGrowth, _ run: ProcessKey) -> GrowthRecord {
        var record = GrowthRecord(run: run)
        record.grownBytes = seen.grownBytes
        record.unattributedBytes = seen.unattributedBytes
        for line in seen.lines {
            let name = cut(line.line)
            record.lines[name] = (record.lines[name] ?? 0).saturatingSum(line.grownBytes)
        }
        if !seen.peakStack.isEmpty {
            record.peakStack = GrowthRecord.PeakStack(
                residentBytes: seen.peakStackBytes,
                lines: seen.peakStack.prefix(maximumFrames).map(cut))
        }
        return record
    }

    private static func cut(_ line: PythonLine) -> PythonLine {
        PythonLine(
            file: line.file.bytes.count <= maximumFileBytes
                ? line.file : RawText(Array(line.file.bytes.suffix(maximumFileBytes))),
            function: line.function.clamped(toBytes: maximumFunctionBytes),
            line: max(0, line.line))
    }

    /// What the lines of a run take, were no two names one.
    private static func bytes(of record: GrowthRecord) -> Int {
        let stack = record.peakStack?.lines ?? []
        let names = (Array(record.lines.keys) + stack).reduce(0) {
            $0 + HeldBytes.text($1.file) + HeldBytes.text($1.function)
        }
        return names
            + HeldBytes.table(
                capacity: record.lines.capacity, strideBytes: MemoryLayout<PythonLine>.stride + 8)
            + HeldBytes.block(32 + stack.count * MemoryLayout<PythonLine>.stride)
    }

    /// Forgets what was known of runs that are held no more.
    private mutating func forgetGone() {
        guard sizes.count != growth.count else { return }
        for (run, bytes) in sizes where growth[run] == nil {
            lineBytes -= bytes
            sizes[run] = nil
        }
    }

    /// Lets runs that ended go as soon as they are acknowledged.
    mutating func retire(_ isEnded: (ProcessKey) -> Bool) {
        for run in live where isEnded(run) {
            growth.retire(run)
            live.remove(run)
        }
        forgetGone()
    }

    // MARK: Sessions

    mutating func sessionOpened() { growth.sessionOpened() }

    mutating func sessionClosed() { growth.sessionClosed() }

    mutating func acknowledged(throughSequence sequence: UInt64) {
        growth.acknowledged(throughSequence: sequence)
    }

    mutating func sent(sequence: UInt64) { growth.sent(sequence: sequence) }

    /// The next frame to send; nil if nothing is due.
    mutating func nextFrame(_ limits: FrameLimits) -> Frame? {
        var room = FrameRoom(limits, maximumCount: WireLimits.maximumGrowthRunsPerFrame)
        let taken = growth.take { _, record in room.take(FrameLimits.bytes(of: record)) }
        guard !taken.isEmpty else { return nil }
        return .pythonGrowth(PythonGrowthFrame(runs: taken.map { limits.fitted($0.value) }))
    }
}

extension GrowthRecord {
    /// Keeps so many lines, the largest.
    fileprivate mutating func keepLargest(_ count: Int) {
        guard lines.count > count else { return }
        for line in ranked.dropFirst(count) { lines[line.line] = nil }
    }
}
