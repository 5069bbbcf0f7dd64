import MemoryModel
import Wire

// Frames about a whole host.
extension RandomFrames {
    private mutating func count(upTo maximum: Int) -> Int {
        Int.random(in: 1...maximum, using: &random)
    }

    mutating func reset() -> ResetFrame {
        ResetFrame(stretches: (0..<count(upTo: 64)).map { _ in bracket() })
    }

    mutating func folds() -> FoldFrame {
        let ordinals = Set((0..<count(upTo: 40)).map { _ in number() })
        return FoldFrame(folds: ordinals.sorted().map { fold($0) })
    }

    private mutating func fold(_ ordinal: UInt64) -> Fold {
        var fold = Fold(
            ordinal: ordinal,
            subject: FoldSubject(
                program: text(upTo: 40), user: optional(text(upTo: 20)),
                cgroup: optional(text(upTo: 40))))
        for _ in 0..<Int.random(in: 0...20, using: &random) {
            let step = UInt16.random(in: 0..<PeakHistogram.stepLimit, using: &random)
            fold.histogram.add(count: 1 + number(upTo: 1 << 32), atStep: step)
        }
        fold.runCount = max(1, fold.histogram.total) + number(upTo: 1 << 32)
        let source = PeakSource.allCases.randomElement(using: &random) ?? .exit
        fold.peak = optional(Peak(bytes: memory(), bracket: bracket(), source: source))
        fold.sumOfPeaksBytes = memory()
        fold.bracket = bracket()
        fold.processorMilliseconds = number()
        fold.failureCount = number(upTo: fold.runCount)
        fold.killCount = number(upTo: fold.runCount)
        return fold
    }

    mutating func totals() -> TotalsFrame {
        TotalsFrame(
            entries: (0..<count(upTo: 60)).map { _ in
                let kind = TotalKind.allCases.randomElement(using: &random) ?? .host
                let isNamed = kind != .host && kind != .hostUsed
                let shares = (0..<Int.random(in: 0...10, using: &random)).map { _ in
                    TotalShare(key: key(), residentBytes: memory())
                }
                return TotalEvent(
                    subject: TotalSubject(kind: kind, name: isNamed ? text(upTo: 40) : ""),
                    peak: TotalPeak(
                        bytes: memory(), atMilliseconds: time(), runCount: number(),
                        composition: kind == .hostUsed
                            ? shares.sorted { $0.residentBytes > $1.residentBytes } : []))
            })
    }

    mutating func cgroups() -> CgroupFrame {
        CgroupFrame(
            records: (0..<count(upTo: 40)).map { _ in
                var record = CgroupRecord(
                    key: CgroupKey(path: text(upTo: 60), inode: number()),
                    version: flip() ? 1 : 2)
                let peak = Peak(
                    bytes: memory(), bracket: bracket(), source: flip() ? .sampled : .cgroup)
                record.peak = optional(
                    CgroupPeak(
                        peak: peak, limitBytes: optional(memory()),
                        anonymousBytes: optional(memory()), fileBytes: optional(memory())))
                record.swapPeakBytes = optional(memory())
                record.currentBytes = optional(memory())
                record.limitBytes = optional(memory())
                record.killCount = optional(number(upTo: .max - 1))
                record.seenAtMilliseconds = optional(time())
                return record
            })
    }

    mutating func kills() -> OutOfMemoryFrame {
        OutOfMemoryFrame(
            kills: (0..<count(upTo: 40)).map { _ in
                var kill = OutOfMemoryKill(
                    atMilliseconds: time(),
                    evidence: KillEvidence(rawValue: UInt8.random(in: 0...7, using: &random)))
                kill.run = optional(key())
                kill.pid = kill.run?.pid ?? optional(key().pid)
                kill.comm = optional(text(upTo: 16))
                kill.constraint = optional(
                    MemoryConstraint.allCases.randomElement(using: &random) ?? .host)
                kill.limitCgroup = optional(text(upTo: 40))
                kill.cgroup = flip() ? kill.limitCgroup : optional(text(upTo: 40))
                kill.limitBytes = optional(memory())
                kill.residentBytes = optional(memory())
                kill.lastPeakBytes = optional(memory())
                return kill
            })
    }

    mutating func health() -> HealthFrame {
        var health = AgentHealth(atMilliseconds: time(), startedAtMilliseconds: time())
        health.processorMilliseconds = number()
        health.residentBytes = optional(memory())
        health.anonymousBytes = optional(memory())
        health.peakBytes = optional(memory())
        health.askedIntervalMilliseconds = UInt32(number(upTo: UInt64(UInt32.max)))
        health.intervalMilliseconds = UInt32(number(upTo: UInt64(UInt32.max)))
        health.lookMicroseconds = number()
        health.longestLookMicroseconds = number()
        health.runCount = number()
        health.sources = AgentSources(rawValue: UInt32.random(in: 0...63, using: &random))
        return HealthFrame(health: health)
    }

    private mutating func length() -> WindowLength { flip() ? .minute : .hour }

    mutating func windows() -> WindowsFrame {
        let length = length()
        return WindowsFrame(
            length: length, startsAtMilliseconds: windowStart(length),
            entries: slots(upTo: 100).map { slot in
                let atLeast = memory()
                let room = (1 << 54) - 1 - atLeast >> 10
                return WindowsFrame.Entry(
                    slot: slot,
                    window: Window(
                        atLeastBytes: atLeast,
                        atMostBytes: optional(atLeast + number(upTo: room) << 10)))
            })
    }

    mutating func covered() -> CoveredFrame {
        let length = length()
        let starts = Set((0..<count(upTo: 60)).map { _ in windowStart(length) })
        return CoveredFrame(
            length: length,
            entries: starts.sorted().map {
                CoveredFrame.Entry(startsAtMilliseconds: $0, liveCount: number())
            })
    }

    private mutating func windowStart(_ length: WindowLength) -> Int64 {
        Int64(number(upTo: UInt64(Int64.max) - 1)) + 1 - length.milliseconds
    }

    mutating func gaps() -> GapFrame {
        let ordinals = Set((0..<count(upTo: 60)).map { _ in number() })
        return GapFrame(
            gaps: ordinals.sorted().map { ordinal in
                Gap(
                    ordinal: ordinal,
                    reason: GapReason.allCases.randomElement(using: &random) ?? .dropped,
                    bracket: bracket(), missedCount: optional(number(upTo: .max - 1)))
            })
    }
}
