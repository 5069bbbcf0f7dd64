import MemoryModel
import TestSupport
import Testing
import Wire

@testable import Agent

@Suite("Registers that wait for their acknowledgement")
struct RegisterOutboxTests {
    private static let limits = FrameLimits(maximumWireBytes: 16_384)
    private static let believed = PeakLimits(memoryTotalBytes: 0)

    private static func register(_ name: RawText, _ bytes: UInt64, at: Int64 = 0) -> TotalRegister {
        TotalRegister(
            subject: TotalSubject(kind: .program, name: name),
            peak: TotalPeak(bytes: bytes, atMilliseconds: at, runCount: 1))
    }

    private static func frames(_ outbox: inout RegisterOutbox) -> [Frame] {
        var frames: [Frame] = []
        while let frame = outbox.nextFrame(limits) {
            frames.append(frame)
            outbox.sent(sequence: UInt64(frames.count))
        }
        return frames
    }

    @Test("an acknowledgement cleans only the version that it is for")
    func versions() {
        var registers = DueRegisters<Int, Int>()
        registers.sessionOpened()
        registers.set(10, for: 1)
        registers.retire(1)
        #expect(registers.take { _, _ in true }.map(\.value) == [10])
        registers.sent(sequence: 1)
        registers.set(11, for: 1)
        registers.acknowledged(throughSequence: 1)
        #expect(registers[1] == 11)
        #expect(registers.take { _, _ in true }.map(\.value) == [11])
        registers.sent(sequence: 2)
        registers.sessionClosed()
        registers.acknowledged(throughSequence: 2)
        #expect(registers[1] == 11)
        registers.sessionOpened()
        #expect(registers.take { _, _ in true }.map(\.value) == [11])
        registers.sent(sequence: 1)
        registers.acknowledged(throughSequence: 1)
        #expect(registers.count == 0)
    }

    @Test("what is held and was acknowledged is due again in a new session")
    func newSession() {
        var registers = DueRegisters<Int, Int>()
        registers.sessionOpened()
        registers.set(10, for: 1)
        #expect(registers.take { _, _ in true }.count == 1)
        registers.sent(sequence: 1)
        registers.acknowledged(throughSequence: 1)
        #expect(!registers.isDue)
        registers.sessionOpened()
        #expect(registers.take { _, _ in true }.count == 1)
        registers.retire(1)
        #expect(registers[1] == 10)
    }

    @Test("sums wait for their turn, and a closed hour does not")
    func turns() {
        var outbox = RegisterOutbox()
        outbox.sessionOpened()
        #expect(RegisterOutboxTests.frames(&outbox).isEmpty)
        outbox.set([RegisterOutboxTests.register("p", 1 << 20)], hour: 7)
        #expect(RegisterOutboxTests.frames(&outbox).isEmpty)
        #expect(outbox.isTurnDue(atMilliseconds: 0))
        outbox.beginTurn(atMilliseconds: 0)
        #expect(RegisterOutboxTests.frames(&outbox).count == 1)
        #expect(!outbox.isTurnDue(atMilliseconds: 9_999))
        #expect(outbox.isTurnDue(atMilliseconds: 10_000))
        outbox.close(hour: 7, [RegisterOutboxTests.register("p", 2 << 20)])
        #expect(RegisterOutboxTests.frames(&outbox).count == 1)
        outbox.acknowledged(throughSequence: 1)
        #expect(outbox.counts.totals == 0)
    }

    @Test("a cgroup's peak lies between the last reading of its mark and the one that found it")
    func cgroupPeak() {
        var outbox = RegisterOutbox()
        outbox.sessionOpened()
        func observe(_ at: Int64, mark: UInt64?, current: UInt64, file: UInt64) -> CgroupRecord? {
            var observation = CgroupObservation(path: "/a", inode: 5, version: 2)
            observation.markBytes = mark
            observation.currentBytes = current
            observation.fileBytes = file
            observation.limitBytes = 1 << 30
            outbox.observe(
                [observation], limits: RegisterOutboxTests.believed, atMilliseconds: at)
            outbox.beginTurn(atMilliseconds: at)
            for case .cgroup(let frame) in RegisterOutboxTests.frames(&outbox) {
                return frame.records.first
            }
            return nil
        }
        #expect(observe(1_000, mark: 4_096, current: 1_024, file: 100)?.peak?.bytes == 4_096)
        #expect(observe(2_000, mark: 4_096, current: 1_024, file: 200) == nil)
        let risen = observe(3_000, mark: 8_192, current: 1_024, file: 300)
        #expect(
            risen?.peak?.peak.bracket
                == TimeBracket(notBeforeMilliseconds: 2_000, notAfterMilliseconds: 3_000))
        #expect(risen?.peak?.peak.source == .cgroup)
        #expect(risen?.peak?.fileBytes == 300)
        #expect(risen?.peak?.limitBytes == 1 << 30)
        let same = observe(4_000, mark: 8_192, current: 2_048, file: 400)
        #expect(same?.currentBytes == 2_048)
        #expect(same?.peak == risen?.peak)
        let unmarked = observe(5_000, mark: nil, current: 16_384, file: 500)
        #expect(unmarked?.peak?.peak.source == .sampled)
        #expect(unmarked?.peak?.peak.bracket?.notBeforeMilliseconds == 5_000)
    }

    @Test("a cgroup that others outlive is forgotten once its last state is acknowledged")
    func goneCgroup() {
        var outbox = RegisterOutbox()
        outbox.sessionOpened()
        func observe(_ paths: [RawText], _ at: Int64) {
            outbox.observe(
                paths.map { CgroupObservation(path: $0, inode: 1, version: 2) },
                limits: RegisterOutboxTests.believed, atMilliseconds: at)
            outbox.beginTurn(atMilliseconds: at)
        }
        observe(["/a", "/b"], 0)
        observe(["/a"], 120_001)
        #expect(outbox.counts.cgroups == 2)
        let count = RegisterOutboxTests.frames(&outbox).count
        #expect(outbox.counts.cgroups == 2)
        outbox.acknowledged(throughSequence: UInt64(count))
        #expect(outbox.counts.cgroups == 1)
    }

    @Test("losses next to each other become one gap until it is sent, and then another one")
    func gaps() {
        var outbox = RegisterOutbox()
        outbox.sessionOpened()
        func lose(_ from: Int64, _ to: Int64, _ count: UInt64?, _ reason: GapReason) {
            let bracket = TimeBracket(notBeforeMilliseconds: from, notAfterMilliseconds: to)
            outbox.add(EventLoss(reason: reason, bracket: bracket, count: count))
        }
        func sent(_ now: Int64) -> [Gap] {
            outbox.beginTurn(atMilliseconds: now)
            return RegisterOutboxTests.frames(&outbox).flatMap { frame -> [Gap] in
                if case .gap(let frame) = frame { frame.gaps } else { [] }
            }
        }
        lose(1_000, 2_000, 5, .exitRecordsLost)
        lose(3_000, 4_000, 7, .exitRecordsLost)
        lose(3_000, 4_000, 1, .processEventsLost)
        lose(100_000, 101_000, 2, .exitRecordsLost)
        let first = sent(101_000)
        #expect(first.map(\.ordinal) == [0, 1, 2])
        #expect(first.map(\.missedCount) == [12, 1, 2])
        #expect(
            first[0].bracket
                == TimeBracket(notBeforeMilliseconds: 1_000, notAfterMilliseconds: 4_000))
        lose(101_000, 102_000, nil, .exitRecordsLost)
        lose(102_000, 103_000, 4, .exitRecordsLost)
        let second = sent(111_000)
        #expect(second.map(\.ordinal) == [3])
        #expect(second.map(\.missedCount) == [nil])
        outbox.sessionOpened()
        #expect(sent(112_000) == first + second)
    }

    @Test("an endless outage is bounded in sums, cgroups, kills and gaps, and what goes is counted")
    func bounds() {
        var outbox = RegisterOutbox()
        for hour in Int64(0)..<40 {
            outbox.set([RegisterOutboxTests.register("p", 1)], hour: hour)
            outbox.close(hour: hour, [])
        }
        #expect(outbox.counts.totals == RegisterOutbox.maximumHours)
        #expect(outbox.overLimitCount == 14)
        for hour in Int64(40)..<46 {
            let registers = (0..<8_000).map {
                RegisterOutboxTests.register(RawText("p\($0)"), UInt64($0 + 2))
            }
            outbox.set(registers, hour: hour)
        }
        #expect(outbox.counts.totals == RegisterOutbox.maximumTotals)
        for number in 0..<2_000 {
            outbox.add(OutOfMemoryKill(atMilliseconds: Int64(number), evidence: .kernelLog))
            let bracket = TimeBracket(
                notBeforeMilliseconds: Int64(number) * 1_000_000,
                notAfterMilliseconds: Int64(number) * 1_000_000)
            outbox.add(EventLoss(reason: .processEventsLost, bracket: bracket, count: 1))
        }
        #expect(outbox.counts.kills == RegisterOutbox.maximumKills)
        #expect(outbox.counts.gaps <= GapRegisters.maximumGaps + GapReason.allCases.count)
        let cgroups = (0..<10_000).map {
            CgroupObservation(path: RawText("/c\($0)"), inode: 1, version: 2)
        }
        let before = outbox.overLimitCount
        for _ in 0..<3 {
            outbox.observe(cgroups, limits: RegisterOutboxTests.believed, atMilliseconds: 1)
        }
        #expect(outbox.counts.cgroups == RegisterOutbox.maximumCgroups)
        #expect(outbox.overLimitCount == before + 10_000 - 8_192)

        outbox.sessionOpened()
        outbox.beginTurn(atMilliseconds: 0)
        var missed: [GapReason: UInt64] = [:]
        for case .gap(let frame) in RegisterOutboxTests.frames(&outbox) {
            for gap in frame.gaps { missed[gap.reason, default: 0] += gap.missedCount ?? 0 }
        }
        #expect(missed == [.processEventsLost: 2_000, .dropped: 2_000 - 1_024])
    }

    @Test("the smallest sums of the oldest hour go first")
    func smallestGo() {
        var outbox = RegisterOutbox()
        for hour in Int64(1)...5 {
            let registers = (0..<8_000).map {
                RegisterOutboxTests.register(RawText("p\($0)"), UInt64($0 + 1) << 10, at: hour)
            }
            outbox.set(registers, hour: hour)
        }
        outbox.sessionOpened()
        var held: [Int64: [UInt64]] = [:]
        for case .totals(let frame) in RegisterOutboxTests.frames(&outbox) {
            for entry in frame.entries {
                held[entry.peak.atMilliseconds ?? 0, default: []].append(entry.peak.bytes >> 10)
            }
        }
        #expect(Set(held.keys) == [1, 2, 3, 4, 5])
        #expect(held[1]?.sorted() == (7_233...8_000).map { UInt64($0) })
        #expect(held[2]?.count == 8_000)
    }

    @Test("an impossible figure of a cgroup is refused and counted")
    func refused() {
        var outbox = RegisterOutbox()
        outbox.sessionOpened()
        var observation = CgroupObservation(path: "/a", inode: 5, version: 1)
        observation.markBytes = 1 << 51
        observation.currentBytes = 4_096
        outbox.observe([observation], limits: RegisterOutboxTests.believed, atMilliseconds: 1)
        #expect(outbox.refusedCount == 1)
        outbox.beginTurn(atMilliseconds: 1)
        guard case .cgroup(let frame)? = outbox.nextFrame(RegisterOutboxTests.limits) else {
            Issue.record("there is a cgroup to tell of")
            return
        }
        #expect(frame.records.first?.peak?.bytes == 4_096)
    }
}
