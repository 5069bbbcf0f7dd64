import Collector
import MemoryModel
import PeakStore
import TestSupport
import Testing
import Wire

@Suite("What a collector keeps of a host beside its runs")
struct HostFactsTests {
    @Test("times since boot become UTC, and a sum belongs to the hour in which it was reached")
    func times() throws {
        let store = MemoryStore()
        var host = HostHarness()
        host.apply(.total(bytes: 5, atMilliseconds: 50_000))
        host.apply(.cgroups([.sample(bytes: 7, atMilliseconds: 60_000)]))
        host.apply(.kills([.sample(pid: 3, atMilliseconds: 70_000)]))
        host.apply(.gaps([.sample(0, atMilliseconds: 80_000)]))
        host.apply(.health(.sample(atMilliseconds: 90_000)))
        try host.commit(to: store)
        let total = try #require(store.facts.totals.values.first)
        #expect(total.boot == BootID(high: 0, low: 1))
        #expect(total.peak.atMilliseconds == wallMinusBoot + 50_000)
        #expect(total.hourMilliseconds == (wallMinusBoot + 50_000) / 3_600_000 * 3_600_000)
        let cgroup = try #require(store.facts.cgroups.values.first?.record)
        #expect(cgroup.seenAtMilliseconds == wallMinusBoot + 60_000)
        #expect(cgroup.peak?.peak.bracket?.notAfterMilliseconds == wallMinusBoot + 60_000)
        let kill = try #require(store.facts.kills.values.first)
        #expect(kill.kill.atMilliseconds == 70_000)
        #expect(kill.atMilliseconds == wallMinusBoot + 70_000)
        let gap = try #require(store.facts.gaps.values.first)
        #expect(gap.epoch == 1)
        #expect(gap.gap.bracket?.notBeforeMilliseconds == wallMinusBoot + 79_000)
        let health = try #require(store.facts.health[host.id]?.health)
        #expect(health.atMilliseconds == wallMinusBoot + 90_000)
        #expect(health.startedAtMilliseconds == wallMinusBoot + 85_000)
        #expect(host.fleet.hosts[host.id]?.health == health)
    }

    @Test("health is written once a minute, but at once when an agent first says what it costs")
    func health() throws {
        let store = MemoryStore()
        var host = HostHarness()
        func tell(ageMilliseconds: Int64, at now: Int64) throws -> AgentHealth? {
            var health = AgentHealth.sample(atMilliseconds: now)
            health.startedAtMilliseconds = now - ageMilliseconds
            host.apply(.health(health), atMilliseconds: testNow + now)
            try host.commit(to: store)
            return store.facts.health[host.id]?.health
        }
        #expect(try tell(ageMilliseconds: 0, at: 10_000)?.knowsShare == false)
        #expect(try tell(ageMilliseconds: 999, at: 10_999)?.runCount == 10_000)
        #expect(try tell(ageMilliseconds: 5_000, at: 15_000)?.runCount == 15_000)
        #expect(try tell(ageMilliseconds: 6_000, at: 16_000)?.runCount == 15_000)
        #expect(try tell(ageMilliseconds: 65_000, at: 75_000)?.runCount == 75_000)
    }

    @Test("a clock too far ahead costs no figure: times are not known, the hour is the receipt's")
    func clockAhead() throws {
        let ahead: Int64 = 100_000 + 300_001
        let events: [SessionEvent] = [
            .total(bytes: 5, atMilliseconds: ahead),
            .cgroups([.sample(bytes: 7, atMilliseconds: ahead)]),
            .kills([.sample(pid: 3, atMilliseconds: ahead)]),
            .gaps([.sample(0, atMilliseconds: ahead)]), .health(.sample(atMilliseconds: ahead)),
        ]
        let store = MemoryStore()
        for event in events {
            var host = HostHarness()
            host.apply(event)
            #expect(host.fleet.hosts[host.id]?.isClockSuspect == true)
            try host.commit(to: store)
        }
        let total = try #require(store.facts.totals.values.first)
        #expect(total.peak == TotalPeak(bytes: 5, atMilliseconds: nil, runCount: 1))
        #expect(total.hourMilliseconds == testNow / 3_600_000 * 3_600_000)
        let cgroup = try #require(store.facts.cgroups.values.first?.record)
        #expect(cgroup.peak?.peak == Peak(bytes: 7, bracket: nil, source: .cgroup))
        #expect(cgroup.seenAtMilliseconds == nil)
        #expect(cgroup.currentBytes == 7)
        let kill = try #require(store.facts.kills.values.first)
        #expect(kill.kill.atMilliseconds == ahead)
        #expect(kill.atMilliseconds == nil)
        #expect(store.facts.gaps.values.first?.gap.bracket == nil)
        let health = try #require(store.facts.health.values.first?.health)
        #expect(health.atMilliseconds == testNow)
        #expect(health.startedAtMilliseconds == testNow - 5_000)
    }

    @Test("an impossible figure of a cgroup is refused and counted, a sum of any size is not")
    func refused() throws {
        let store = MemoryStore()
        var host = HostHarness()
        let limit = UInt64(64) << 30
        host.apply(.cgroups([.sample(bytes: limit + 1, atMilliseconds: 1)]))
        host.apply(.total(bytes: limit + 1, atMilliseconds: 1))
        host.apply(.total(.hostUsed, bytes: limit + 1, atMilliseconds: 1))
        try host.commit(to: store)
        #expect(store.facts.cgroups.values.first?.record.peak == nil)
        #expect(store.facts.cgroups.count == 1)
        #expect(store.facts.totals.values.map(\.subject.kind) == [.host])
        #expect(host.fleet.hosts[host.id]?.refusedCount == 2)
    }

    @Test("what came in is in one batch; if that fails it is in the next one, with what came since")
    func commitFailed() throws {
        var host = HostHarness()
        host.apply(.total(bytes: 5, atMilliseconds: 1))
        host.apply(.cgroups([.sample(bytes: 5, atMilliseconds: 1)]))
        host.apply(.kills([.sample(pid: 3, atMilliseconds: 1)]))
        host.apply(.gaps([.sample(0, atMilliseconds: 1_000)]))
        host.apply(.counters([.vanished: 1]))
        host.apply(.health(.sample(atMilliseconds: 6_000)))
        let (first, pending) = host.fleet.takeBatch()
        let between = host.fleet.takeBatch().batch
        #expect(between.totals.isEmpty && between.cgroups.isEmpty && between.kills.isEmpty)
        #expect(between.gaps.isEmpty && between.counters.isEmpty && between.health.isEmpty)
        host.apply(.total(bytes: 4, atMilliseconds: 2))
        host.apply(.cgroups([.sample(bytes: 9, atMilliseconds: 2)]))
        var known = OutOfMemoryKill.sample(pid: 3, atMilliseconds: 1)
        known.comm = "victim"
        known.evidence = .killedByExitRecord
        host.apply(.kills([known]))
        host.apply(.gaps([.sample(1, atMilliseconds: 1_000)]))
        host.apply(.counters([.malformed: 2]))
        host.fleet.commitFailed(pending)
        let (second, again) = host.fleet.takeBatch()
        #expect(second.totals == first.totals)
        #expect(second.cgroups.map(\.record.peak?.bytes) == [9])
        #expect(second.cgroups.map(\.record.seenAtMilliseconds) == [wallMinusBoot + 2])
        #expect(second.kills.map(\.kill.comm) == ["victim"])
        #expect(second.kills.map(\.kill.evidence) == [[.kernelLog, .killedByExitRecord]])
        #expect(Set(second.gaps.map(\.gap.ordinal)) == [0, 1])
        #expect(second.counters.map(\.values) == [[.vanished: 1, .malformed: 2]])
        #expect(second.health == first.health)
        host.fleet.committed(again)
        let rest = host.fleet.takeBatch().batch
        #expect(rest.isEmpty)
    }

    @Test("another agent and another boot lose nothing of those before, whatever fails")
    func epochsAndBoots() throws {
        for failureCount in 0..<3 {
            let store = MemoryStore()
            var host = HostHarness()
            for epoch: UInt64 in 1...3 {
                if epoch > 1 {
                    host.open(bootNumber: epoch == 3 ? 2 : 1, epoch: epoch)
                    host.apply(.host(.sample))
                }
                host.apply(.counters([.vanished: epoch]))
                host.apply(.gaps([.sample(0, atMilliseconds: 1_000)]))
                host.apply(.kills([.sample(pid: 3, atMilliseconds: 1)]))
                host.apply(.cgroups([.sample(bytes: 5, atMilliseconds: 1)]))
                host.apply(.health(.sample(atMilliseconds: Int64(epoch) * 6_000)))
                if epoch <= failureCount {
                    let (_, pending) = host.fleet.takeBatch()
                    host.fleet.commitFailed(pending)
                }
            }
            try host.commit(to: store)
            #expect(store.counters()[host.id] == [.vanished: 6])
            #expect(Set(store.facts.gaps.values.map(\.epoch)) == [1, 2, 3])
            #expect(store.facts.kills.count == 2)
            #expect(store.facts.cgroups.count == 2)
            #expect(store.facts.health[host.id]?.epoch == 3)
        }
    }

    @Test("a kill marks its run in the ledger, and in the store if the ledger has it no more")
    func killedRuns() throws {
        let store = MemoryStore()
        var host = HostHarness()
        host.apply(.define([1, 2]))
        host.apply(.exit(1))
        try host.commit(to: store)
        #expect(host[1] == nil)
        for pid: Int32 in 1...2 {
            var kill = OutOfMemoryKill.sample(pid: pid, atMilliseconds: 60_000)
            kill.run = run(pid)
            host.apply(.kills([kill]))
        }
        #expect(host[2]?.flags == .killedForMemory)
        try host.commit(to: store)
        #expect(store.runs.values.map(\.record.flags) == [.killedForMemory, .killedForMemory])
    }

    @Test("flags, faults and what memory is made of go into the ledger, and flags to the disk")
    func ledger() throws {
        let store = MemoryStore()
        var host = HostHarness()
        let description = RunDescription(program: "p", comm: "c")
        host.apply(
            .define([
                StartedRun(key: run(1), description: description, flags: .startIsEstimated)
            ]))
        #expect(host[1]?.flags == .startIsEstimated)
        try host.commit(to: store)
        func sample(
            file: SamplesFrame.Change, proportional: SamplesFrame.Change
        ) -> SessionEvent {
            let sample = SampleEvent(
                key: run(1), resident: .unchanged, swap: .unchanged, processorMilliseconds: nil,
                file: file, proportional: proportional)
            return .samples([
                TickEvent(atMilliseconds: 70_000, availableBytes: nil, samples: [sample])
            ])
        }
        host.apply(.sample(1, bytes: 9, atMilliseconds: 60_000))
        host.apply(sample(file: .bytes(3), proportional: .bytes(4)))
        host.apply(sample(file: .unchanged, proportional: .unreadable))
        #expect(
            host[1]?.current
                == CurrentUse(
                    residentBytes: 9, swapBytes: nil, fileBytes: 3, proportionalBytes: nil,
                    atMilliseconds: wallMinusBoot + 70_000))
        let faults = FaultCounts(minor: 5, major: 1)
        let exit = ExitEvent(
            key: run(1), end: RunEnd(bracket: nil, reason: .exited), processorMilliseconds: nil,
            faults: faults, flags: .peakIsFinal)
        host.apply(.exits([exit]))
        try host.commit(to: store)
        let record = try #require(store.runs.values.first?.record)
        #expect(record.flags == [.startIsEstimated, .peakIsFinal])
        #expect(record.faults == faults)
    }

    @Test("what a cgroup uses is written once a minute, anything else of it at once")
    func cgroupsWritten() throws {
        var host = HostHarness()
        func isWritten(_ change: (inout CgroupRecord) -> Void, afterSeconds seconds: Int64) -> Bool
        {
            var cgroup = CgroupRecord.sample(bytes: 5, atMilliseconds: 50_000 + seconds * 1_000)
            cgroup.peak?.peak.bracket = nil
            change(&cgroup)
            host.apply(.cgroups([cgroup]), atMilliseconds: testNow + seconds * 1_000)
            let (batch, pending) = host.fleet.takeBatch()
            host.fleet.committed(pending)
            return batch.cgroups.map(\.record.currentBytes) == [cgroup.currentBytes]
        }
        #expect(isWritten({ _ in }, afterSeconds: 0))
        #expect(!isWritten({ $0.currentBytes = 9 }, afterSeconds: 10))
        #expect(isWritten({ $0.limitBytes = 8 }, afterSeconds: 20))
        #expect(!isWritten({ $0.limitBytes = 8 }, afterSeconds: 79))
        #expect(isWritten({ $0.limitBytes = 8 }, afterSeconds: 80))
        #expect(isWritten({ $0.killCount = 1 }, afterSeconds: 81))
        #expect(isWritten({ $0.inode(2) }, afterSeconds: 81))
        // A clock that was set back does not keep it from being written.
        #expect(isWritten({ $0.killCount = 1 }, afterSeconds: -3_600))
    }

    @Test("health is written once a minute, at once when the interval or the sources change")
    func healthWritten() {
        var host = HostHarness()
        func isWritten(_ change: (inout AgentHealth) -> Void, afterSeconds seconds: Int64) -> Bool {
            var health = AgentHealth.sample(atMilliseconds: 50_000 + seconds * 1_000)
            change(&health)
            host.apply(.health(health), atMilliseconds: testNow + seconds * 1_000)
            #expect(host.fleet.hosts[host.id]?.health?.runCount == health.runCount)
            let (batch, pending) = host.fleet.takeBatch()
            host.fleet.committed(pending)
            return batch.health.map(\.health.runCount) == [health.runCount]
        }
        #expect(isWritten({ _ in }, afterSeconds: 0))
        #expect(!isWritten({ $0.runCount = 9 }, afterSeconds: 10))
        #expect(isWritten({ $0.sources = .exitRecords }, afterSeconds: 20))
        #expect(!isWritten({ $0.sources = .exitRecords }, afterSeconds: 79))
        #expect(isWritten({ $0.sources = .exitRecords }, afterSeconds: 80))
        #expect(isWritten({ $0.intervalMilliseconds = 5 }, afterSeconds: 81))
    }
}

extension SessionEvent {
    /// TOTALS of one sum at a boot time.
    static func total(
        _ kind: TotalKind = .host, _ name: RawText = "", bytes: UInt64, atMilliseconds: Int64
    ) -> SessionEvent {
        .totals([
            TotalEvent(
                subject: TotalSubject(kind: kind, name: name),
                peak: TotalPeak(bytes: bytes, atMilliseconds: atMilliseconds, runCount: 1))
        ])
    }
}

extension CgroupRecord {
    /// A cgroup that reached its peak, and was seen, at a boot time.
    static func sample(
        path: RawText = "/system.slice", bytes: UInt64, atMilliseconds: Int64
    ) -> CgroupRecord {
        var record = CgroupRecord(key: CgroupKey(path: path, inode: 1), version: 2)
        let bracket = TimeBracket(
            notBeforeMilliseconds: atMilliseconds, notAfterMilliseconds: atMilliseconds)
        record.peak = CgroupPeak(
            peak: Peak(bytes: bytes, bracket: bracket, source: .cgroup), limitBytes: nil,
            anonymousBytes: nil, fileBytes: nil)
        record.currentBytes = bytes
        record.seenAtMilliseconds = atMilliseconds
        return record
    }

    /// The same at the same path, as another cgroup.
    fileprivate mutating func inode(_ inode: UInt64) {
        var other = CgroupRecord(key: CgroupKey(path: key.path, inode: inode), version: version)
        other.merge(self, otherIsNewer: true)
        self = other
    }
}

extension OutOfMemoryKill {
    /// A kill of which the kernel's log told at a boot time.
    static func sample(pid: Int32, atMilliseconds: Int64) -> OutOfMemoryKill {
        var kill = OutOfMemoryKill(atMilliseconds: atMilliseconds, evidence: .kernelLog)
        kill.pid = pid
        return kill
    }
}

extension Gap {
    /// Lost records of the second before a boot time.
    static func sample(_ ordinal: UInt64, atMilliseconds: Int64) -> Gap {
        Gap(
            ordinal: ordinal, reason: .exitRecordsLost,
            bracket: TimeBracket(
                notBeforeMilliseconds: atMilliseconds - 1_000,
                notAfterMilliseconds: atMilliseconds), missedCount: 1)
    }
}

extension AgentHealth {
    /// What an agent says at a boot time that started five seconds before.
    static func sample(atMilliseconds: Int64) -> AgentHealth {
        var health = AgentHealth(
            atMilliseconds: atMilliseconds, startedAtMilliseconds: atMilliseconds - 5_000)
        health.runCount = UInt64(atMilliseconds)
        return health
    }
}
