import MemoryModel
import Wire

/// A state file that an agent left which is gone.
struct PastFile: Sendable {
    /// Its name in the folder.
    var name: String
    var header: StateFileHeader
    /// How many frames are sound, from the first one on.
    var frameCount = 0
    /// What is wrong with the rest; nil if nothing is.
    var damage: String?
    /// The runs that lived when it was saved, and the host.
    var runs = StateRuns()
    var byteCount = 0

    /// When it was saved, on the wall clock.
    var savedAtWallMilliseconds: Int64 {
        header.savedAtMilliseconds &+ header.wallMinusBootMilliseconds
    }

    /// Reads the file to its end, or to its first damage; nil if there is none of that name.
    static func read(
        _ name: String, in folder: StateFolder
    ) throws(StateFileReader.Failure) -> PastFile? {
        guard let reader = try StateFileReader.open(name, in: folder) else { return nil }
        var file = PastFile(name: name, header: reader.header)
        file.byteCount = folder.size(of: name) ?? 0
        while let frame = reader.next() {
            guard file.runs.apply(frame) else {
                file.damage = "a frame does not follow from those before it"
                return file
            }
            file.frameCount += 1
        }
        file.damage = reader.damage
        return file
    }
}

/// What is added to a state file of an agent that is gone: the ends of the runs that are gone as
/// well, and what was missed since.
struct PastClosing: Sendable {
    var file: PastFile
    /// The ends by the slots of the runs.
    var ends: [UInt32: RunEnd] = [:]
    var gaps: [Gap] = []

    private static let exitsPerFrame = 512

    /// Gaps of a file alone: those that no agent counted.
    static let downGapOrdinal = StateSave.firstOwnGapOrdinal
    static let damageGapOrdinal = StateSave.firstOwnGapOrdinal + 2
    static let removedGapOrdinal = StateSave.firstOwnGapOrdinal + 3
    static let setAsideGapOrdinal = StateSave.firstOwnGapOrdinal + 4

    /// What is to be added behind the sound frames.
    var frames: [Frame] {
        var frames: [Frame] = []
        // Of an agent that left no file, all that is told is added.
        if file.frameCount == 0, let host = file.runs.host { frames.append(.host(host)) }
        if !file.runs.isStateEnded {
            frames.append(.stateEnd(StateEndFrame(liveCount: UInt64(file.runs.live.count))))
        }
        let entries = ends.sorted { $0.key < $1.key }.map { slot, end in
            ExitFrame.Entry(slot: slot, end: end, processorMilliseconds: nil)
        }
        for first in stride(from: 0, to: entries.count, by: PastClosing.exitsPerFrame) {
            let part = entries[first..<min(first + PastClosing.exitsPerFrame, entries.count)]
            frames.append(.exit(ExitFrame(entries: Array(part))))
        }
        if !gaps.isEmpty {
            frames.append(.gap(GapFrame(gaps: gaps.sorted { $0.ordinal < $1.ordinal })))
        }
        return frames
    }

    /// Writes the file anew with it, in so many bytes; from then on it is told as it is.
    ///
    /// Throws `MissingFrames` where less can be read than was; the file stays as it is then.
    func write(in folder: StateFolder, maximumBytes: Int = .max) throws -> PastReport {
        var header = file.header
        header.isClosed = true
        var report = PastReport(name: file.name, header: header)
        let source = try StateFileReader.open(file.name, in: folder)
        try folder.replace(file.name) { target in
            var writer = try StateFileWriter(
                header, to: target, calls: folder.calls, maximumBytes: maximumBytes)
            while report.frameCount < file.frameCount {
                guard let frame = source?.next() else {
                    throw MissingFrames(
                        count: file.frameCount - report.frameCount, reason: source?.damage)
                }
                try writer.append(frame)
                report.frameCount += 1
            }
            for frame in frames {
                try writer.append(frame)
                report.frameCount += 1
            }
            try writer.finish()
            guard writer.fits else { throw StateSave.NoRoom(maximumBytes: maximumBytes) }
        }
        return report
    }

    /// What to tell where there is no room to write it.
    var unwrittenReport: PastReport {
        PastReport(
            name: file.name, header: file.header, frameCount: file.frameCount, further: frames)
    }
}

extension PastClosing {
    /// A gap in the place of what an agent left and nobody can tell any more, or of an agent that
    /// left nothing, in a file of that name.
    ///
    /// `host` is what is known of it; the clock is that of the header.
    init(gap: Gap, of header: StateFileHeader, host: HostDescription, name: String) {
        var host = host
        host.wallMinusBootMilliseconds = header.wallMinusBootMilliseconds
        var file = PastFile(name: name, header: header)
        _ = file.runs.apply(.host(host))
        self.init(file: file, gaps: [gap])
    }

    /// A gap of all that was known until the file was saved: nobody can say how much that was.
    init(
        lossOf header: StateFileHeader, ordinal: UInt64, host: HostDescription
    ) {
        let bracket = TimeBracket(
            notBeforeMilliseconds: 0, notAfterMilliseconds: header.savedAtMilliseconds)
        self.init(
            gap: Gap(ordinal: ordinal, reason: .dropped, bracket: bracket, missedCount: nil),
            of: header, host: host, name: StateFileName.gaps(epoch: header.epoch))
    }
}

/// What is to be told of an agent that is gone.
struct PastReport: Sendable {
    /// The file; nil where there is none.
    var name: String?
    var header: StateFileHeader
    /// How many frames of the file are told.
    var frameCount = 0
    /// What is told behind them.
    var further: [Frame] = []
}
