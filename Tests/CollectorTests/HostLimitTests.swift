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

    /// As many of one kind as one host may have on the way to the disk, and one more.
    private struct Facts: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let event: @Sendable (Range<Int>) -> SessionEvent
        let bound: Int
    }

    private static let facts = [
        Facts(
            testDescription: "sums",
            event: { numbers in
                .totals(
                    numbers.map {
                        TotalEvent(
                            subject: TotalSubject(kind: .program, name: RawText("\($0)")),
                            peak: TotalPeak(bytes: 1, atMilliseconds: 1, runCount: 1))
                    })
            }, bound: 65_536),
        Facts(
            testDescription: "cgroups",
            event: { numbers in
                .cgroups(
                    numbers.map { .sample(path: RawText("\($0)"), bytes: 1, atMilliseconds: 1) })
            }, bound: 16_384),
        Facts(
            testDescription: "kills",
            event: { numbers in
                .kills(numbers.map { .sample(pid: 1, atMilliseconds: Int64($0)) })
            }, bound: 4_096),
        Facts(
            testDescription: "gaps",
            event: { numbers in
                .gaps(numbers.map { .sample(UInt64($0), atMilliseconds: 1_000) })
            }, bound: 4_096),
        Facts(
            testDescription: "long names",
            event: { numbers in
                let tail = [UInt8](repeating: 0x61, count: 4_091)
                return .totals(
                    numbers.map {
                        let name = RawText(Array("\($0 + 10_000)".utf8) + tail)
                        return TotalEvent(
                            subject: TotalSubject(kind: .cgroup, name: name),
                            peak: TotalPeak(bytes: 1, atMilliseconds: 1, runCount: 1))
                    })
            }, bound: 8_192),
    ]

    @Test(
        "facts that are not on the disk are bounded, also while they are on the way there",
        arguments: facts)
    private func boundedFacts(_ facts: Facts) throws {
        var record = record()
        func isTaken(_ numbers: Range<Int>) -> Bool {
            record.apply(facts.event(numbers), nowMilliseconds: testNow)
        }
        func take() throws -> HostRecord.Pending {
            var batch = CommitBatch()
            let pending = record.takePending(into: &batch)
            return try #require(pending)
        }
        let half = facts.bound / 2
        #expect(isTaken(0..<half))
        let pending = try take()
        #expect(isTaken(half..<facts.bound))
        #expect(!isTaken(facts.bound..<facts.bound + 1))
        // What is there already may be told again.
        #expect(isTaken(half..<half + 1))
        // A commit that fails makes no room, however often it is tried.
        record.commitFailed(pending)
        #expect(!isTaken(facts.bound..<facts.bound + 1))
        let all = try take()
        #expect(!isTaken(facts.bound..<facts.bound + 1))
        record.commitFailed(all)
        let again = try take()
        record.committed(again)
        #expect(isTaken(facts.bound..<facts.bound + 1))
    }

    @Test("counters of agents that come and go are bounded until they are on the disk")
    func epochs() throws {
        var record = record()
        func isTaken(_ epoch: UInt64) -> Bool {
            record.sessionAccepted(
                SessionID(number: epoch), boot: BootID(high: 0, low: 1), epoch: epoch,
                agentVersion: "1", nowMilliseconds: testNow)
            return record.apply(.counters([.vanished: 1]), nowMilliseconds: testNow)
        }
        for epoch: UInt64 in 1...1_024 { #expect(isTaken(epoch)) }
        #expect(!isTaken(1_025))
        var batch = CommitBatch()
        let taken = record.takePending(into: &batch)
        let pending = try #require(taken)
        #expect(batch.counters.count == 1_024)
        record.committed(pending)
        // What was refused is taken when it is told again.
        let isTakenNow = record.apply(.counters([.vanished: 1]), nowMilliseconds: testNow)
        #expect(isTakenNow)
    }
}
