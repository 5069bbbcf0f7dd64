import MemoryModel
import Testing
import Wire

@testable import Agent

@Suite("The outbox and RESET")
struct OutboxForgetTests {
    private static let purged = [
        TimeBracket(notBeforeMilliseconds: 500, notAfterMilliseconds: 5_500)
    ]

    private func look(
        _ pids: some Sequence<Int32>, at: Int64, kibibytes: UInt64, markKibibytes: UInt64
    ) -> HostSnapshot {
        var snapshot = HostSnapshot.observing(pids, atMilliseconds: at, kibibytes: kibibytes)
        for index in snapshot.observed.indices {
            snapshot.observed[index].markBytes = markKibibytes << 10
        }
        return snapshot
    }

    @Test("a run that lives begins anew, and the kernel's mark counts when it is above the old one")
    func livingRun() throws {
        let harness = OutboxHarness()
        _ = harness.frames(after: .starting([1, 2], atMilliseconds: 100, kibibytes: 10))
        _ = harness.frames(after: look([1], at: 1_000, kibibytes: 900, markKibibytes: 1_000))
        _ = harness.frames(after: look([1], at: 6_000, kibibytes: 50, markKibibytes: 1_000))
        harness.outbox.forget(OutboxForgetTests.purged, atMilliseconds: 6_500)
        let anew = try #require(harness.outbox[run(1)]?.peak)
        #expect(anew.bytes == 50 << 10)
        #expect(
            anew.bracket
                == TimeBracket(notBeforeMilliseconds: 6_500, notAfterMilliseconds: 6_500))
        // The other one had its peak before.
        #expect(harness.outbox[run(2)]?.peak?.bracket?.notAfterMilliseconds == 100)
        var told: [PeaksFrame.Entry] = []
        for case .peaks(let frame) in harness.frames() { told += frame.entries }
        #expect(told.map(\.peak) == [anew])

        _ = harness.frames(after: look([1], at: 7_000, kibibytes: 70, markKibibytes: 1_000))
        #expect(harness.outbox[run(1)]?.peak?.bytes == 70 << 10)
        #expect(harness.outbox[run(1)]?.peak?.source == .sampled)
        _ = harness.frames(after: look([1], at: 8_000, kibibytes: 70, markKibibytes: 1_001))
        let risen = try #require(harness.outbox[run(1)]?.peak)
        #expect(risen.bytes == 1_001 << 10)
        #expect(risen.source == .hwm)
        #expect(
            risen.bracket
                == TimeBracket(notBeforeMilliseconds: 7_000, notAfterMilliseconds: 8_000))
    }

    @Test("the record of the exit brings a forgotten mark back only if it is above it")
    func exitRecord() {
        for (markKibibytes, expected) in [(1_000, 50), (1_001, 1_001)] as [(UInt64, UInt64)] {
            let harness = OutboxHarness()
            _ = harness.frames(after: .starting([1], atMilliseconds: 1_000, kibibytes: 1_000))
            _ = harness.frames(after: look([1], at: 6_000, kibibytes: 50, markKibibytes: 1_000))
            harness.outbox.forget(OutboxForgetTests.purged, atMilliseconds: 6_500)
            var snapshot = HostSnapshot.ending([1], atMilliseconds: 7_000)
            snapshot.ended[0].record = ExitFigures(
                markBytes: markKibibytes << 10, processorMilliseconds: nil, faults: nil)
            harness.outbox.apply(snapshot)
            let record = harness.outbox[run(1)]
            #expect(record?.peak?.bytes == expected << 10)
            // That there was nothing greater since, the old mark cannot say.
            #expect(record?.flags.contains(.peakIsFinal) == (markKibibytes == 1_001))
        }
    }

    @Test("an ended run that waits is told without its peak")
    func endedRun() {
        let harness = OutboxHarness()
        harness.outbox.sessionClosed()
        harness.outbox.apply(.starting([1, 2], atMilliseconds: 1_000))
        harness.outbox.apply(.ending([1]))
        harness.outbox.apply(.ending([2]))
        harness.outbox.forget(OutboxForgetTests.purged, atMilliseconds: 6_500)
        harness.outbox.sessionOpened(maximumRuns: 10)
        let frames = harness.frames()
        #expect(frames.flatMap(\.exits).count == 2)
        for case .peaks(let frame) in frames {
            #expect(frame.entries.allSatisfy { $0.peak == nil })
        }
        harness.outbox.acknowledged(throughSequence: harness.sequence)
        #expect(harness.outbox.runCount == 0)
    }

    @Test("a run whose end is on its way is forgotten with its acknowledgement all the same")
    func inFlight() {
        let harness = OutboxHarness()
        _ = harness.frames(after: .starting([1], atMilliseconds: 1_000))
        _ = harness.frames(after: .ending([1]))
        harness.outbox.forget(OutboxForgetTests.purged, atMilliseconds: 6_500)
        harness.outbox.acknowledged(throughSequence: harness.sequence)
        #expect(harness.outbox.runCount == 0)
    }

    @Test("sums begin anew with what there is, and a cgroup's mark waits until it rises")
    func registers() {
        let harness = OutboxHarness()
        func cgroup(_ at: Int64, mark: UInt64, current: UInt64) -> HostSnapshot {
            var snapshot = HostSnapshot(takenAtMilliseconds: at)
            var seen = CgroupObservation(path: "/a", inode: 1, version: 2)
            seen.markBytes = mark
            seen.currentBytes = current
            snapshot.cgroups = [seen]
            return snapshot
        }
        var large = cgroup(1_000, mark: 9_000, current: 8_000)
        large.started = HostSnapshot.starting([1]).started
        large.observed = HostSnapshot.starting([1], kibibytes: 900).observed
        _ = harness.frames(after: large)
        _ = harness.frames(after: .observing([1], atMilliseconds: 6_000, kibibytes: 40))
        harness.outbox.forget(OutboxForgetTests.purged, atMilliseconds: 6_500)
        harness.outbox.apply(cgroup(7_000, mark: 9_000, current: 500))
        harness.outbox.hurry(atMilliseconds: 7_000)
        var sums: Set<UInt64> = []
        var marks: [CgroupPeak?] = []
        func take() {
            for frame in harness.frames() {
                if case .totals(let frame) = frame {
                    sums.formUnion(frame.entries.map(\.peak.bytes))
                }
                if case .cgroup(let frame) = frame { marks += frame.records.map(\.peak) }
            }
        }
        take()
        #expect(sums == [40 << 10])
        #expect(marks.map { $0?.bytes } == [8_000])
        #expect(marks.first??.peak.bracket?.notBeforeMilliseconds == 6_500)
        harness.outbox.apply(cgroup(8_000, mark: 9_001, current: 500))
        harness.outbox.hurry(atMilliseconds: 8_000)
        take()
        #expect(marks.last??.bytes == 9_001)
        #expect(marks.last??.peak.source == .cgroup)
    }
}
