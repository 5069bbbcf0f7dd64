import MemoryModel
import Testing
import Wire

@testable import Agent

/// What a store would know of minutes: windows and coverage as frames told them, one copy of each
/// made of two, and silence read as the text says.
struct WindowModel {
    private(set) var windows: [ProcessKey: [Int64: Window]] = [:]
    private(set) var covered: [Int64: UInt64] = [:]
    private(set) var hours: [ProcessKey: [Int64: Window]] = [:]
    private var slots: [UInt32: RunRecord] = [:]
    /// How many windows came, repeated ones too.
    private(set) var toldCount = 0

    static let offset = TrueHost.wallMinusBootMilliseconds

    /// Begins a session, whose slots are all free.
    mutating func sessionOpened() { slots = [:] }

    /// Takes in a frame that is durable.
    mutating func apply(_ frame: Frame) {
        switch frame {
        case .define(let frame):
            for run in frame.runs {
                slots[run.slot] = RunRecord(key: run.key, description: run.description)
                slots[run.slot]?.flags = run.flags
            }
        case .peaks(let frame):
            for entry in frame.entries { slots[entry.slot]?.raisePeak(entry.peak) }
        case .windows(let frame):
            for entry in frame.entries {
                guard let key = slots[entry.slot]?.key else {
                    Issue.record("WINDOWS names slot \(entry.slot), which is free")
                    continue
                }
                toldCount += 1
                merge(entry.window, frame.length, WindowModel.start(frame), of: key)
            }
        case .covered(let frame):
            for entry in frame.entries {
                let start = WindowModel.start(entry.startsAtMilliseconds, frame.length)
                for minute in stride(from: start, to: start + frame.length.milliseconds, by: 60_000)
                {
                    covered[minute] = max(covered[minute] ?? 0, entry.liveCount)
                }
            }
        case .exit(let frame):
            for entry in frame.entries {
                guard var record = slots.removeValue(forKey: entry.slot) else { continue }
                record.add(entry.flags)
                record.setEnd(entry.end)
                let only = record.windowOfOnlyMinute(
                    wallMinusBootMilliseconds: WindowModel.offset)
                if let only {
                    merge(
                        only.window, .minute,
                        WindowModel.start(only.startsAtMilliseconds, .minute), of: record.key)
                }
            }
        default: break
        }
    }

    private mutating func merge(
        _ window: Window, _ length: WindowLength, _ start: Int64, of key: ProcessKey
    ) {
        let path = length == .minute ? \WindowModel.windows : \WindowModel.hours
        let known = self[keyPath: path][key]?[start]
        self[keyPath: path][key, default: [:]][start] = known?.merged(with: window) ?? window
    }

    /// What a run held in a minute of UTC; nil where nothing is known.
    func window(of key: ProcessKey, minute: Int64) -> Window? {
        if let own = windows[key]?[minute] { return own }
        let hour = WindowLength.hour.start(of: minute)
        if let merged = hours[key]?[hour] { return merged }
        guard covered[minute] != nil else { return nil }
        let earliest = windows[key]?.keys.min() ?? .max
        return minute > earliest ? window(of: key, minute: minute - 60_000) : nil
    }

    private static func start(_ frame: WindowsFrame) -> Int64 {
        start(frame.startsAtMilliseconds, frame.length)
    }

    private static func start(_ bootTime: Int64, _ length: WindowLength) -> Int64 {
        length.start(of: bootTime + offset + length.milliseconds / 2)
    }
}
