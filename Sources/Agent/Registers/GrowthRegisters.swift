import MemoryModel
import Wire

/// Which lines ran while Python programs grew, as an agent has to tell it.
///
/// Of each run the lines with the largest growth are held, and told as a whole when one changed.
struct GrowthRegisters {
    private var growth = DueRegisters<ProcessKey, GrowthRecord>()
    private var live: Set<ProcessKey> = []

    /// Lines that were dropped because there are too many of a run, and runs of which none are
    /// held.
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

    /// About what is held, in bytes: names are shared amongst lines and runs.
    var bytes: Int {
        growth.bytes + growth.count * (Self.maximumLines + Self.maximumFrames)
            * (MemoryLayout<PythonLine>.stride + 8)
    }

    /// Whether all that is held is acknowledged.
    var isAcknowledged: Bool { growth.isAcknowledged }

    /// How many runs are held, for tests of the bounds.
    var count: Int { growth.count }

    /// What is held, for tests.
    var held: [GrowthRecord] { growth.keys.compactMap { growth[$0] } }

    /// Takes in what was seen of a run until now.
    mutating func take(_ seen: PythonGrowth, of run: ProcessKey) {
        var record = GrowthRecord(run: run)
        record.grownBytes = seen.grownBytes
        record.unattributedBytes = seen.unattributedBytes
        for line in seen.lines.prefix(Self.maximumLines) {
            record.lines[Self.cut(line.line), default: 0] += line.grownBytes
        }
        if !seen.peakStack.isEmpty {
            record.peakStack = GrowthRecord.PeakStack(
                residentBytes: seen.peakStackBytes,
                lines: seen.peakStack.prefix(Self.maximumFrames).map(Self.cut))
        }
        var dropped = max(0, seen.lines.count - Self.maximumLines)
        let isKnown = growth.modify(run) { known in
            let isChanged = known.merge(record)
            dropped += known.keepLargest(Self.maximumLines)
            return isChanged
        }
        if !isKnown {
            guard growth.count < Self.maximumRuns else {
                droppedCount += 1
                return
            }
            growth.set(record, for: run)
            live.insert(run)
        }
        // What is dropped again and again is counted once for each time that it is told.
        droppedCount += UInt64(dropped)
    }

    private static func cut(_ line: PythonLine) -> PythonLine {
        PythonLine(
            file: RawText(line.file.bytes.suffix(maximumFileBytes)),
            function: line.function.clamped(toBytes: maximumFunctionBytes),
            line: max(0, line.line))
    }

    /// Lets runs that ended go as soon as they are acknowledged.
    mutating func retire(_ isEnded: (ProcessKey) -> Bool) {
        for run in live where isEnded(run) {
            growth.retire(run)
            live.remove(run)
        }
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
    /// Keeps so many lines, the largest; returns how many went.
    fileprivate mutating func keepLargest(_ count: Int) -> Int {
        guard lines.count > count else { return 0 }
        let gone = ranked.dropFirst(count)
        for line in gone { lines[line.line] = nil }
        return gone.count
    }
}
