import MemoryModel
import Testing
import Wire

@testable import Agent

@Suite("What a collector is told of a command")
struct CommandOutboxTests {
    private var outbox = CommandOutbox(host: TrueHost.description)
    private var sequence: UInt64 = 0

    private func record(
        _ pid: Int32, bytes: UInt64, hasEnded: Bool = false
    ) -> RunRecord {
        var record = RunRecord(
            key: ProcessKey(pid: pid, startTicks: 7),
            description: RunDescription(program: "sleep", comm: "sleep"))
        record.peak = Peak(
            bytes: bytes,
            bracket: TimeBracket(notBeforeMilliseconds: 10, notAfterMilliseconds: 20),
            source: .hwm)
        if hasEnded {
            record.setEnd(
                RunEnd(
                    bracket: TimeBracket(notBeforeMilliseconds: 20, notAfterMilliseconds: 30),
                    reason: .exited, exitCode: 0))
        }
        return record
    }

    private mutating func open() {
        outbox.sessionOpened(maximumRuns: 100, maximumWireBytes: 4_096)
    }

    /// All frames that are due, sent one after the other.
    private mutating func drain() -> [Frame] {
        var frames: [Frame] = []
        while let frame = outbox.nextFrame() {
            sequence += 1
            outbox.sent(sequence: sequence)
            frames.append(frame)
        }
        return frames
    }

    /// The peak and the end of each pid that frames tell.
    private func told(_ frames: [Frame]) -> (peaks: [Int32: UInt64], ends: Set<Int32>) {
        var pids: [UInt32: Int32] = [:]
        var peaks: [Int32: UInt64] = [:]
        var ends: Set<Int32> = []
        for frame in frames {
            switch frame {
            case .define(let frame): for run in frame.runs { pids[run.slot] = run.key.pid }
            case .peaks(let frame):
                for entry in frame.entries {
                    if let pid = pids[entry.slot] { peaks[pid] = entry.peak?.bytes }
                }
            case .exit(let frame):
                for entry in frame.entries { if let pid = pids[entry.slot] { ends.insert(pid) } }
            default: break
            }
        }
        return (peaks, ends)
    }

    @Test("a session tells all that is known, and nothing of the host's other processes")
    mutating func all() {
        outbox.take(
            [record(1, bytes: 4_096), record(2, bytes: 8_192, hasEnded: true)], [],
            atMilliseconds: 40)
        #expect(outbox.nextFrame() == nil && !outbox.isTold)
        open()
        let frames = drain()
        guard case .host = frames.first else {
            Issue.record("\(frames)")
            return
        }
        let (peaks, ends) = told(frames)
        #expect(peaks == [1: 4_096, 2: 8_192] && ends == [2])
        let others = frames.filter {
            switch $0 {
            case .host, .define, .peaks, .exit, .stateEnd, .samples: false
            default: true
            }
        }
        #expect(others.isEmpty, "\(others)")
        #expect(!outbox.isTold && outbox.runCount == 2)
        outbox.acknowledged(throughSequence: sequence)
        #expect(outbox.isTold)
    }

    @Test("what rises or ends later is told then, and what was in flight is told again")
    mutating func later() {
        open()
        outbox.take([record(1, bytes: 4_096)], [], atMilliseconds: 40)
        _ = drain()
        outbox.acknowledged(throughSequence: sequence)
        outbox.take([record(1, bytes: 12_288)], [], atMilliseconds: 50)
        #expect(!outbox.isTold)
        #expect(drain().count == 1)
        outbox.take([record(1, bytes: 12_288, hasEnded: true)], [], atMilliseconds: 60)
        outbox.sessionClosed()
        #expect(!outbox.isTold)
        open()
        let (peaks, ends) = told(drain())
        #expect(peaks == [1: 12_288] && ends == [1])
        outbox.acknowledged(throughSequence: sequence)
        #expect(outbox.isTold && outbox.runCount == 1)
    }

    @Test("lines that grew are told with their run, and let go once it ended and they are durable")
    mutating func lines() {
        open()
        outbox.take([record(1, bytes: 4_096)], [], atMilliseconds: 40)
        outbox.take(growth(4_096), of: ProcessKey(pid: 1, startTicks: 7))
        outbox.take(growth(4_096), of: ProcessKey(pid: 2, startTicks: 7))
        #expect(grown(drain()) == [1: 4_096], "what is no run of the command has no lines")
        outbox.acknowledged(throughSequence: sequence)
        #expect(outbox.isTold)
        outbox.take([record(1, bytes: 4_096, hasEnded: true)], [], atMilliseconds: 50)
        outbox.take(growth(8_192), of: ProcessKey(pid: 1, startTicks: 7))
        #expect(!outbox.isTold)
        #expect(grown(drain()) == [1: 8_192])
        outbox.sessionClosed()
        open()
        #expect(grown(drain()) == [1: 8_192], "it was not durable")
        outbox.acknowledged(throughSequence: sequence)
        outbox.take([record(3, bytes: 4_096)], [], atMilliseconds: 60)
        outbox.sessionClosed()
        open()
        #expect(grown(drain()).isEmpty, "it was durable, and its run is over")
    }

    private func growth(_ bytes: UInt64) -> PythonGrowth {
        var growth = PythonGrowth(pid: 1)
        growth.grownBytes = bytes
        growth.lines = [
            PythonGrowth.Line(
                line: PythonLine(file: "a.py", function: "f", line: 3), grownBytes: bytes)
        ]
        return growth
    }

    /// What each pid's line 3 grew by, by the frames.
    private func grown(_ frames: [Frame]) -> [Int32: UInt64] {
        var grown: [Int32: UInt64] = [:]
        for case .pythonGrowth(let frame) in frames {
            for run in frame.runs {
                grown[run.run.pid] = run.lines[PythonLine(file: "a.py", function: "f", line: 3)]
            }
        }
        return grown
    }

    @Test("while no collector takes them, small runs fold, and the largest stays itself")
    mutating func bound() {
        for batch in 0..<40 {
            let records = (0..<1_000).map {
                record(Int32(batch * 1_000 + $0 + 1), bytes: 4_096 * UInt64($0 + 1), hasEnded: true)
            }
            outbox.take(records, [], atMilliseconds: 40)
        }
        open()
        let frames = drain()
        let folded = frames.reduce(UInt64(0)) { sum, frame in
            guard case .fold(let frame) = frame else { return sum }
            return sum + frame.folds.reduce(0) { $0 + $1.runCount }
        }
        let (peaks, ends) = told(frames)
        #expect(folded > 0 && folded + UInt64(ends.count) == 40_000)
        #expect(peaks.values.max() == 4_096_000)
    }
}
