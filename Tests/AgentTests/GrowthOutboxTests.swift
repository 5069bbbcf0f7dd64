import MemoryModel
import ProcessSampler
import Testing
import Wire

@testable import Agent

@Suite("Growth by line on its way to a collector")
struct GrowthOutboxTests {
    private static func line(_ number: Int, file: RawText = "/srv/app.py") -> PythonLine {
        PythonLine(file: file, function: "work", line: Int32(number))
    }

    private static func growth(_ lines: [(PythonLine, UInt64)]) -> PythonGrowth {
        var growth = PythonGrowth(pid: 1)
        growth.grownBytes = lines.reduce(0) { $0 + $1.1 }
        growth.lines = lines.map { PythonGrowth.Line(line: $0.0, grownBytes: $0.1) }
        growth.peakStack = lines.map(\.0)
        growth.peakStackBytes = 9 << 20
        return growth
    }

    private static func told(_ harness: OutboxHarness) -> [GrowthRecord] {
        harness.outbox.hurry(atMilliseconds: 1_000)
        return harness.frames().flatMap { frame in
            if case .pythonGrowth(let frame) = frame { frame.runs } else { [GrowthRecord]() }
        }
    }

    @Test("What grew is told with its run, again when it grew more, and not when it did not")
    func telling() {
        let harness = OutboxHarness()
        harness.outbox.apply(.starting([1]))
        let first = Self.growth([(Self.line(1), 8 << 20), (Self.line(2), 4 << 20)])
        harness.outbox.tell(first, of: run(1))
        let told = Self.told(harness)
        #expect(told.map(\.run) == [run(1)])
        #expect(told.first?.lines == [Self.line(1): 8 << 20, Self.line(2): 4 << 20])
        #expect(told.first?.peakStack?.residentBytes == 9 << 20)
        harness.outbox.tell(first, of: run(1))
        #expect(Self.told(harness).isEmpty)
        harness.outbox.tell(Self.growth([(Self.line(1), 9 << 20)]), of: run(1))
        #expect(Self.told(harness).first?.lines[Self.line(1)] == 9 << 20)
    }

    @Test("A run that nobody knows is passed over, and one that ended goes once it is acknowledged")
    func ends() {
        let harness = OutboxHarness()
        harness.outbox.apply(.starting([1]))
        harness.outbox.tell(Self.growth([(Self.line(1), 1)]), of: run(9))
        #expect(harness.outbox.registers.parts.growthCount == 0)
        harness.outbox.tell(Self.growth([(Self.line(1), 1 << 20)]), of: run(1))
        harness.outbox.apply(.ending([1]), sections: .init())
        #expect(Self.told(harness).count == 1)
        harness.outbox.acknowledged(throughSequence: harness.sequence)
        #expect(harness.outbox.registers.parts.growthCount == 0)
    }

    @Test("Of too many lines the largest stay, and of long names the telling end")
    func bounds() {
        let harness = OutboxHarness()
        harness.outbox.apply(.starting([1]))
        let long = RawText([UInt8](repeating: 0x61, count: 5_000) + Array("/end.py".utf8))
        let lines = (0..<50).map { (Self.line($0, file: long), UInt64(100 - $0) << 20) }
        harness.outbox.tell(Self.growth(lines), of: run(1))
        harness.outbox.apply(
            .observing([1], atMilliseconds: 2_000, kibibytes: 100), sections: .init())
        let record = Self.told(harness).first
        #expect(record?.lines.count == GrowthRegisters.maximumLines)
        #expect(record?.ranked.first?.grownBytes == 100 << 20)
        #expect(record?.ranked.last?.grownBytes == 69 << 20)
        #expect(record?.ranked.first?.line.file.bytes.count == GrowthRegisters.maximumFileBytes)
        #expect(record?.ranked.first?.line.file.bytes.suffix(7) == Array("/end.py".utf8)[...])
        // What the others grew by is not lost: it is in what the run grew by.
        #expect(record?.grownBytes == lines.reduce(0) { $0 + $1.1 })
        #expect(harness.outbox.counters[.linesDropped] == nil)
    }

    @Test("Lines take their share of the memory and no more, and what finds no room is counted")
    func memory() {
        let pids = Array(Int32(1)...100)
        let harness = OutboxHarness(memoryLimitBytes: 1 << 20)
        harness.outbox.apply(.starting(pids))
        func lines(of pid: Int32) -> PythonGrowth {
            Self.growth(
                (1...40).map { number in
                    let name = RawText([UInt8](repeating: UInt8(pid), count: 180))
                    return (Self.line(number, file: name), UInt64(number) << 20)
                })
        }
        for pid in pids { harness.outbox.tell(lines(of: pid), of: run(pid)) }
        let held = harness.outbox.registers.parts.growthCount
        #expect(held > 2 && held < 20)
        // What is held may grow as long as it takes no more room.
        var more = lines(of: 1)
        more.grownBytes += 1 << 20
        harness.outbox.tell(more, of: run(1))
        #expect(
            harness.outbox.registers.parts.heldGrowth.first { $0.run == run(1) }?.grownBytes
                == more.grownBytes)
        // A run that nobody knows is counted with those that found no room.
        harness.outbox.tell(lines(of: 1), of: run(2_000))
        harness.outbox.apply(.ending(pids), sections: .init())
        #expect(harness.outbox.counters[.linesDropped] == UInt64(101 - held) * 32)
        _ = Self.told(harness)
        harness.outbox.acknowledged(throughSequence: harness.sequence)
        harness.outbox.apply(.starting([200]), sections: .init())
        #expect(harness.outbox.registers.parts.growthCount == 0)
        // Their room is there again.
        harness.outbox.tell(lines(of: 3), of: run(200))
        #expect(harness.outbox.registers.parts.growthCount == 1)
    }

    @Test("No frame is larger than the collector takes, however long the names are")
    func sizes() throws {
        let harness = OutboxHarness(maximumWireBytes: 4_096)
        harness.outbox.apply(.starting([1]))
        let lines = (0..<32).map { number in
            let file = RawText([UInt8](repeating: UInt8(number), count: 190))
            return (Self.line(number, file: file), UInt64(100 - number) << 20)
        }
        harness.outbox.tell(Self.growth(lines), of: run(1))
        harness.outbox.hurry(atMilliseconds: 1_000)
        var encoder = try FrameEncoder()
        for (sequence, frame) in harness.frames().enumerated() {
            guard case .pythonGrowth(let growth) = frame else { continue }
            #expect(growth.runs.first?.lines[lines[0].0] == 100 << 20)
            var bytes: [UInt8] = []
            _ = try encoder.encode(
                frame, sequence: UInt64(sequence), mayCompress: false, into: &bytes)
            #expect(bytes.count <= 4_096 + 24)
        }
    }
}
