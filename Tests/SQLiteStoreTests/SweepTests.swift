import GRDB
import MemoryModel
import PeakStore
import TestSupport
import Testing

@testable import SQLiteStore

@Suite("What no index finds goes as well, once it is old")
struct SweepTests {
    private static let day: Int64 = 86_400_000
    private let now = minute(0)
    private let old = BootID(high: 1, low: 1)
    private let new = BootID(high: 2, low: 2)
    private let silent = hostID("silent")
    private let heard = hostID("heard")
    private let kept = Retention(
        minutesMilliseconds: 1 << 50, hoursMilliseconds: 1 << 50, daysMilliseconds: 1 << 50,
        runsMilliseconds: 90 * day)

    private func daysAgo(_ days: Int64) -> Int64 { now - days * Self.day }

    private func moment(_ days: Int64) -> TimeBracket {
        TimeBracket(notBeforeMilliseconds: daysAgo(days), notAfterMilliseconds: daysAgo(days))
    }

    /// One host that has said nothing for 91 days, and one that began its newest boot 100 days ago,
    /// and its newest agent 95 days ago.
    private var hosts: [StoredHost] {
        [silent, heard].map { id in
            var host = fullHost
            host.id = id
            host.boot = new
            host.epoch = 9
            host.description.wallMinusBootMilliseconds = daysAgo(100)
            host.firstHeardAtMilliseconds = daysAgo(200)
            host.lastHeardAtMilliseconds = id == silent ? daysAgo(91) : now
            return host
        }
    }

    private func run(
        _ host: HostID, _ pid: Int32, boot: BootID, peak: Int64? = nil, start: Int64? = nil,
        seen: Int64? = nil, end: RunEnd? = nil
    ) -> StoredRun {
        var run = plainRun(host: host, boot: boot, pid: pid)
        run.record.peak = Peak(bytes: 5, bracket: peak.map(moment), source: .hwm)
        run.record.description.startedAtMilliseconds = start.map(daysAgo)
        run.record.current = seen.map {
            CurrentUse(residentBytes: 1, swapBytes: nil, atMilliseconds: daysAgo($0))
        }
        run.record.end = end
        return run
    }

    private func expect(
        _ store: SQLiteStore, removes expected: Int, _ field: KeyPath<MaintenanceCounts, Int>
    ) throws {
        let counts = try store.removable(nowMilliseconds: now, retention: kept)
        #expect(counts[keyPath: field] == expected)
        #expect(try store.maintain(at: now, kept)[keyPath: field] == expected)
        #expect(
            try store.removable(nowMilliseconds: now, retention: kept)[keyPath: field] == 0)
    }

    @Test("runs whose end has no time go by their peak, start or boot, open ones by their host")
    func runs() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        let end = RunEnd(bracket: nil, reason: .unobserved)
        let gone = [
            run(silent, 1, boot: new), run(silent, 2, boot: new, seen: 0),
            run(silent, 3, boot: new, end: end), run(heard, 4, boot: old, end: end),
            run(heard, 5, boot: new, peak: 91, end: end),
            run(heard, 6, boot: new, start: 91, end: end),
            run(heard, 7, boot: new, peak: 95, start: 99, seen: 91, end: end),
        ]
        let staying = [
            run(heard, 11, boot: new), run(heard, 12, boot: new, peak: 500, start: 600, seen: 500),
            run(heard, 13, boot: new, end: end),
            run(heard, 14, boot: new, peak: 89, start: 200, end: end),
            run(heard, 15, boot: old, start: 200, seen: 89, end: end),
            run(silent, 16, boot: new, start: 89, end: end),
        ]
        var all = batch(gone + staying)
        all.hosts = hosts
        try store.commit(all)
        try expect(store, removes: gone.count, \.runs)
        #expect(Set(try everyRun(of: store).map(\.key)) == Set(staying.map(\.key)))
    }

    @Test("kills, gaps, cgroups and folds without a time go by what else is known of them")
    func facts() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        func kill(_ host: HostID, _ boot: BootID, _ days: Int64) -> StoredKill {
            StoredKill(
                host: host, boot: boot,
                kill: OutOfMemoryKill(atMilliseconds: days * Self.day, evidence: []),
                atMilliseconds: nil)
        }
        func gap(_ host: HostID, _ epoch: UInt64) -> StoredGap {
            StoredGap(
                host: host, epoch: epoch,
                gap: Gap(ordinal: 0, reason: .dropped, bracket: nil, missedCount: nil))
        }
        func cgroup(_ host: HostID, _ boot: BootID, peak: Int64?) -> StoredCgroup {
            let path = RawText("/\(boot.high)\(peak ?? -1)")
            var record = CgroupRecord(key: CgroupKey(path: path, inode: 1), version: 2)
            record.peak = CgroupPeak(
                peak: Peak(bytes: 1, bracket: peak.map(moment), source: .cgroup), limitBytes: nil,
                anonymousBytes: nil, fileBytes: nil)
            return StoredCgroup(host: host, boot: boot, record: record)
        }
        func fold(_ ordinal: UInt64, _ boot: BootID, peak: Int64?) -> StoredFold {
            var fold = sampleFold(host: heard, ordinal: ordinal)
            fold.boot = boot
            fold.fold.bracket = nil
            fold.fold.peak?.bracket = peak.map(moment)
            return fold
        }
        var all = CommitBatch()
        all.hosts = hosts
        let health = AgentHealth(
            atMilliseconds: now, startedAtMilliseconds: daysAgo(95))
        all.health = [StoredHealth(host: heard, epoch: 9, health: health)]
        all.kills = [kill(silent, new, 99), kill(heard, old, 500), kill(heard, new, 9)]
        all.gaps = [gap(silent, 9), gap(heard, 8)]
        all.cgroups = [
            cgroup(silent, new, peak: nil), cgroup(heard, old, peak: nil),
            cgroup(heard, new, peak: 91),
        ]
        all.folds = [fold(1, old, peak: nil), fold(2, new, peak: 91)]
        let gone = all
        all.kills.append(kill(heard, new, 11))
        all.gaps.append(gap(heard, 9))
        all.cgroups += [cgroup(heard, new, peak: nil), cgroup(heard, old, peak: 89)]
        all.folds += [fold(3, new, peak: nil), fold(4, old, peak: 89)]
        try store.commit(all)
        try expect(
            store, removes: gone.kills.count + gone.gaps.count + gone.cgroups.count, \.facts)
        let left = try Facts(store)
        #expect(left.kills.map(\.kill.atMilliseconds) == [11 * Self.day])
        #expect(left.gaps.map(\.epoch) == [9])
        #expect(Set(left.cgroups.map(\.record.key.path)) == ["/2-1", "/189"])
        #expect(left.folds.map(\.fold.ordinal).sorted() == [3, 4])
    }

    @Test("a sweep of more rows than a step looks at misses none, and commits go on beside it")
    func manySteps() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        let count = Int32(2 * SweepSteps.stepRows + 1)
        let end = RunEnd(bracket: nil, reason: .unobserved)
        var all = batch(
            (1...count).map { pid in
                var run = run(heard, pid, boot: new, start: pid % 2 == 0 ? 91 : 9, end: end)
                run.record.description.program = RawText("program-\(pid)")
                return run
            })
        all.hosts = hosts
        try store.commit(all)
        var steps = 0
        var counts = MaintenanceCounts()
        while true {
            let outcome = try store.maintain(nowMilliseconds: now, retention: kept)
            counts.add(outcome.counts)
            guard outcome.isMoreDue else { break }
            steps += 1
            try store.commit(batch([run(heard, count + Int32(steps), boot: new, start: 1)]))
        }
        #expect(steps > 10)
        #expect(counts.runs == Int(count) / 2 && counts.names == Int(count) / 2)
        #expect(try everyRun(of: store).count == Int(count) / 2 + 1 + steps)
        // The next sweep waits for a day, unless it is asked for.
        #expect(try !store.maintain(nowMilliseconds: now, retention: kept).isMoreDue)
        try store.sweepSoon()
        #expect(try store.maintain(nowMilliseconds: now, retention: kept).isMoreDue)
    }
}
