import Collector
import MemoryModel
import PeakStore
import TestSupport
import Testing
import Wire

@Suite("Folds and ordinals")
struct FoldTests {
    private func fold(_ ordinal: UInt64, bytes: UInt64 = 4_096) -> Fold {
        var fold = Fold(
            ordinal: ordinal, subject: FoldSubject(program: "cc", user: "me", cgroup: "/ci"))
        let bracket = TimeBracket(notBeforeMilliseconds: 10_000, notAfterMilliseconds: 20_000)
        fold.runCount = 3
        fold.peak = Peak(bytes: bytes, bracket: bracket, source: .exit)
        fold.sumOfPeaksBytes = bytes
        fold.histogram.add(bytes: bytes)
        fold.bracket = bracket
        return fold
    }

    private func exit(_ pid: Int32, ordinal: UInt64) -> SessionEvent {
        .exits([
            ExitEvent(
                key: run(pid), end: RunEnd(bracket: nil, reason: .exited),
                processorMilliseconds: nil, ordinal: ordinal)
        ])
    }

    @Test("a fold is committed with the time of day, and again if that fails")
    func committed() {
        var host = HostHarness()
        host.apply(.folds([fold(0), fold(1)]))
        host.apply(.folds([fold(1)]))
        let (first, pending) = host.fleet.takeBatch()
        #expect(first.folds.map(\.fold.ordinal).sorted() == [0, 1])
        #expect(first.folds.allSatisfy { $0.host == host.id && $0.epoch == 1 })
        let bracket = TimeBracket(
            notBeforeMilliseconds: wallMinusBoot + 10_000,
            notAfterMilliseconds: wallMinusBoot + 20_000)
        #expect(first.folds.allSatisfy { $0.fold.bracket == bracket })
        #expect(first.folds.allSatisfy { $0.fold.peak?.bracket == bracket })
        host.fleet.commitFailed(pending)
        let (second, again) = host.fleet.takeBatch()
        #expect(Set(second.folds) == Set(first.folds))
        host.fleet.committed(again)
        #expect(host.fleet.takeBatch().batch.folds.isEmpty)
    }

    @Test("a fold whose greatest peak cannot be true is kept without it, and that is counted")
    func refused() {
        var host = HostHarness()
        host.apply(.folds([fold(0, bytes: 1 << 40)]))
        let stored = host.fleet.takeBatch().batch.folds.first
        #expect(stored?.fold.runCount == 3)
        #expect(stored?.fold.peak == nil && stored?.fold.bracket != nil)
        #expect(host.fleet.hosts[host.id]?.refusedCount == 1)
    }

    @Test("a host that folds without end is stopped while the store cannot write")
    func bounded() {
        var host = HostHarness()
        var isTaken = true
        var ordinal: UInt64 = 0
        while isTaken, ordinal < 100_000 {
            var pendingFold = fold(ordinal)
            pendingFold.subject.program = RawText([UInt8](repeating: 97, count: 200))
            _ = host.fleet.update(host.id, by: host.session, nowMilliseconds: testNow) {
                isTaken = $0.apply(.folds([pendingFold]), nowMilliseconds: testNow)
            }
            if ordinal % 1_000 == 0 { _ = host.fleet.takeBatch() }
            ordinal += 1
        }
        #expect(!isTaken)
        #expect(ordinal <= 16_385)
    }

    @Test("a run keeps the first ordinal that is known, with the agent's start that gave it")
    func ordinals() {
        var host = HostHarness()
        host.apply(.define([1, 2]))
        host.apply(exit(1, ordinal: 7))
        host.apply(exit(1, ordinal: 8))
        host.open(epoch: 2)
        host.apply(.host(.sample))
        host.apply(.define([1]))
        host.apply(exit(1, ordinal: 0))
        host.apply(.exit(2))
        let runs = host.fleet.takeBatch().batch.runs
        let first = runs.first { $0.record.key == run(1) }
        #expect(first?.record.ordinal == 7 && first?.epoch == 1)
        let second = runs.first { $0.record.key == run(2) }
        #expect(second?.record.ordinal == nil && second?.epoch == nil)
    }

    @Test("a run of a boot that is over keeps its ordinal with its agent's start")
    func rebooted() {
        var host = HostHarness()
        host.apply(.define([1]))
        host.apply(exit(1, ordinal: 3))
        host.open(bootNumber: 2, epoch: 9)
        host.apply(.host(.sample))
        let stored = host.fleet.takeBatch().batch.runs.first
        #expect(stored?.record.ordinal == 3 && stored?.epoch == 1)
    }
}
