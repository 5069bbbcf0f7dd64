import MemoryModel
import Wire

/// What the frames of a state file say of runs that still lived when it was saved.
struct StateRuns {
    /// The host as it was; nil before HOST.
    private(set) var host: HostDescription?
    /// Those that lived, by their slots.
    private(set) var live: [UInt32: RunRecord] = [:]
    /// Whether STATE_END came.
    private(set) var isStateEnded = false

    /// Takes in the next frame; false, and nothing is taken, if it does not follow from those
    /// before it.
    mutating func apply(_ frame: Frame) -> Bool {
        guard host != nil || frame.type == .host else { return false }
        switch frame {
        case .host(let description): host = description
        case .define(let frame):
            guard frame.runs.allSatisfy({ live[$0.slot].map(\.key) ?? $0.key == $0.key }) else {
                return false
            }
            for run in frame.runs {
                var record = live[run.slot] ?? RunRecord(key: run.key, description: run.description)
                record.description = run.description
                record.flags.formUnion(run.flags)
                live[run.slot] = record
            }
        case .peaks(let frame):
            guard frame.entries.allSatisfy({ live[$0.slot] != nil }) else { return false }
            for entry in frame.entries { raise(entry) }
        case .exit(let frame):
            guard frame.entries.allSatisfy({ live[$0.slot] != nil }) else { return false }
            for entry in frame.entries { live[entry.slot] = nil }
        case .stateEnd(let frame):
            guard !isStateEnded, frame.liveCount == UInt64(live.count) else { return false }
            isStateEnded = true
        case .windows(let frame):
            guard frame.entries.allSatisfy({ live[$0.slot] != nil }) else { return false }
        case .covered, .fold, .counters, .totals, .cgroup, .outOfMemory, .gap, .sections,
            .pythonGrowth:
            break
        default: return false
        }
        return true
    }

    private mutating func raise(_ entry: PeaksFrame.Entry) {
        guard var record = live[entry.slot] else { return }
        var other = RunRecord(key: record.key, description: record.description)
        other.peak = entry.peak
        other.swapPeakBytes = entry.swapPeakBytes
        record.merge(other, otherIsNewer: false)
        live[entry.slot] = record
    }
}
