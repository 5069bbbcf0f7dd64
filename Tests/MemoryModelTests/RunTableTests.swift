import MemoryModel
import TestSupport
import Testing

@Suite("The table of runs")
struct RunTableTests {
    private static func ledger(_ pids: [Int32]) -> PeakLedger {
        var ledger = PeakLedger(limits: PeakLimits(memoryTotalBytes: 1 << 40))
        for pid in pids {
            let key = ProcessKey(pid: pid, startTicks: 1)
            ledger.start(key, RunDescription(program: RawText("\(pid)"), comm: "comm"))
        }
        return ledger
    }

    @Test("whatever comes and goes in whatever order, each run is found with its own record")
    func random() {
        var random = SeededGenerator()
        let comment: Comment = "\(random)"
        var ledger = RunTableTests.ledger([])
        var known: [ProcessKey: UInt64] = [:]
        for step in 0..<5_000 {
            let key = ProcessKey(pid: Int32.random(in: 1...200, using: &random), startTicks: 1)
            if Bool.random(using: &random) {
                ledger.forget(key)
                known[key] = nil
            } else {
                let name = RawText("\(key.pid)")
                ledger.start(key, RunDescription(program: name, comm: name))
                ledger.raiseProcessorTime(key, toMilliseconds: UInt64(step))
                known[key] = UInt64(step)
            }
        }
        #expect(ledger.runs.count == known.count, comment)
        #expect(Set(ledger.runs.keys) == Set(known.keys), comment)
        #expect(Set(ledger.runs.values.map(\.key)) == Set(known.keys), comment)
        for (key, milliseconds) in known {
            #expect(ledger[key]?.key == key, comment)
            #expect(ledger[key]?.description.program == RawText("\(key.pid)"), comment)
            #expect(ledger[key]?.processorMilliseconds == milliseconds, comment)
        }
    }

    @Test("two tables of the same runs are equal in whatever order the runs came and others went")
    func equality() {
        var other = RunTableTests.ledger([4, 3, 2, 1])
        #expect(other != RunTableTests.ledger([1, 2, 3]))
        other.forget(ProcessKey(pid: 4, startTicks: 1))
        let ledger = RunTableTests.ledger([1, 2, 3])
        #expect(other == ledger)
        #expect(other.hashValue == ledger.hashValue)
        other.raiseProcessorTime(ProcessKey(pid: 2, startTicks: 1), toMilliseconds: 1)
        #expect(other != ledger)
    }

    @Test("a few runs do not keep the room that very many took")
    func room() {
        var ledger = RunTableTests.ledger(Array(1...20_000))
        for pid in Int32(11)...20_000 { ledger.forget(ProcessKey(pid: pid, startTicks: 1)) }
        #expect(ledger.runs.count == 10)
        #expect(ledger.runs.capacity <= 2_048)
        #expect(ledger.runs.recordCapacity <= 2_048)
        #expect(ledger[ProcessKey(pid: 10, startTicks: 1)] != nil)
    }

    @Test("what changed of a run's present is taken in alone, and refused figures are not known")
    func update() {
        var ledger = RunTableTests.ledger([1])
        let key = ProcessKey(pid: 1, startTicks: 1)
        let use = CurrentUse(residentBytes: 4_096, swapBytes: nil, atMilliseconds: 5)
        #expect(
            ledger.update(key, processorMilliseconds: 7) { $0 = use } == [
                .resident, .processorTime,
            ])
        #expect(ledger[key]?.current == use)
        #expect(ledger.update(key, processorMilliseconds: 6) { _ in } == [])
        #expect(ledger[key]?.processorMilliseconds == 7)
        #expect(
            ledger.update(key, processorMilliseconds: nil) { $0?.residentBytes = .max } == .resident
        )
        #expect(ledger[key]?.current?.residentBytes == nil)
        #expect(ledger.refusedCount == 1)
        let unknown = ProcessKey(pid: 2, startTicks: 1)
        #expect(ledger.update(unknown, processorMilliseconds: 1) { $0 = use } == [])
    }
}
