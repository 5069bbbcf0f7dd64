import MemoryModel
import TestSupport
import Testing
import Wire

@testable import Agent

@Suite("The outbox's limit of memory")
struct OutboxRoomTests {
    /// A look that found runs which came and went, one for each number, of these programs.
    private static func look(
        _ numbers: Range<Int32>, atMilliseconds at: Int64, kibibytes: (Int32) -> UInt64,
        program: (Int32) -> String
    ) -> HostSnapshot {
        var snapshot = HostSnapshot(takenAtMilliseconds: at)
        let bracket = TimeBracket(notBeforeMilliseconds: at - 1_000, notAfterMilliseconds: at)
        for number in numbers {
            let description = RunDescription(program: RawText(program(number)), comm: "c")
            snapshot.completed.append(
                CompletedRun(
                    start: StartedRun(key: run(number), description: description),
                    end: EndedRun(
                        key: run(number), end: RunEnd(bracket: bracket, reason: .exited),
                        record: ExitFigures(
                            markBytes: kibibytes(number) << 10, processorMilliseconds: 1,
                            faults: nil))))
        }
        return snapshot
    }

    private static func sizes(_ number: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: number) &* 2_654_435_761) % 1_000_000 + 1
    }

    @Test("small runs fold first, the largest of each program and hour stay, and all are counted")
    func folding() throws {
        var outbox = Outbox(host: TrueHost.description, memoryLimitBytes: 4 << 20)
        let hours = 5
        for minute in 0..<hours * 60 {
            let first = Int32(minute) * 100 + 1
            outbox.apply(
                OutboxRoomTests.look(
                    first..<first + 100, atMilliseconds: Int64(minute + 1) * 60_000,
                    kibibytes: OutboxRoomTests.sizes, program: { "program-\($0 % 10)" }))
            #expect(outbox.heldBytes <= 4 << 20)
        }
        outbox.sessionOpened(maximumRuns: 65_536)
        var defined: [ProcessKey] = []
        var folds: [Fold] = []
        var counters: [CounterReason: UInt64] = [:]
        while let frame = outbox.nextFrame() {
            defined += frame.defines.map(\.key)
            counters.merge(frame.counters) { $1 }
            if case .fold(let frame) = frame { folds += frame.folds }
        }
        let folded = folds.reduce(0) { $0 + $1.runCount }
        #expect(UInt64(defined.count) + folded == 30_000)
        #expect(counters == [.runsFolded: folded])
        #expect(folds.count == 10)
        #expect(folds.allSatisfy { $0.histogram.total == $0.runCount })
        #expect(defined.count > 3_000)

        let told = Set(defined)
        let offset = TrueHost.wallMinusBootMilliseconds
        var largest: [String: Int32] = [:]
        for number in Int32(1)...30_000 {
            let at = Int64((number - 1) / 100 + 1) * 60_000
            let hour = Totals.hour(atMilliseconds: at, wallMinusBootMilliseconds: offset)
            let name = "\(number % 10) \(hour)"
            let known = largest[name].map(OutboxRoomTests.sizes) ?? 0
            if OutboxRoomTests.sizes(number) > known { largest[name] = number }
        }
        #expect(largest.count >= hours * 10)
        for number in largest.values { #expect(told.contains(run(number))) }
    }

    @Test("a run that was told is not folded, whatever became of the session")
    func toldRuns() {
        let harness = OutboxHarness()
        harness.outbox = Outbox(host: TrueHost.description, memoryLimitBytes: 1 << 20)
        harness.outbox.apply(.starting(1...20, kibibytes: 1))
        harness.outbox.sessionOpened(maximumRuns: 1_000)
        _ = harness.frames()
        harness.outbox.apply(.ending(1...10))
        harness.outbox.sessionClosed()
        harness.outbox.apply(.ending(11...20, atMilliseconds: 3_000))
        for round in Int32(1)...50 {
            harness.outbox.apply(
                OutboxRoomTests.look(
                    round * 1_000..<round * 1_000 + 1_000, atMilliseconds: 4_000,
                    kibibytes: { _ in 5_000 }, program: { _ in "p" }))
        }
        #expect(harness.outbox.foldCount == 1)
        for pid in Int32(1)...20 { #expect(harness.outbox[run(pid)]?.end != nil) }
    }

    @Test("what cannot fold is dropped, the smallest first, counted and said in a gap")
    func dropping() {
        let limit = 2 << 20
        var outbox = Outbox(host: TrueHost.description, memoryLimitBytes: limit)
        for round in Int32(0)..<100 {
            outbox.apply(
                OutboxRoomTests.look(
                    round * 200 + 1..<round * 200 + 201,
                    atMilliseconds: Int64(round + 1) * 1_000, kibibytes: { UInt64($0) },
                    program: { "program \($0)" }))
            #expect(outbox.heldBytes <= limit)
        }
        outbox.sessionOpened(maximumRuns: 65_536)
        var frames: [Frame] = []
        while let frame = outbox.nextFrame() { frames.append(frame) }
        let told = frames.flatMap(\.defines).map(\.key.pid).sorted()
        #expect(told.count > 500)
        #expect(told == Array(20_001 - Int32(told.count)...20_000))
        let dropped = UInt64(20_000 - told.count)
        #expect(frames.last?.counters == [.runsDropped: dropped])
        var missed: UInt64 = 0
        for case .gap(let frame) in frames {
            #expect(frame.gaps.allSatisfy { $0.reason == .dropped })
            missed += frame.gaps.reduce(0) { $0 + ($1.missedCount ?? 0) }
        }
        #expect(missed == dropped)
    }

    @Test("runs that live are never given up, and leave those that ended an eighth of the limit")
    func livingRuns() {
        var outbox = Outbox(host: TrueHost.description, memoryLimitBytes: 1 << 20)
        outbox.apply(.starting(1...5_000))
        outbox.apply(
            OutboxRoomTests.look(
                10_000..<10_100, atMilliseconds: 2_000, kibibytes: { UInt64($0) },
                program: { "program \($0)" }))
        #expect(outbox.liveCount == 5_000)
        #expect(outbox.runCount == 5_100)
    }

    @Test("after an outage, when all is acknowledged, hardly anything is held any more")
    func givingBack() {
        let harness = OutboxHarness(maximumRuns: 65_536)
        harness.outbox.sessionClosed()
        for round in Int32(0)..<30 {
            harness.outbox.apply(
                OutboxRoomTests.look(
                    round * 1_000 + 1..<round * 1_000 + 1_001,
                    atMilliseconds: Int64(round + 1) * 1_000, kibibytes: OutboxRoomTests.sizes,
                    program: { "program \($0)" }))
        }
        let before = harness.outbox.heldBytes
        #expect(before > 10 << 20)
        harness.outbox.sessionOpened(maximumRuns: 65_536)
        _ = harness.frames()
        harness.outbox.acknowledged(throughSequence: harness.sequence)
        #expect(harness.outbox.runCount == 0)
        #expect(harness.outbox.heldBytes < before / 20)
    }

    @Test("a fold is told again until it is acknowledged, and never changes after it was told")
    func foldAgain() {
        let harness = OutboxHarness()
        harness.outbox = Outbox(host: TrueHost.description, memoryLimitBytes: 512 << 10)
        func grow(_ first: Int32) {
            harness.outbox.apply(
                OutboxRoomTests.look(
                    first..<first + 5_000, atMilliseconds: 2_000, kibibytes: { UInt64($0) },
                    program: { _ in "p" }))
        }
        func folds() -> [Fold] {
            harness.frames().flatMap { frame -> [Fold] in
                if case .fold(let frame) = frame { frame.folds } else { [] }
            }
        }
        grow(1)
        harness.outbox.sessionOpened(maximumRuns: 10_000)
        let first = folds()
        #expect(first.count == 1)
        harness.outbox.sessionClosed()
        grow(10_000)
        #expect(harness.outbox.foldCount == 2)
        harness.outbox.sessionOpened(maximumRuns: 10_000)
        let both = folds()
        #expect(both.count == 2)
        #expect(both.first == first.first)
        #expect(Set(both.map(\.ordinal)).count == 2)
        harness.outbox.acknowledged(throughSequence: harness.sequence)
        #expect(harness.outbox.foldCount == 0)
    }
}
