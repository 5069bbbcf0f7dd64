import MemoryModel
import PeakStore
import TestSupport
import Testing

@testable import SQLiteStore

@Suite struct FactReadingTests {
    private let hour = StoredTotal.hourLengthMilliseconds

    @Test("Every field of every fact comes back after reopening")
    func everyField() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        try store.commit(fullFacts)
        let before = try Facts(store)
        #expect(before.totals == Set(fullFacts.totals))
        #expect(before.cgroups == Set(fullFacts.cgroups))
        #expect(before.kills == Set(fullFacts.kills))
        #expect(before.gaps == Set(fullFacts.gaps))
        #expect(before.folds == Set(fullFacts.folds))
        #expect(Array(before.health.values) == fullFacts.health)
        try store.close()
        #expect(try Facts(SQLiteStore(dataDirectory: directory.data)) == before)
    }

    @Test("Sums of the hours that overlap the range come in the order of host, subject and hour")
    func totals() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        func total(_ host: String, _ kind: TotalKind, _ name: RawText, _ at: Int64) -> StoredTotal {
            StoredTotal(
                host: hostID(host), boot: BootID(high: 1, low: 1),
                subject: TotalSubject(kind: kind, name: name), hourMilliseconds: at * hour,
                peak: TotalPeak(bytes: 1, atMilliseconds: nil, runCount: 1))
        }
        let ordered = [
            total("alpha", .host, "", 1), total("alpha", .host, "", 2),
            total("alpha", .user, RawText([0x61, 0xFF]), 1), total("alpha", .user, "b", 1),
            total("beta", .host, "", 1),
        ]
        var batch = CommitBatch()
        batch.totals = ordered.reversed()
        try store.commit(batch)
        func read(
            _ kinds: Set<TotalKind>, _ since: Int64?, _ until: Int64?, limit: Int = .max
        ) throws -> [StoredTotal] {
            try store.totals(
                of: kinds, sinceMilliseconds: since, untilMilliseconds: until, limit: limit)
        }
        #expect(try read([.host, .user], nil, nil) == ordered)
        #expect(try read([.host, .user], nil, nil, limit: 3) == Array(ordered[..<3]))
        #expect(try read([.host], nil, nil) == [ordered[0], ordered[1], ordered[4]])
        #expect(try read([.host, .user], 2 * hour, nil) == [ordered[1]])
        #expect(try read([.host], 2 * hour - 1, 2 * hour) == [ordered[0], ordered[1], ordered[4]])
        #expect(try read([.host], .min, 2 * hour - 1) == [ordered[0], ordered[4]])
        #expect(try read([], nil, nil).isEmpty)
        #expect(try read([.host], nil, nil, limit: -1).isEmpty)
    }

    @Test("Cgroups come largest peak first; those gone before the range or of a later boot do not")
    func cgroups() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        func cgroup(_ path: RawText, peak: UInt64?, seen: Int64?, boot: BootID) -> StoredCgroup {
            var record = CgroupRecord(key: CgroupKey(path: path, inode: 1), version: 2)
            record.peak = peak.map {
                CgroupPeak(
                    peak: Peak(bytes: $0, bracket: nil, source: .cgroup), limitBytes: nil,
                    anonymousBytes: nil, fileBytes: nil)
            }
            record.seenAtMilliseconds = seen
            return StoredCgroup(host: fullHost.id, boot: boot, record: record)
        }
        var host = fullHost
        host.description.wallMinusBootMilliseconds = 100
        let large = cgroup("/large", peak: 9, seen: 500, boot: host.boot)
        let small = cgroup("/small", peak: 3, seen: 900, boot: BootID(high: 1, low: 1))
        let unseen = cgroup("/unseen", peak: nil, seen: nil, boot: host.boot)
        var batch = CommitBatch()
        batch.hosts = [host]
        batch.cgroups = [unseen, small, large]
        try store.commit(batch)
        func read(_ since: Int64?, _ until: Int64?, limit: Int = .max) throws -> [StoredCgroup] {
            try store.cgroups(sinceMilliseconds: since, untilMilliseconds: until, limit: limit)
        }
        #expect(try read(nil, nil) == [large, small, unseen])
        #expect(try read(nil, nil, limit: 1) == [large])
        #expect(try read(501, nil) == [small, unseen])
        #expect(try read(500, 100) == [large, small, unseen])
        #expect(try read(nil, 99) == [small])
    }

    @Test("Kills and gaps come latest first, and those at an unknown time are in every range")
    func killsAndGaps() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        let times: [Int64?] = [300, 200, 100, nil]
        let kills = times.enumerated().map { index, at in
            StoredKill(
                host: hostID("alpha"), boot: BootID(high: 1, low: 1),
                kill: OutOfMemoryKill(atMilliseconds: Int64(index), evidence: .cgroupEvents),
                atMilliseconds: at)
        }
        let gaps = times.enumerated().map { index, at in
            StoredGap(
                host: hostID("alpha"), epoch: .max,
                gap: Gap(
                    ordinal: UInt64(index), reason: .dropped,
                    bracket: at.map {
                        TimeBracket(notBeforeMilliseconds: $0 - 10, notAfterMilliseconds: $0)
                    }, missedCount: nil))
        }
        var batch = CommitBatch()
        batch.kills = kills.reversed()
        batch.gaps = gaps.reversed()
        try store.commit(batch)
        let cases: [(since: Int64?, until: Int64?, limit: Int, kills: [Int], gaps: [Int])] = [
            (nil, nil, .max, [0, 1, 2, 3], [0, 1, 2, 3]), (nil, nil, 2, [0, 1], [0, 1]),
            (200, nil, .max, [0, 1, 3], [0, 1, 3]), (nil, 200, .max, [1, 2, 3], [1, 2, 3]),
            (101, 199, .max, [3], [1, 3]),
        ]
        for (since, until, limit, killed, missed) in cases {
            #expect(
                try store.kills(
                    sinceMilliseconds: since, untilMilliseconds: until, limit: limit)
                    == killed.map { kills[$0] })
            #expect(
                try store.gaps(sinceMilliseconds: since, untilMilliseconds: until, limit: limit)
                    == missed.map { gaps[$0] })
        }
    }

    @Test("Runs are found by their keys, also many times over, and only those that are there")
    func runsByKey() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        try store.commit(batch([plainRun(), plainRun(pid: 2), fullRun]))
        var image = plainRun().key
        image.process.image = 1
        let keys = [fullRun.key, plainRun().key, image, fullRun.key, plainRun(pid: 3).key]
        #expect(try store.runs(keys) == [fullRun.key: fullRun, plainRun().key: plainRun()])
        #expect(try store.runs([]).isEmpty)
    }
}

/// Facts with every field set, and with none.
let fullFacts: CommitBatch = {
    let host = fullHost.id
    let boot = fullHost.boot
    let bracket = TimeBracket(notBeforeMilliseconds: 3, notAfterMilliseconds: 9)
    var batch = CommitBatch()
    batch.totals = TotalKind.allCases.map { kind in
        let share = TotalShare(
            key: ProcessKey(pid: .max, startTicks: .max, image: .max), residentBytes: 7)
        return StoredTotal(
            host: host, boot: boot,
            subject: TotalSubject(kind: kind, name: kind.rawValue > 2 ? RawText([0xFF, 0]) : ""),
            hourMilliseconds: -StoredTotal.hourLengthMilliseconds,
            peak: TotalPeak(
                bytes: 1 << 50, atMilliseconds: kind == .user ? nil : -1, runCount: 2,
                composition: kind == .hostUsed ? [share, share] : []))
    }
    let key = CgroupKey(path: RawText([0x2F, 0xC3, 0x28]), inode: .max)
    var cgroup = CgroupRecord(key: key, version: 2)
    cgroup.peak = CgroupPeak(
        peak: Peak(bytes: 6, bracket: bracket, source: .cgroup), limitBytes: 5, anonymousBytes: 4,
        fileBytes: 0)
    cgroup.swapPeakBytes = 3
    cgroup.currentBytes = 2
    cgroup.limitBytes = 1
    cgroup.killCount = 8
    cgroup.seenAtMilliseconds = 10
    let empty = CgroupRecord(key: CgroupKey(path: "/", inode: 0), version: 1)
    batch.cgroups = [cgroup, empty].map { StoredCgroup(host: host, boot: boot, record: $0) }
    var kill = OutOfMemoryKill(
        atMilliseconds: 4_000, evidence: [.kernelLog, .cgroupEvents, .killedByExitRecord])
    kill.pid = .max
    kill.run = fullRun.record.key
    kill.comm = RawText([0x80])
    kill.constraint = .cgroup
    kill.limitCgroup = "/limit"
    kill.limitBytes = 11
    kill.cgroup = "/limit/of"
    kill.residentBytes = 12
    kill.lastPeakBytes = 13
    let bare = OutOfMemoryKill(atMilliseconds: 4_000, evidence: [])
    batch.kills = [
        StoredKill(host: fullRun.host, boot: fullRun.boot, kill: kill, atMilliseconds: 3_997),
        StoredKill(host: host, boot: boot, kill: bare, atMilliseconds: nil),
    ]
    batch.gaps = GapReason.allCases.map { reason in
        let isKnown = reason != .agentDown
        return StoredGap(
            host: host, epoch: .max,
            gap: Gap(
                ordinal: .max - UInt64(reason.rawValue), reason: reason,
                bracket: isKnown ? bracket : nil, missedCount: isKnown ? 970 : nil))
    }
    batch.folds = [sampleFold(host: host, ordinal: .max)]
    var health = AgentHealth(atMilliseconds: 900, startedAtMilliseconds: -100)
    health.processorMilliseconds = 50
    health.residentBytes = 16 << 20
    health.anonymousBytes = 4 << 20
    health.peakBytes = 17 << 20
    health.askedIntervalMilliseconds = 1_000
    health.intervalMilliseconds = .max
    health.lookMicroseconds = 12_000
    health.longestLookMicroseconds = 99_000
    health.runCount = 1_000
    health.sources = [.exitRecords, .cgroupVersion2]
    batch.health = [StoredHealth(host: host, epoch: .max, health: health)]
    return batch
}()
