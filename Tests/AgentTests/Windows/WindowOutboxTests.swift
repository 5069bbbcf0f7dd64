import MemoryModel
import Testing
import Wire

@testable import Agent

@Suite("Windows in the outbox")
struct WindowOutboxTests {
    /// An outbox that looked at these runs for a minute and more, and told all of it.
    private func harness(_ pids: ClosedRange<Int32> = 1...3) -> OutboxHarness {
        let harness = OutboxHarness(
            host: TrueHost.description.with(wallMinusBoot: WindowOutboxTests.wallMinusBoot))
        harness.look(.starting(pids, atMilliseconds: 30_000, kibibytes: 100))
        for at: Int64 in [40_000, 100_000, 160_000] {
            harness.look(.observing(pids, atMilliseconds: at, kibibytes: 100))
        }
        return harness
    }

    private static let wallMinusBoot: Int64 = 1_700_000_000_000

    /// Sends what is due and has it acknowledged.
    private func told(_ harness: OutboxHarness) -> [Frame] {
        let frames = harness.frames()
        harness.outbox.acknowledged(throughSequence: harness.sequence)
        return frames
    }

    /// The part of a minute in which an agent starts is told without COVERED, then the first whole
    /// minute with the windows of all runs; a third one in which nothing moved needs no window.
    @Test("the first watched minute is told whole, and then silence is enough")
    func beginning() {
        let frames = told(harness())
        #expect(frames.windows.map(\.startsAtMilliseconds) == [-20_000, 40_000])
        #expect(frames.windows.allSatisfy { $0.entries.count == 3 })
        #expect(frames.covered.map(\.startsAtMilliseconds) == [40_000, 100_000])
        #expect(frames.covered.map(\.liveCount) == [3, 3])
    }

    /// A burst between two looks shows in its own minute as the mark says, and the minute after it
    /// says that it is over.
    @Test("a burst is exact in its minute, and only there")
    func burst() {
        let harness = harness()
        _ = told(harness)
        harness.look(.observing([2], atMilliseconds: 190_000, kibibytes: 100))
        var burst = HostSnapshot.observing([2], atMilliseconds: 191_000, kibibytes: 100)
        burst.observed[0].markBytes = 5_000 << 10
        harness.look(burst)
        for at: Int64 in [220_000, 280_000, 340_000] { harness.look(at: at) }
        let frames = told(harness)
        let burstWindow = Window(atLeastBytes: 5_000 << 10, atMostBytes: 5_000 << 10)
        let after = Window(atLeastBytes: 100 << 10, atMostBytes: 5_000 << 10)
        #expect(frames.windows.map(\.startsAtMilliseconds) == [160_000, 220_000])
        #expect(frames.windows.map { $0.entries.map(\.window) } == [[burstWindow], [after]])
        #expect(frames.covered.map(\.startsAtMilliseconds) == [160_000, 220_000, 280_000])
    }

    /// A run that grows just at the look of the edge has grown in the minute that ends, and begins
    /// the next one there.
    @Test("what the look at the edge sees is of both minutes")
    func edgeLook() {
        let harness = harness()
        _ = told(harness)
        harness.look(.observing([1], atMilliseconds: 220_007, kibibytes: 900))
        harness.look(.observing([1], atMilliseconds: 221_000, kibibytes: 200))
        for at: Int64 in [280_000, 340_000] { harness.look(at: at) }
        let windows = told(harness).windows
        let high = Window(atLeastBytes: 900 << 10, atMostBytes: 900 << 10)
        #expect(windows.map(\.startsAtMilliseconds) == [160_000, 280_000])
        #expect(windows[0].entries.map(\.window) == [high])
        // It held 900 KiB when the minute from 220 s began, so that was as the minute before.
        #expect(
            windows[1].entries.map(\.window) == [
                Window(atLeastBytes: 200 << 10, atMostBytes: 900 << 10)
            ])
    }

    /// A mark that rose between a reading before an edge and one after it belongs to the later
    /// minute, and the earlier one is told again with the bound that this implies.
    @Test("a rise across an edge raises the earlier minute's upper bound")
    func acrossEdge() {
        let harness = harness()
        harness.look(.observing([1], atMilliseconds: 215_000, kibibytes: 120))
        harness.look(at: 220_000)
        _ = told(harness)
        var late = HostSnapshot.observing([1], atMilliseconds: 223_000, kibibytes: 120)
        late.observed[0].markBytes = 700 << 10
        harness.look(late)
        harness.look(at: 280_000)
        let windows = told(harness).windows
        #expect(windows.map(\.startsAtMilliseconds) == [160_000, 220_000])
        #expect(
            windows.map { $0.entries.map(\.window) } == [
                [Window(atLeastBytes: 120 << 10, atMostBytes: 700 << 10)],
                [Window(atLeastBytes: 700 << 10, atMostBytes: 700 << 10)],
            ])
    }

    /// A look that comes late does not say what a run held when the minute began: it may have let
    /// go long before, and one that ended may have held anything.
    @Test("after a look that was missed, a minute begins with what is seen in it")
    func missedEdge() {
        for late: Int64 in [220_900, 460_050] {
            let harness = harness()
            harness.look(.observing([1, 2, 3], atMilliseconds: 161_000, kibibytes: 900))
            _ = told(harness)
            var look = HostSnapshot.observing([1], atMilliseconds: late, kibibytes: 50)
            look.ended = HostSnapshot.ending([2]).ended.map { ended in
                var ended = ended
                ended.end.bracket = TimeBracket(
                    notBeforeMilliseconds: 161_000, notAfterMilliseconds: late)
                return ended
            }
            harness.look(look)
            let edge: Int64 = late > 280_000 ? 520_000 : 280_000
            harness.look(at: edge)
            let start = edge - 60_000
            let windows = told(harness).windows.filter { $0.startsAtMilliseconds == start }
            let most = windows.flatMap(\.entries).map(\.window.atLeastBytes)
            let expected: [UInt64] = late > 280_000 ? [0, 50 << 10, 900 << 10] : [0, 50 << 10]
            #expect(most.sorted() == expected, "\(late): \(windows)")
        }
    }

    /// What a process had reached before the agent came says nothing of the minute of its coming.
    @Test("a mark that is found at the first look is no rise")
    func foundMark() {
        let harness = OutboxHarness(
            host: TrueHost.description.with(wallMinusBoot: WindowOutboxTests.wallMinusBoot))
        var first = HostSnapshot.starting([1], atMilliseconds: 130_000, kibibytes: 100)
        first.observed[0].markBytes = 9_000 << 10
        harness.look(first)
        harness.look(at: 160_000)
        let windows = harness.frames().windows
        #expect(
            windows.flatMap(\.entries).map(\.window) == [
                Window(atLeastBytes: 100 << 10, atMostBytes: 9_000 << 10)
            ])
    }

    /// The last part of a minute is told before the end of the run, and a run of one minute leaves
    /// its window to the collector.
    @Test("a run's last window is told before its EXIT")
    func ends() {
        let harness = harness()
        _ = told(harness)
        harness.look(.observing([1], atMilliseconds: 170_000, kibibytes: 800))
        harness.look(.starting([9], atMilliseconds: 171_000, kibibytes: 50, began: 170_500))
        var end = HostSnapshot(takenAtMilliseconds: 180_000)
        end.ended = [1, 9].map { .recorded($0, at: 179_500, markKibibytes: 1_000) }
        harness.look(end)
        let frames = told(harness)
        let exit = frames.firstIndex { !$0.exits.isEmpty }
        let window = frames.firstIndex { !$0.windows.isEmpty }
        #expect(exit != nil && window != nil && window ?? 0 < exit ?? 0)
        #expect(
            frames.windows.flatMap(\.entries).map(\.window) == [
                Window(atLeastBytes: 1_000 << 10, atMostBytes: 1_000 << 10)
            ])
        #expect(frames.windows.map(\.startsAtMilliseconds) == [160_000])
        #expect(harness.outbox.isEverythingAcknowledged)
        #expect(harness.outbox.runs.windows.ended.isEmpty)
    }

    /// Until they are acknowledged windows wait: a session that goes takes none of them with it.
    @Test("what was in flight is told again in the next session")
    func againAfterLoss() {
        let harness = harness()
        let first = harness.frames()
        harness.outbox.sessionClosed()
        harness.outbox.sessionOpened(maximumRuns: 1_000)
        let second = told(harness)
        #expect(
            second.windows.map(\.startsAtMilliseconds) == [-20_000, 40_000]
                && second.windows.map(\.entries.count) == first.windows.map(\.entries.count))
        #expect(second.covered == first.covered)
        harness.outbox.sessionClosed()
        harness.outbox.sessionOpened(maximumRuns: 1_000)
        let third = harness.frames()
        #expect(third.windows.isEmpty && third.covered.isEmpty)
    }

    /// Another store knows nothing that silence could refer to; the same one does.
    @Test("a store that is new gets the windows of all runs with the next minute")
    func anotherStore() {
        let harness = harness()
        _ = told(harness)
        var time: Int64 = 160_000
        // Of the minute in which the change falls the other store does not get all.
        let expected: [(store: UInt64, windows: Int, covered: Int)] = [
            (7, 3, 0), (7, 3, 1), (7, 0, 1), (7, 0, 1), (8, 3, 0), (8, 3, 1), (8, 0, 1),
        ]
        for (store, windows, covered) in expected {
            harness.outbox.sessionClosed()
            harness.outbox.sessionOpened(
                maximumRuns: 1_000, storeID: StoreID(high: 0, low: store))
            time += 60_000
            harness.look(at: time)
            let frames = told(harness)
            #expect(frames.windows.flatMap(\.entries).count == windows, "store \(store)")
            #expect(frames.covered.count == covered)
        }
    }

    /// A state file holds what no collector has, minutes too.
    @Test("windows and coverage are among the frames of a state file")
    func stateFrames() {
        let harness = harness()
        harness.outbox.sessionClosed()
        var runs = StateRuns()
        var frames: [Frame] = []
        harness.outbox.stateFrames { frame in
            let isTaken = runs.apply(frame)
            #expect(isTaken)
            frames.append(frame)
        }
        #expect(frames.windows.map(\.startsAtMilliseconds) == [-20_000, 40_000])
        #expect(frames.covered.count == 2)
        #expect(runs.isStateEnded)
    }

    /// What overlaps a purged stretch does not come back; the next minute is told whole, because
    /// what silence referred to is gone.
    @Test("purged minutes are forgotten")
    func forgets() {
        let harness = harness()
        harness.outbox.forget(
            [TimeBracket(notBeforeMilliseconds: 90_000, notAfterMilliseconds: 99_000)],
            atMilliseconds: 165_000)
        harness.look(at: 220_000)
        let frames = told(harness)
        #expect(frames.windows.map(\.startsAtMilliseconds) == [-20_000, 160_000])
        #expect(frames.windows.last?.entries.count == 3)
        #expect(frames.covered.map(\.startsAtMilliseconds) == [100_000, 160_000])
    }
}

extension HostDescription {
    func with(wallMinusBoot: Int64) -> HostDescription {
        var copy = self
        copy.wallMinusBootMilliseconds = wallMinusBoot
        return copy
    }
}

extension OutboxHarness {
    /// Takes in a look.
    func look(_ snapshot: HostSnapshot) { outbox.apply(snapshot) }

    /// Takes in a look that finds nothing new.
    func look(at time: Int64) { outbox.apply(HostSnapshot(takenAtMilliseconds: time)) }
}

extension HostSnapshot {
    static func starting(
        _ pids: some Sequence<Int32>, atMilliseconds at: Int64, kibibytes: UInt64, began: Int64
    ) -> HostSnapshot {
        var snapshot = starting(pids, atMilliseconds: at, kibibytes: kibibytes)
        for index in snapshot.started.indices {
            snapshot.started[index].description.startedAtMilliseconds = began
        }
        return snapshot
    }
}

extension EndedRun {
    /// An end that the kernel recorded.
    static func recorded(_ pid: Int32, at time: Int64, markKibibytes: UInt64) -> EndedRun {
        EndedRun(
            key: run(pid),
            end: RunEnd(
                bracket: TimeBracket(notBeforeMilliseconds: time, notAfterMilliseconds: time),
                reason: .exited),
            record: ExitFigures(
                markBytes: markKibibytes << 10, processorMilliseconds: nil, faults: nil))
    }
}

extension Frame {
    var windows: [WindowsFrame] { if case .windows(let frame) = self { [frame] } else { [] } }
    var covered: [CoveredFrame.Entry] {
        if case .covered(let frame) = self { frame.entries } else { [] }
    }
}

extension [Frame] {
    var windows: [WindowsFrame] { flatMap(\.windows) }
    var covered: [CoveredFrame.Entry] { flatMap(\.covered) }
}
