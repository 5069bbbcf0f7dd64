import Collector
import MemoryModel
import PeakStore
import Testing
import Wire

@Suite("What one host may take of a collector's memory")
struct HostLimitTests {
    private func record() -> HostRecord {
        var record = HostRecord(
            id: hostID("web-1"), boot: BootID(high: 0, low: 1), epoch: 1, agentVersion: "1",
            nowMilliseconds: testNow)
        record.apply(.host(.sample), nowMilliseconds: testNow)
        return record
    }

    private func runs(_ pids: Range<Int32>, nameBytes: Int) -> SessionEvent {
        .define(
            pids.map {
                var description = RunDescription(program: "p", comm: "c")
                description.command = RawText([UInt8](repeating: 0x61, count: nameBytes))
                return StartedRun(key: run($0), description: description)
            })
    }

    @Test("names are bounded in all, and what is forgotten makes room again")
    func names() {
        var record = record()
        let count = Int32(HostRecord.maximumNameBytes / 4_096)
        let answer1 = record.apply(runs(1..<count + 1, nameBytes: 4_096), nowMilliseconds: testNow)
        #expect(!answer1)
        let taken = record.ledger.runs.count
        #expect(taken > 0 && taken < Int(count))
        // The same runs may be defined again, with the same names or shorter ones.
        let answer2 = record.apply(runs(1..<100, nameBytes: 4_096), nowMilliseconds: testNow)
        #expect(answer2)
        let answer3 = record.apply(
            runs(count..<count + 1, nameBytes: 4_096), nowMilliseconds: testNow)
        #expect(!answer3)
        let answer4 = record.apply(.exit(1), nowMilliseconds: testNow)
        #expect(answer4)
        var batch = CommitBatch()
        if let pending = record.takePending(into: &batch) { record.committed(pending) }
        #expect(record.ledger[run(1)] == nil)
        let answer5 = record.apply(
            runs(count..<count + 1, nameBytes: 4_096), nowMilliseconds: testNow)
        #expect(answer5)
    }

    @Test("runs are bounded over all sessions, and another boot begins anew")
    func count() {
        var record = record()
        let most = Int32(HostRecord.maximumRuns)
        let answer6 = record.apply(runs(1..<most + 1, nameBytes: 1), nowMilliseconds: testNow)
        #expect(answer6)
        let answer7 = record.apply(
            runs(most + 1..<most + 2, nameBytes: 1), nowMilliseconds: testNow)
        #expect(!answer7)
        let answer8 = record.apply(.define([1]), nowMilliseconds: testNow)
        #expect(answer8)
        record.sessionAccepted(
            SessionID(number: 2), boot: BootID(high: 0, low: 2), epoch: 2, agentVersion: "1",
            nowMilliseconds: testNow)
        let answer9 = record.apply(.define([most + 1]), nowMilliseconds: testNow)
        #expect(answer9)
    }
}
