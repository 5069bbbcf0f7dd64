import MemoryModel
import Wire

/// Leaves out of the frames of a state what is too much: first windows, and sums over users,
/// programs and cgroups, then the runs with the smallest peaks, last folds.
///
/// The frames go through twice: first to learn how large the peaks are, then to be cut. A run is
/// known by when its slot was given to it, as slots are used again.
struct StateCut {
    /// Peaks of the runs, in the order in which they were defined.
    private var peaks: [UInt64] = []
    private var placeBySlot: [UInt32: Int] = [:]

    /// Which runs stay; nil for all.
    private var kept: [Bool]?
    private var areFoldsKept = true
    private var definedCount = 0

    /// How many runs were left out of the frames that went through.
    private(set) var droppedCount: UInt64 = 0
    private(set) var droppedBracket: TimeBracket?

    /// How many runs there are.
    var runCount: Int { peaks.count }

    /// Learns of the runs in a frame.
    mutating func learn(_ frame: Frame) {
        switch frame {
        case .define(let frame):
            for run in frame.runs where placeBySlot[run.slot] == nil {
                placeBySlot[run.slot] = peaks.count
                peaks.append(0)
            }
        case .peaks(let frame):
            for entry in frame.entries {
                guard let place = placeBySlot[entry.slot], let peak = entry.peak else { continue }
                peaks[place] = max(peaks[place], peak.bytes)
            }
        case .exit(let frame):
            for entry in frame.entries { placeBySlot[entry.slot] = nil }
        default: break
        }
    }

    /// Decides to keep so many runs, those with the largest peaks, and begins anew; windows
    /// go, and of the sums only those over the host stay.
    mutating func keep(_ count: Int, folds: Bool) {
        var kept = [Bool](repeating: false, count: peaks.count)
        let order = peaks.indices.sorted { (peaks[$0], $1) > (peaks[$1], $0) }
        for place in order.prefix(max(0, count)) { kept[place] = true }
        self.kept = kept
        areFoldsKept = folds
        placeBySlot = [:]
        definedCount = 0
        droppedCount = 0
        droppedBracket = nil
    }

    /// What of a frame stays; nil for nothing.
    mutating func cut(_ frame: Frame, atMilliseconds now: Int64) -> Frame? {
        guard let kept else { return frame }
        switch frame {
        case .define(let frame): return cut(frame, kept, atMilliseconds: now)
        case .peaks(var frame):
            frame.entries.removeAll { placeBySlot[$0.slot] == nil }
            return frame.entries.isEmpty ? nil : .peaks(frame)
        case .exit(var frame):
            frame.entries.removeAll { placeBySlot.removeValue(forKey: $0.slot) == nil }
            return frame.entries.isEmpty ? nil : .exit(frame)
        case .totals(var frame):
            frame.entries.removeAll { ![.host, .hostUsed].contains($0.subject.kind) }
            return frame.entries.isEmpty ? nil : .totals(frame)
        case .fold(let frame) where !areFoldsKept:
            for fold in frame.folds { drop(fold.runCount, fold.bracket) }
            return nil
        case .windows, .covered: return nil
        case .stateEnd: return .stateEnd(StateEndFrame(liveCount: UInt64(placeBySlot.count)))
        default: return frame
        }
    }

    private mutating func cut(
        _ frame: DefineFrame, _ kept: [Bool], atMilliseconds now: Int64
    ) -> Frame? {
        var frame = frame
        frame.runs.removeAll { run in
            guard placeBySlot[run.slot] == nil else { return false }
            let place = definedCount
            definedCount += 1
            if kept[place] {
                placeBySlot[run.slot] = place
                return false
            }
            let start = max(0, min(now, run.description.startedAtMilliseconds ?? now))
            drop(1, TimeBracket(notBeforeMilliseconds: start, notAfterMilliseconds: now))
            return true
        }
        return frame.runs.isEmpty ? nil : .define(frame)
    }

    private mutating func drop(_ count: UInt64, _ bracket: TimeBracket?) {
        droppedCount += count
        guard let bracket else { return }
        let known = droppedBracket ?? bracket
        droppedBracket = TimeBracket(
            notBeforeMilliseconds: min(
                known.notBeforeMilliseconds, bracket.notBeforeMilliseconds),
            notAfterMilliseconds: max(known.notAfterMilliseconds, bracket.notAfterMilliseconds))
    }
}
