import GRDB
import MemoryModel
import PeakStore
import TestSupport
import Testing

@testable import SQLiteStore

@Suite("Hosts of which nothing is left")
struct HostRemovalTests {
    private static let day: Int64 = 86_400_000
    private let directory: TemporaryFolder
    private let store: SQLiteStore
    private let now = minute(0)
    private let boot = BootID(high: 2, low: 2)
    private let kept = Retention(
        minutesMilliseconds: 1 << 50, hoursMilliseconds: 1 << 50, daysMilliseconds: 1 << 50,
        runsMilliseconds: 90 * day)

    init() throws {
        directory = try TemporaryFolder()
        store = try SQLiteStore(dataDirectory: directory.data)
    }

    private func host(_ id: String, heardDaysAgo days: Int64) -> StoredHost {
        var host = fullHost
        host.id = hostID(id)
        host.boot = boot
        host.epoch = 9
        host.description.wallMinusBootMilliseconds = now - 100 * Self.day
        host.firstHeardAtMilliseconds = now - 200 * Self.day
        host.lastHeardAtMilliseconds = now - days * Self.day
        return host
    }

    private func sweep() throws -> [HostID] {
        try store.sweepSoon()
        var removed: [HostID] = []
        while true {
            let outcome = try store.maintain(nowMilliseconds: now, retention: kept)
            removed += outcome.removedHosts
            #expect(outcome.counts.hosts == outcome.removedHosts.count)
            if !outcome.isMoreDue { return removed }
        }
    }

    private func rows(_ table: String) throws -> Int {
        try store.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM \(table)") ?? -1 }
    }

    @Test("One that was silent for longer than runs are kept goes, one that was heard since stays")
    func silent() throws {
        var batch = CommitBatch()
        batch.hosts = [host("gone", heardDaysAgo: 91), host("away", heardDaysAgo: 89)]
        batch.runs = [plainRun(host: hostID("gone"), boot: boot)]
        batch.counters = ["gone", "away"].map {
            StoredCounters(host: hostID($0), epoch: 9, values: [.vanished: 3])
        }
        try store.commit(batch)
        #expect(try sweep() == [hostID("gone")])
        #expect(try store.hosts().map(\.id) == [hostID("away")])
        #expect(try rows("counter") == 1 && rows("host_label") == 2 && rows("boot") == 0)
        // One that comes back is new, whatever numbers it gets.
        batch.hosts = [host("gone", heardDaysAgo: 0)]
        try store.commit(batch)
        #expect(try store.hosts().map(\.id) == ["away", "gone"].map(hostID))
        #expect(try everyRun(of: store).map(\.key) == batch.runs.map(\.key))
        #expect(try sweep().isEmpty)
    }

    @Test("One of which anything is left stays, whatever it is")
    func anything() throws {
        let id = hostID("gone")
        let run = plainRun(host: id, boot: boot)
        let recent = now - 5 * Self.day
        let bracket = TimeBracket(notBeforeMilliseconds: recent, notAfterMilliseconds: recent)
        func batch(_ change: (inout CommitBatch) -> Void) -> CommitBatch {
            var batch = CommitBatch()
            change(&batch)
            return batch
        }
        let total = StoredTotal(
            host: id, boot: boot, subject: TotalSubject(kind: .host, name: RawText("")),
            hourMilliseconds: StoredTotal.hour(of: recent),
            peak: TotalPeak(bytes: 5, atMilliseconds: recent, runCount: 1))
        var cgroup = CgroupRecord(key: CgroupKey(path: "/a", inode: 1), version: 2)
        cgroup.seenAtMilliseconds = recent
        let kill = StoredKill(
            host: id, boot: boot, kill: OutOfMemoryKill(atMilliseconds: 5, evidence: []),
            atMilliseconds: recent)
        let gap = StoredGap(
            host: id, epoch: 9,
            gap: Gap(ordinal: 0, reason: .dropped, bracket: bracket, missedCount: nil))
        var fold = Fold(ordinal: 1, subject: FoldSubject(program: "p", user: nil, cgroup: nil))
        fold.bracket = bracket
        var ended = run
        ended.record.end = RunEnd(bracket: bracket, reason: .exited)
        let facts: [(String, CommitBatch)] = [
            ("total", batch { $0.totals = [total] }),
            (
                "cgroup",
                batch { $0.cgroups = [StoredCgroup(host: id, boot: boot, record: cgroup)] }
            ),
            ("oom_kill", batch { $0.kills = [kill] }), ("gap", batch { $0.gaps = [gap] }),
            (
                "fold",
                batch { $0.folds = [StoredFold(host: id, boot: boot, epoch: 9, fold: fold)] }
            ), ("run", batch { $0.runs = [ended] }),
            (
                "window_hour",
                batch {
                    $0.coverage = [
                        StoredCoverage(
                            host: id, boot: boot, startsAtMilliseconds: recent, liveCount: 1)
                    ]
                }
            ),
        ]
        for (table, facts) in facts {
            var all = facts
            all.hosts = [host("gone", heardDaysAgo: 91)]
            try store.commit(all)
            #expect(try sweep().isEmpty, "\(table)")
            try store.write { database, _ in
                for table in [table, "subject_block"] {
                    try database.execute(sql: "DELETE FROM \(table)")
                }
            }
            #expect(try sweep() == [id], "\(table)")
        }
        _ = try store.purge(
            PurgeRequest(host: id, sinceMilliseconds: 0, untilMilliseconds: 1), nowMilliseconds: 1)
        try store.commit(batch { $0.hosts = [host("gone", heardDaysAgo: 91)] })
        #expect(try sweep().isEmpty)
        _ = try store.undoPurge(try #require(try store.tombstones().first?.id))
        #expect(try sweep() == [id])
    }

    @Test("One of which something is told while a sweep goes on stays, sums as well")
    func beside() throws {
        var batch = CommitBatch()
        batch.hosts = [host("gone", heardDaysAgo: 91)]
        try store.commit(batch)
        try store.sweepSoon()
        var removed: [HostID] = []
        var steps = 0
        while true {
            let outcome = try store.maintain(nowMilliseconds: now, retention: kept)
            removed += outcome.removedHosts
            guard outcome.isMoreDue else { break }
            steps += 1
            // After the sweep has looked at sums, before it comes to hosts.
            guard steps == SweptTable.all.count else { continue }
            var late = CommitBatch()
            late.totals = [
                StoredTotal(
                    host: hostID("gone"), boot: boot,
                    subject: TotalSubject(kind: .host, name: RawText("")),
                    hourMilliseconds: StoredTotal.hour(of: now - 100 * Self.day),
                    peak: TotalPeak(bytes: 5, atMilliseconds: nil, runCount: 1))
            ]
            try store.commit(late)
        }
        #expect(steps > SweptTable.all.count && removed.isEmpty)
        #expect(try store.hosts().count == 1)
    }
}
