import MemoryModel
import PeakStore
import TestSupport

@testable import SQLiteStore

/// Everything that a store keeps beside hosts and runs, without an order.
struct Facts: Equatable {
    var totals: Set<StoredTotal>
    var cgroups: Set<StoredCgroup>
    var kills: Set<StoredKill>
    var gaps: Set<StoredGap>
    var folds: Set<StoredFold>
    var health: [HostID: StoredHealth]

    init(_ store: SQLiteStore) throws {
        let kinds = Set(TotalKind.allCases)
        totals = Set(
            try store.totals(
                of: kinds, sinceMilliseconds: nil, untilMilliseconds: nil, limit: .max))
        cgroups = Set(
            try store.cgroups(sinceMilliseconds: nil, untilMilliseconds: nil, limit: .max))
        kills = Set(try store.kills(sinceMilliseconds: nil, untilMilliseconds: nil, limit: .max))
        gaps = Set(try store.gaps(sinceMilliseconds: nil, untilMilliseconds: nil, limit: .max))
        folds = Set(try store.folds(sinceMilliseconds: nil, untilMilliseconds: nil, limit: .max))
        health = try store.health()
    }

    init(_ facts: MergedFacts) {
        totals = Set(facts.totals.values)
        cgroups = Set(facts.cgroups.values)
        kills = Set(facts.kills.values)
        gaps = Set(facts.gaps.values)
        folds = Set(facts.folds.values)
        health = facts.health
    }
}

/// Facts with few keys and few values, so that they meet and tie often.
///
/// Where a rule keeps the first or the last of two copies, the value follows from what they are
/// compared by, so that every order must give the same.
struct RandomFacts {
    private var generator: SeededGenerator

    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    /// Facts of every kind, and the runs that kills are of.
    mutating func batch() -> CommitBatch {
        var batch = CommitBatch()
        for _ in 0..<20 {
            batch.runs.append(plainRun(boot: boot(), pid: Int32(number(4)) + 1))
            batch.totals.append(total())
            batch.cgroups.append(cgroup())
            batch.kills.append(kill())
            batch.gaps.append(gap())
            batch.folds.append(fold())
            batch.health.append(health())
        }
        return batch
    }

    private mutating func total() -> StoredTotal {
        let hour = Int64(number(3) - 1) * StoredTotal.hourLengthMilliseconds
        let offset = optional(3).map { Int64($0) }
        var peak = TotalPeak(
            bytes: UInt64(number(3)), atMilliseconds: offset.map { hour + $0 },
            runCount: UInt64(number(3)))
        let kind = TotalKind.allCases[number(TotalKind.allCases.count)]
        let isOfHost = kind == .host || kind == .hostUsed
        let subject = TotalSubject(kind: kind, name: isOfHost ? "" : RawText("name-\(number(2))"))
        if subject.kind == .hostUsed {
            // As many shares as tell the tuple apart: a leftover one would be seen.
            peak.composition = (0..<(peak.bytes + UInt64((offset ?? 3) + 1))).map {
                TotalShare(
                    key: ProcessKey(pid: Int32($0), startTicks: .max - peak.runCount),
                    residentBytes: peak.bytes)
            }
        }
        return StoredTotal(
            host: host(), boot: BootID(high: peak.bytes, low: peak.runCount), subject: subject,
            hourMilliseconds: hour, peak: peak)
    }

    private mutating func cgroup() -> StoredCgroup {
        let key = CgroupKey(path: RawText("/c\(number(2))"), inode: UInt64(number(2)) &- 1)
        let seen = optional(5)
        var record = CgroupRecord(key: key, version: seen.map { $0 > 2 ? 2 : 1 } ?? 1)
        record.currentBytes = seen.map { $0 * 10 }
        record.limitBytes = seen == 3 ? nil : 7
        record.seenAtMilliseconds = seen.map { Int64($0) }
        record.swapPeakBytes = optional(4)
        record.killCount = optional(4)
        if !generator.one(in: 4) {
            let bracket = optional(3).map {
                TimeBracket(
                    notBeforeMilliseconds: Int64(number(3)), notAfterMilliseconds: Int64($0) + 2)
            }
            record.peak = CgroupPeak(
                peak: Peak(
                    bytes: UInt64(number(2)), bracket: bracket,
                    source: generator.one(in: 2) ? .cgroup : .sampled),
                limitBytes: optional(2), anonymousBytes: optional(2), fileBytes: optional(2))
        }
        return StoredCgroup(host: host(), boot: boot(), record: record)
    }

    private mutating func kill() -> StoredKill {
        let at = Int64(number(3))
        var kill = OutOfMemoryKill(
            atMilliseconds: at, evidence: KillEvidence(rawValue: UInt8(number(8))))
        kill.pid = optional(3).map { Int32($0) + 1 }
        let pid = (kill.pid ?? 3) + 1
        kill.run = present(ProcessKey(pid: pid, startTicks: 7))
        kill.comm = present(RawText("comm-\(pid)"))
        kill.constraint = present(MemoryConstraint.allCases[Int(at)])
        kill.limitCgroup = present("/limit")
        kill.limitBytes = present(UInt64(pid) << 20)
        kill.cgroup = present("/of")
        kill.residentBytes = present(UInt64(pid) << 10)
        kill.lastPeakBytes = present(UInt64(pid))
        return StoredKill(
            host: hostID("alpha"), boot: boot(), kill: kill, atMilliseconds: present(at + 1_000))
    }

    private mutating func gap() -> StoredGap {
        let ordinal = UInt64(number(4)) &- 2
        let bracket = TimeBracket(
            notBeforeMilliseconds: Int64(ordinal % 5), notAfterMilliseconds: 5)
        return StoredGap(
            host: host(), epoch: UInt64(number(2)) &- 1,
            gap: Gap(
                ordinal: ordinal, reason: GapReason.allCases[Int(ordinal % 4)],
                bracket: present(bracket), missedCount: ordinal == 0 ? nil : ordinal / 2))
    }

    /// A fold whose content follows from its key, as it never changes.
    private mutating func fold() -> StoredFold {
        let (host, epoch, ordinal) = (host(), UInt64(number(2)) &- 1, UInt64(number(12)))
        var fold = Fold(
            ordinal: ordinal,
            subject: FoldSubject(
                program: RawText("p\(ordinal % 3)"), user: ordinal % 2 == 0 ? nil : "u",
                cgroup: ordinal % 5 == 0 ? "/c" : nil))
        for number in 0..<ordinal {
            fold.runCount += 1
            fold.histogram.add(bytes: number << 20)
            fold.sumOfPeaksBytes += number << 20
            fold.peak = Peak(
                bytes: number << 20,
                bracket: number % 3 == 0
                    ? nil
                    : TimeBracket(
                        notBeforeMilliseconds: Int64(number), notAfterMilliseconds: Int64(number)),
                source: .exit)
        }
        if ordinal % 4 > 0 {
            fold.bracket = TimeBracket(
                notBeforeMilliseconds: Int64(ordinal), notAfterMilliseconds: Int64(ordinal) + 2)
        }
        fold.processorMilliseconds = ordinal
        fold.failureCount = ordinal / 2
        fold.killCount = ordinal / 3
        return StoredFold(
            host: host, boot: BootID(high: ordinal % 2, low: 5), epoch: epoch, fold: fold)
    }

    private mutating func health() -> StoredHealth {
        let at = Int64(number(9))
        var health = AgentHealth(atMilliseconds: at, startedAtMilliseconds: at - 5)
        health.processorMilliseconds = UInt64(at) * 3
        health.residentBytes = at == 0 ? nil : UInt64(at)
        health.sources = AgentSources(rawValue: UInt32(at))
        return StoredHealth(host: host(), epoch: UInt64(at) &- 4, health: health)
    }

    private mutating func host() -> HostID { hostID(generator.one(in: 2) ? "alpha" : "beta") }

    private mutating func boot() -> BootID { BootID(high: UInt64(number(2)), low: 5) }

    private mutating func present<Value>(_ value: Value) -> Value? {
        generator.one(in: 3) ? nil : value
    }

    private mutating func optional(_ count: Int) -> UInt64? {
        generator.one(in: 3) ? nil : UInt64(number(count))
    }

    private mutating func number(_ count: Int) -> Int {
        Int.random(in: 0..<count, using: &generator)
    }
}
