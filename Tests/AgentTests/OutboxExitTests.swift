import MemoryModel
import Testing
import Wire

@testable import Agent

@Suite("The outbox and what exit records say")
struct OutboxExitTests {
    private static func completed(_ pid: Int32, kibibytes: UInt64) -> CompletedRun {
        CompletedRun(
            start: StartedRun(
                key: run(pid), description: RunDescription(program: "p", comm: "c"),
                flags: .firstSeenAtExit),
            end: EndedRun(
                key: run(pid), end: .sample,
                record: ExitFigures(
                    markBytes: kibibytes << 10, processorMilliseconds: 3,
                    faults: FaultCounts(minor: 5, major: 6))))
    }

    @Test("a run that came and went between two looks is defined, has its peak and its end")
    func completedRun() {
        let harness = OutboxHarness()
        _ = harness.frames()
        var snapshot = HostSnapshot(takenAtMilliseconds: 2_000)
        snapshot.completed = [OutboxExitTests.completed(1, kibibytes: 100)]
        let frames = harness.frames(after: snapshot).filter { $0.type != .samples }
        // Its beginning is not known, so that it tells a window of its own.
        #expect(frames.map(\.type) == [.define, .peaks, .windows, .exit])
        #expect(frames.flatMap(\.defines).map(\.flags) == [[.firstSeenAtExit, .peakIsFinal]])
        let exit = frames.flatMap(\.exits)[0]
        #expect(exit.faults == FaultCounts(minor: 5, major: 6))
        #expect(exit.flags == [.firstSeenAtExit, .peakIsFinal])
        #expect(exit.processorMilliseconds == 3)
        guard case .peaks(let peaks) = frames[1] else { return }
        #expect(peaks.entries.map(\.peak?.source) == [.exit])
        #expect(peaks.entries.map(\.peak?.bytes) == [100 << 10])
        harness.outbox.acknowledged(throughSequence: harness.sequence)
        #expect(harness.outbox.runCount == 0)
    }

    @Test("more runs ended while the collector was away than it has slots, and each goes through")
    func storm() {
        let harness = OutboxHarness(maximumRuns: 10)
        harness.outbox.sessionClosed()
        harness.outbox.apply(.starting(1...8))
        for tick in 0..<20 {
            var snapshot = HostSnapshot(takenAtMilliseconds: 2_000 + Int64(tick))
            snapshot.completed = (0..<100).map {
                OutboxExitTests.completed(Int32(100 + tick * 100 + $0), kibibytes: 10)
            }
            harness.outbox.apply(snapshot)
        }
        harness.outbox.sessionOpened(maximumRuns: 10)
        let frames = harness.frames()
        #expect(frames.flatMap(\.exits).count == 2_000)
        #expect(frames.contains(.stateEnd(StateEndFrame(liveCount: 8))))
        #expect(frames.allSatisfy { $0.counters[.runsOverLimit] == nil })
        let peaks = frames.reduce(0) { count, frame in
            if case .peaks(let peaks) = frame { count + peaks.entries.count } else { count }
        }
        #expect(peaks == 2_008)
        harness.outbox.acknowledged(throughSequence: harness.sequence)
        #expect(harness.outbox.runCount == 8)
    }

    @Test("runs that ended end soon after they are defined, in turns with those that live")
    func batches() {
        let harness = OutboxHarness(maximumRuns: 5_000)
        harness.outbox.sessionClosed()
        harness.outbox.apply(.starting(10_001...11_000))
        var snapshot = HostSnapshot(takenAtMilliseconds: 2_000)
        snapshot.completed = (1...2_000).map { OutboxExitTests.completed($0, kibibytes: 10) }
        harness.outbox.apply(snapshot)
        harness.outbox.sessionOpened(maximumRuns: 5_000)
        var defined: Set<ProcessKey> = []
        var (largest, toldAtFirstExit) = (0, 0)
        var slots: [UInt32: ProcessKey] = [:]
        var ordinals: [UInt64?] = []
        for frame in harness.frames() {
            for run in frame.defines {
                slots[run.slot] = run.key
                if run.key.pid <= 2_000 { defined.insert(run.key) } else { toldAtFirstExit += 1 }
            }
            largest = max(largest, defined.count)
            for entry in frame.exits {
                ordinals.append(entry.ordinal)
                if let key = slots[entry.slot] { defined.remove(key) }
            }
            if !frame.exits.isEmpty, ordinals.count == frame.exits.count {
                // The first batch did not wait for all that lives.
                #expect(toldAtFirstExit > 0)
                #expect(toldAtFirstExit < 1_000)
            }
        }
        #expect(largest <= 300)
        #expect(ordinals.map { $0 ?? .max }.sorted() == Array(0..<2_000))
    }

    @Test("runs that live leave slots for those that ended, and take them when these are through")
    func slotsForEnds() {
        let harness = OutboxHarness(maximumRuns: 100)
        harness.outbox.sessionClosed()
        harness.outbox.apply(.starting(10_001...10_200))
        var snapshot = HostSnapshot(takenAtMilliseconds: 2_000)
        snapshot.completed = (1...500).map { OutboxExitTests.completed($0, kibibytes: 10) }
        harness.outbox.apply(snapshot)
        harness.outbox.sessionOpened(maximumRuns: 100)
        let frames = harness.frames()
        #expect(frames.flatMap(\.exits).count == 500)
        #expect(frames.flatMap(\.defines).filter { $0.key.pid > 10_000 }.count == 100)
        #expect(frames.contains(.stateEnd(StateEndFrame(liveCount: 100))))
        #expect(frames.last?.counters == [.runsOverLimit: 100])
    }

    @Test("a flag that becomes known of a living run defines it again in the same slot")
    func flags() {
        let harness = OutboxHarness()
        _ = harness.frames(after: .starting([1]))
        var snapshot = HostSnapshot(takenAtMilliseconds: 2_000)
        var observation = RunObservation(key: run(1))
        observation.flags = .markFell
        snapshot.observed = [observation]
        let defines = harness.frames(after: snapshot).flatMap(\.defines)
        #expect(defines.map(\.slot) == [0])
        #expect(defines.map(\.flags) == [.markFell])
        snapshot.takenAtMilliseconds = 3_000
        #expect(harness.frames(after: snapshot).flatMap(\.defines).isEmpty)
    }

    @Test("what becomes known of a run after its EXIT is told by another one and then forgotten")
    func lateFact() {
        let harness = OutboxHarness()
        _ = harness.frames(after: .starting([1]))
        _ = harness.frames(after: .ending([1]))
        let first = harness.sequence
        var snapshot = HostSnapshot(takenAtMilliseconds: 3_000)
        var kill = OutOfMemoryKill(atMilliseconds: 2_000, evidence: .kernelLog)
        kill.run = run(1)
        kill.pid = 1
        snapshot.kills = [kill]
        harness.outbox.apply(snapshot)
        harness.outbox.acknowledged(throughSequence: first)
        let frames = harness.frames()
        #expect(frames.flatMap(\.exits).map(\.flags) == [.killedForMemory])
        #expect(frames.contains(.outOfMemory(OutOfMemoryFrame(kills: [kill]))))
        harness.outbox.acknowledged(throughSequence: harness.sequence)
        #expect(harness.outbox.runCount == 0)
    }

    @Test("how memory is made up is told every ten seconds, not each time it changes")
    func composition() {
        let harness = OutboxHarness()
        _ = harness.frames(after: .starting([1], atMilliseconds: 0))
        var told: [Int64: SamplesFrame.Change] = [:]
        for second in Int64(1)...25 {
            var snapshot = HostSnapshot(takenAtMilliseconds: second * 1_000)
            var observation = RunObservation(key: run(1))
            observation.residentBytes = 100 << 10
            observation.fileBytes = UInt64(second) << 10
            snapshot.observed = [observation]
            for tick in harness.frames(after: snapshot).flatMap(\.ticks) {
                for sample in tick.samples { told[tick.atMilliseconds] = sample.file }
            }
        }
        #expect(told == [10_000: .bytes(10 << 10), 20_000: .bytes(20 << 10)])
    }

    @Test("a loss is told as a gap, and the counter of it as well")
    func loss() {
        let harness = OutboxHarness()
        _ = harness.frames(after: HostSnapshot(takenAtMilliseconds: 0))
        var snapshot = HostSnapshot(takenAtMilliseconds: 10_000)
        let bracket = TimeBracket(notBeforeMilliseconds: 9_000, notAfterMilliseconds: 10_000)
        snapshot.losses = [EventLoss(reason: .exitRecordsLost, bracket: bracket, count: 9)]
        snapshot.counters.exitRecordsLost = 9
        let frames = harness.frames(after: snapshot)
        let gap = Gap(ordinal: 0, reason: .exitRecordsLost, bracket: bracket, missedCount: 9)
        #expect(frames.contains(.gap(GapFrame(gaps: [gap]))))
        #expect(frames.last?.counters == [.exitRecordsLost: 9])
    }

    @Test("an agent that stops says what would have waited for its turn")
    func hurry() {
        let harness = OutboxHarness()
        _ = harness.frames(after: .starting([1], atMilliseconds: 0))
        let risen = harness.frames(after: .observing([1], atMilliseconds: 1_000, kibibytes: 200))
        #expect(!risen.contains { $0.type == .totals })
        harness.outbox.hurry(atMilliseconds: 1_500)
        guard case .totals(let frame)? = harness.frames().first else {
            Issue.record("the sums come")
            return
        }
        #expect(frame.entries.map(\.peak.bytes) == [200 << 10, 200 << 10])
    }

    @Test("a figure that cannot be true is in no sum")
    func refusedFigure() {
        let harness = OutboxHarness()
        var snapshot = HostSnapshot.starting([1, 2], atMilliseconds: 0)
        snapshot.observed[1].residentBytes = .max
        let frames = harness.frames(after: snapshot)
        for case .totals(let frame) in frames {
            #expect(frame.entries.map(\.peak.bytes) == [100 << 10, 100 << 10])
            #expect(frame.entries.map(\.peak.runCount) == [1, 1])
        }
        #expect(frames.contains { $0.type == .totals })
        #expect(frames.last?.counters == [.refused: 1])
    }
}
