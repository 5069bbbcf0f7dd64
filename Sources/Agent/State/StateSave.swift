import MemoryModel
import Wire

/// One save of all that an agent knows, as a job for a thread that may wait for the disk.
struct StateSave: Sendable {
    /// What is known, a copy.
    let outbox: Outbox
    let header: StateFileHeader
    /// Slots that the collector had, so that it takes the file as it is.
    let maximumRuns: UInt32
    /// How large the file may be.
    let maximumBytes: Int

    /// What came of it.
    struct Outcome: Hashable, Sendable {
        /// How large the file is.
        var byteCount: Int
        /// Runs that found no room in it.
        var droppedCount: UInt64
    }

    /// A limit is below what a host without any runs needs.
    struct NoRoom: Error, CustomStringConvertible {
        let maximumBytes: Int

        var description: String {
            "its limit leaves \(maximumBytes) bytes, which is too little; raise --state-limit"
        }
    }

    /// The state does not fit, and so many bytes would be needed.
    private struct TooLarge: Error {
        let byteCount: Int
    }

    /// Gaps of a file alone have ordinals from here on, which no agent reaches by counting.
    static let firstOwnGapOrdinal: UInt64 = 1 << 32
    static let droppedGapOrdinal = firstOwnGapOrdinal + 1

    /// Puts the file in the place of the one before.
    func run(in folder: StateFolder) throws -> Outcome {
        let name = StateFileName.state(epoch: header.epoch)
        do {
            return Outcome(
                byteCount: try write(name, in: folder, cut: nil).byteCount,
                droppedCount: 0)
        } catch let error as TooLarge {
            return try runCut(name, in: folder, wholeBytes: error.byteCount)
        }
    }

    /// Leaves out what is too much, more each time, until the rest fits.
    private func runCut(
        _ name: String, in folder: StateFolder, wholeBytes: Int
    ) throws -> Outcome {
        var cut = StateCut()
        outbox.stateFrames(maximumRuns: maximumRuns) { cut.learn($0) }
        var count = cut.runCount
        var bytes = wholeBytes
        while true {
            for folds in count > 0 ? [true] : [true, false] {
                cut.keep(count, folds: folds)
                do {
                    let (byteCount, dropped) = try write(name, in: folder, cut: cut)
                    return Outcome(byteCount: byteCount, droppedCount: dropped)
                } catch let error as TooLarge {
                    bytes = error.byteCount
                }
            }
            guard count > 0 else { throw NoRoom(maximumBytes: maximumBytes) }
            let share = Double(maximumBytes) / Double(bytes)
            count = min(count - 1, Int(Double(count) * share * 0.95))
        }
    }

    private func write(
        _ name: String, in folder: StateFolder, cut: StateCut?
    ) throws -> (byteCount: Int, droppedCount: UInt64) {
        var cut = cut
        var byteCount = 0
        try folder.replace(name) { file in
            var writer = try StateFileWriter(
                header, to: file, calls: folder.calls, maximumBytes: maximumBytes)
            try outbox.stateFrames(maximumRuns: maximumRuns) { frame in
                let rest =
                    cut == nil
                    ? frame : cut?.cut(frame, atMilliseconds: header.savedAtMilliseconds)
                if let rest { try writer.append(rest) }
            }
            if let cut, let gap = gap(of: cut) { try writer.append(gap) }
            try writer.finish()
            byteCount = writer.byteCount
            guard writer.fits else { throw TooLarge(byteCount: byteCount) }
        }
        return (byteCount, cut?.droppedCount ?? 0)
    }

    /// What a reader of the file has to know of those that are not in it.
    private func gap(of cut: StateCut) -> Frame? {
        guard cut.droppedCount > 0 else { return nil }
        let saved = header.savedAtMilliseconds
        let bracket =
            cut.droppedBracket
            ?? TimeBracket(notBeforeMilliseconds: 0, notAfterMilliseconds: saved)
        return .gap(
            GapFrame(gaps: [
                Gap(
                    ordinal: StateSave.droppedGapOrdinal, reason: .dropped, bracket: bracket,
                    missedCount: cut.droppedCount)
            ]))
    }
}
