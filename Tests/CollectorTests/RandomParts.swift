import MemoryModel
import TestSupport
import Wire

/// What agents could say of one host, in parts that need no others.
///
/// Nothing of the present is among it, which the last writer decides, and each run ends in one way.
struct RandomParts {
    private(set) var parts: [EventOrderTests.Part] = []
    private var random: SeededGenerator
    private var nextOrdinals: [UInt64: UInt64] = [:]

    private static let epochs: [UInt64] = [7, .max - 3]
    private static let runCount: Int32 = 12

    init(using generator: inout SeededGenerator) {
        random = generator
        for pid in 1...RandomParts.runCount { addRun(pid) }
        for _ in 0..<8 { addFold() }
        for ordinal in 0..<6 { addGap(UInt64(ordinal)) }
        // Each kind at least once, so that no table stays empty.
        for kind in TotalKind.allCases { addTotal(kind) }
        for _ in 0..<14 {
            addTotal(TotalKind.allCases[.random(in: 0..<TotalKind.allCases.count, using: &random)])
        }
        for _ in 0..<8 { addCounter() }
        for _ in 0..<8 { addCovered() }
        for _ in 0..<8 { addCgroup() }
        for _ in 0..<6 { addKill() }
        generator = random
    }

    private mutating func add(_ events: SessionEvent..., epoch: UInt64? = nil) {
        parts.append(
            EventOrderTests.Part(epoch: epoch ?? anyEpoch(), events: events))
    }

    // MARK: Chance

    private mutating func anyEpoch() -> UInt64 {
        RandomParts.epochs[Int.random(in: 0..<RandomParts.epochs.count, using: &random)]
    }

    private mutating func chance(_ count: Int) -> Bool {
        Int.random(in: 0..<count, using: &random) == 0
    }

    /// Few sizes, so that some are equal.
    private mutating func bytes() -> UInt64 { UInt64.random(in: 1...40, using: &random) << 20 }

    private mutating func time() -> Int64 { Int64.random(in: 1_000...90_000, using: &random) }

    private mutating func bracket() -> TimeBracket {
        let end = time()
        return TimeBracket(
            notBeforeMilliseconds: .random(in: 0...end, using: &random), notAfterMilliseconds: end)
    }

    private mutating func peak() -> Peak {
        let sources = PeakSource.allCases
        return Peak(
            bytes: bytes(), bracket: bracket(),
            source: sources[Int.random(in: 0..<sources.count, using: &random)])
    }

    private mutating func ordinal(_ epoch: UInt64) -> UInt64 {
        defer { nextOrdinals[epoch, default: 0] += 1 }
        return nextOrdinals[epoch, default: 0]
    }

    // MARK: Runs

    private mutating func addRun(_ pid: Int32) {
        let key = run(pid)
        var description = RunDescription(program: RawText("p\(pid % 3)"), comm: "c")
        // Longer than a minute, so that no window is made of a peak that came too late for it.
        description.startedAtMilliseconds = -100_000
        var flags: RunFlags = []
        for flag in [RunFlags.markFell, .startIsEstimated] where chance(2) { flags.insert(flag) }
        let definition = SessionEvent.define([
            StartedRun(key: key, description: description, flags: flags)
        ])
        for _ in 0..<Int.random(in: 1...5, using: &random) {
            let swap = chance(2) ? bytes() : nil
            add(
                definition, .peaks([PeakEvent(key: key, peak: peak(), swapPeakBytes: swap)]))
        }
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            add(definition, .windows(window(of: key)))
        }
        guard chance(2) else { return }
        let epoch = anyEpoch()
        let end = ExitEvent(
            key: key, end: RunEnd(bracket: bracket(), reason: .exited, exitCode: 1),
            processorMilliseconds: UInt64(time()),
            faults: FaultCounts(minor: bytes(), major: bytes()), ordinal: ordinal(epoch))
        add(definition, .exits([end]), epoch: epoch)
    }

    private mutating func window(of key: ProcessKey) -> WindowsEvent {
        let minute = Int64.random(in: 0...2, using: &random)
        let atLeast = bytes()
        let atMost = chance(4) ? nil : atLeast + (chance(2) ? 0 : bytes())
        return WindowsEvent(
            length: chance(5) ? .hour : .minute, startsAtMilliseconds: minute * 60_000 - 120_000,
            windows: [key: Window(atLeastBytes: atLeast, atMostBytes: atMost)])
    }

    private mutating func addCovered() {
        let minute = Int64.random(in: 0...2, using: &random)
        add(
            .covered(
                CoveredFrame(
                    length: .minute,
                    entries: [
                        .init(
                            startsAtMilliseconds: minute * 60_000 - 120_000,
                            liveCount: bytes() >> 20)
                    ])))
    }

    private mutating func addFold() {
        let epoch = anyEpoch()
        var fold = Fold(
            ordinal: ordinal(epoch),
            subject: FoldSubject(program: RawText("p\(time() % 3)"), user: "u", cgroup: nil))
        for pid in 1...Int32.random(in: 1...4, using: &random) {
            var record = RunRecord(
                key: run(pid), description: RunDescription(program: "p", comm: "c"))
            record.peak = chance(4) ? nil : peak()
            record.end = RunEnd(bracket: bracket(), reason: .exited)
            fold.add(record)
        }
        add(.folds([fold]), epoch: epoch)
    }

    // MARK: Registers

    private mutating func addGap(_ ordinal: UInt64) {
        let reasons = GapReason.allCases
        let gap = Gap(
            ordinal: ordinal, reason: reasons[Int.random(in: 0..<reasons.count, using: &random)],
            bracket: bracket(), missedCount: chance(3) ? nil : bytes())
        add(.gaps([gap]))
    }

    private mutating func addTotal(_ kind: TotalKind) {
        let hasName = kind != .host && kind != .hostUsed
        let subject = TotalSubject(kind: kind, name: hasName ? RawText("n\(time() % 2)") : "")
        var peak = TotalPeak(
            bytes: bytes(), atMilliseconds: time(), runCount: bytes() >> 20)
        if kind == .hostUsed {
            peak.composition = [TotalShare(key: run(1), residentBytes: peak.bytes)]
        }
        add(.totals([TotalEvent(subject: subject, peak: peak)]))
    }

    private mutating func addCounter() {
        add(.counters([.vanished: bytes(), .unreadable: bytes()]))
    }

    private mutating func addCgroup() {
        let key = CgroupKey(path: RawText("/c\(time() % 2)"), inode: 1)
        var record = CgroupRecord(key: key, version: 2)
        record.peak = CgroupPeak(
            peak: Peak(bytes: bytes(), bracket: bracket(), source: .cgroup),
            limitBytes: bytes(), anonymousBytes: bytes(), fileBytes: nil)
        record.swapPeakBytes = bytes()
        record.killCount = bytes()
        record.seenAtMilliseconds = 90_000
        add(.cgroups([record]))
    }

    private mutating func addKill() {
        let pid = Int32.random(in: 1...3, using: &random)
        var kill = OutOfMemoryKill(
            atMilliseconds: Int64(pid) * 1_000, evidence: chance(2) ? .kernelLog : .cgroupEvents)
        kill.pid = pid
        kill.run = chance(2) ? run(pid) : nil
        kill.residentBytes = chance(2) ? UInt64(pid) << 20 : nil
        add(.kills([kill]))
    }
}
