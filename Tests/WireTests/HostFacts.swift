import MemoryModel
import Wire

/// One of each frame about a whole host, and the events that they become.
enum HostFacts {
    static let total = TotalEvent(
        subject: TotalSubject(kind: .user, name: "ada"),
        peak: TotalPeak(bytes: 1 << 20, atMilliseconds: 5_000, runCount: 3))
    static let cgroup = CgroupRecord(key: CgroupKey(path: "/a", inode: 7), version: 2)
    static let kill = OutOfMemoryKill(atMilliseconds: 5_000, evidence: .kernelLog)
    static let health = AgentHealth(atMilliseconds: 5_000, startedAtMilliseconds: 1)
    static let gap = Gap(
        ordinal: 4, reason: .agentDown,
        bracket: TimeBracket(notBeforeMilliseconds: 1, notAfterMilliseconds: 2), missedCount: nil)

    static let covered = CoveredFrame(
        length: .minute, entries: [.init(startsAtMilliseconds: -1_000, liveCount: 2)])

    static let frames: [Frame] = [
        .totals(TotalsFrame(entries: [total])), .cgroup(CgroupFrame(records: [cgroup])),
        .outOfMemory(OutOfMemoryFrame(kills: [kill])), .health(HealthFrame(health: health)),
        .gap(GapFrame(gaps: [gap])), .covered(covered),
    ]

    static let events: [SessionEvent] = [
        .totals([total]), .cgroups([cgroup]), .kills([kill]), .health(health), .gaps([gap]),
        .covered(covered),
    ]
}
