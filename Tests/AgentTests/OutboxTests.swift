import MemoryModel
import Testing
import Wire

@testable import Agent

@Suite("The outbox")
struct OutboxTests {
    @Test("tells the host, runs, figures, peaks, ends, that the state is complete, and then sums")
    func order() {
        let harness = OutboxHarness()
        let first = harness.next()
        #expect(first?.type == .host)
        harness.outbox.apply(.starting([1, 2]))
        harness.outbox.apply(.ending([2]))
        harness.outbox.sessionOpened(maximumRuns: 10)
        #expect(!harness.outbox.isStateSent)
        let types = harness.frames().map(\.type)
        let living: [FrameType] = [.define, .samples, .peaks]
        let ended: [FrameType] = [.define, .peaks, .windows, .exit]
        #expect(types == [.host, living[0]] + ended + living[1...] + [.stateEnd, .totals])
        #expect(harness.outbox.isStateSent)
    }

    @Test("counts as many runs in STATE_END as have a slot then")
    func stateEnd() {
        let harness = OutboxHarness()
        harness.outbox.apply(.starting(1...5))
        harness.outbox.apply(.ending([2, 3]))
        #expect(harness.frames().contains(.stateEnd(StateEndFrame(liveCount: 3))))
    }

    @Test("gives no frame without a session, and none twice")
    func noSession() {
        var outbox = Outbox(host: TrueHost.description)
        outbox.apply(.starting([1]))
        let nothing = outbox.nextFrame()
        #expect(nothing == nil)
        let harness = OutboxHarness()
        #expect(!harness.frames(after: .starting([1])).isEmpty)
        #expect(harness.frames().isEmpty)
        harness.outbox.sessionClosed()
        #expect(harness.frames(after: .starting([2], atMilliseconds: 2_000)).isEmpty)
    }

    @Test("uses the slot of an ended run again only after its end")
    func slotReuse() throws {
        let harness = OutboxHarness(maximumRuns: 1)
        let first = try #require(
            harness.frames(after: .starting([1])).first { !$0.defines.isEmpty })
        var snapshot = HostSnapshot.ending([1])
        snapshot.started = HostSnapshot.starting([2]).started
        let next = harness.frames(after: snapshot)
        let exit = try #require(next.firstIndex { !$0.exits.isEmpty })
        let define = try #require(next.firstIndex { !$0.defines.isEmpty })
        #expect(exit < define)
        #expect(next[define].defines.map(\.slot) == first.defines.map(\.slot))
        #expect(next[define].defines.map(\.key) == [run(2)])
    }

    @Test("forgets an ended run with the acknowledgement of its EXIT and not before")
    func forgets() {
        let harness = OutboxHarness()
        _ = harness.frames(after: .starting([1, 2]))
        _ = harness.frames(after: .ending([1]))
        let exit = harness.sequence - 1
        #expect(harness.outbox[run(1)] != nil)
        harness.outbox.acknowledged(throughSequence: 1)
        #expect(harness.outbox[run(1)] != nil)
        harness.outbox.acknowledged(throughSequence: max(exit, harness.sequence))
        #expect(harness.outbox[run(1)] == nil)
        #expect(harness.outbox.runCount == 1)
    }

    @Test("tells an end again in the next session if it was not acknowledged in the last one")
    func endIsToldAgain() {
        let harness = OutboxHarness()
        _ = harness.frames(after: .starting([1]))
        _ = harness.frames(after: .ending([1]))
        harness.outbox.sessionClosed()
        harness.outbox.acknowledged(throughSequence: 100)
        #expect(harness.outbox.runCount == 1)
        harness.outbox.sessionOpened(maximumRuns: 10)
        #expect(harness.frames().flatMap(\.exits).count == 1)
    }

    @Test("counts a run without a slot once, sends nothing of it, and admits it when there is room")
    func overLimit() {
        let harness = OutboxHarness(maximumRuns: 2)
        let frames = harness.frames(after: .starting(1...4))
        #expect(frames.flatMap(\.defines).map(\.key) == [run(1), run(2)])
        #expect(frames.last?.counters == [.runsOverLimit: 2])
        #expect(frames.contains(.stateEnd(StateEndFrame(liveCount: 2))))
        let more = harness.frames(after: .observing(1...4, atMilliseconds: 3_000, kibibytes: 200))
        #expect(more.flatMap(\.ticks).flatMap(\.samples).map(\.slot) == [0, 1])

        let admitted = harness.frames(after: .ending([1], atMilliseconds: 4_000))
        let keys = admitted.flatMap(\.defines).map(\.key)
        #expect(keys.count == 1)
        #expect(keys.allSatisfy { [run(3), run(4)].contains($0) })
        #expect(admitted.contains { $0.type == .peaks })
    }

    @Test("gives a free slot to a run that lives, not to one that ended while it waited")
    func overLimitEnds() {
        // Which of those that wait comes first is left to chance, so there are several rounds.
        for round in 0..<20 {
            let harness = OutboxHarness(maximumRuns: 1)
            _ = harness.frames(after: .starting(1...3))
            let frames = harness.frames(after: .ending(round % 2 == 0 ? [2, 1] : [1, 2]))
            #expect(frames.flatMap(\.defines).map(\.key) == [run(3)])
            #expect(harness.outbox[run(2)] == nil)
            #expect(harness.outbox[run(1)] != nil)
        }
    }

    @Test("counts the runs that the sampler left out together with those that found no slot")
    func overLimitSum() {
        let harness = OutboxHarness(maximumRuns: 1)
        var snapshot = HostSnapshot.starting(1...3)
        snapshot.counters.overLimit = 10
        #expect(harness.frames(after: snapshot).last?.counters == [.runsOverLimit: 12])
        snapshot = HostSnapshot(takenAtMilliseconds: 2_000)
        snapshot.counters.overLimit = 10
        #expect(harness.frames(after: snapshot).allSatisfy { $0.counters.isEmpty })
    }

    @Test("sends a counter when it changed, and all of them in a new session")
    func counters() {
        let harness = OutboxHarness()
        var snapshot = HostSnapshot(takenAtMilliseconds: 1_000)
        snapshot.counters.vanished = 3
        #expect(harness.frames(after: snapshot).last?.counters == [.vanished: 3])
        snapshot.takenAtMilliseconds = 2_000
        #expect(harness.frames(after: snapshot).allSatisfy { $0.counters.isEmpty })
        snapshot.takenAtMilliseconds = 3_000
        snapshot.counters.malformed = 1
        #expect(harness.frames(after: snapshot).last?.counters == [.malformed: 1])
        harness.outbox.sessionOpened(maximumRuns: 10)
        #expect(harness.frames().last?.counters == [.vanished: 3, .malformed: 1])
    }

    @Test("sends the host again when its clock moved by more than a second or it changed")
    func hostAgain() {
        let harness = OutboxHarness()
        _ = harness.frames()
        let offset = TrueHost.wallMinusBootMilliseconds
        harness.outbox.setWallMinusBoot(milliseconds: offset + 1_000)
        #expect(harness.frames().isEmpty)
        harness.outbox.setWallMinusBoot(milliseconds: offset + 1_001)
        var moved = TrueHost.description
        moved.wallMinusBootMilliseconds = offset + 1_001
        #expect(harness.frames() == [.host(moved)])
        var renamed = moved
        renamed.wallMinusBootMilliseconds += 10
        harness.outbox.setHost(renamed)
        #expect(harness.frames().isEmpty)
        renamed.name = "other"
        harness.outbox.setHost(renamed)
        moved.name = "other"
        #expect(harness.frames() == [.host(moved)])
    }

    @Test("sends a figure when it changed and keeps silent about the others")
    func changes() {
        let harness = OutboxHarness()
        _ = harness.frames(after: .starting([1, 2]))
        let same = harness.frames(after: .observing([1, 2], atMilliseconds: 2_000, kibibytes: 100))
        #expect(same.flatMap(\.ticks).flatMap(\.samples).isEmpty)
        let grown = harness.frames(after: .observing([2], atMilliseconds: 3_000, kibibytes: 101))
        #expect(
            grown.flatMap(\.ticks).flatMap(\.samples) == [
                SamplesFrame.Sample(
                    slot: 1, resident: .bytes(101 << 10), swap: .unchanged,
                    processorMilliseconds: 101)
            ])
    }
}
