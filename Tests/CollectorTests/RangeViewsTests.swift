import MemoryModel
import NIOPosix
import PeakStore
import Report
import TestSupport
import Testing
import Wire

@testable import Collector

@Suite("What views of a range are made of")
struct RangeViewsTests {
    private let host = hostID("web-1")
    private let boot = BootID(high: 0, low: 1)
    private let hour: Int64 = (testNow - 1_800_000) / 3_600_000 * 3_600_000

    /// A collector that knows one host with the runs 1, which lives, and 2, which is in the store.
    private func fleet() -> Fleet {
        let fleet = Fleet(fleet: FleetState(), limits: FleetLimits(credit: 64))
        let session = fleet.open(
            SessionIdentity(
                hostID: host, boot: boot, epoch: 1, hostName: "web", agentVersion: "1"))
        for (sequence, event) in [
            SessionEvent.host(.sample), .define([1]), .peak(1, bytes: 300 << 20),
        ].enumerated() {
            let outcome = fleet.apply(
                event, to: host, by: session, sequence: UInt64(sequence + 1), at: .test())
            #expect(outcome == .taken)
        }
        return fleet
    }

    private func store(_ change: (inout CommitBatch) -> Void) throws -> MemoryStore {
        let store = MemoryStore()
        var batch = CommitBatch()
        var ended = RunRecord(
            key: run(2), description: RunDescription(program: "gone", comm: "gone"))
        ended.setEnd(RunEnd(bracket: nil, reason: .exited, exitSignal: 9))
        batch.runs = [StoredRun(host: host, boot: boot, record: ended)]
        change(&batch)
        try store.commit(batch)
        return store
    }

    private func text<View: FleetView>(
        _ store: MemoryStore, as format: OutputFormat = .csv,
        _ make: (Views) async throws -> View
    ) async throws -> String {
        let threads = NIOThreadPool(numberOfThreads: 1)
        threads.start()
        let view = try await make(Views(fleet: fleet(), store: store, threads: threads))
        try await threads.shutdownGracefully()
        return view.written(as: format, style: TextStyle())
    }

    private func total(
        _ kind: TotalKind, _ name: RawText = "", mebibytes: UInt64, shares: [TotalShare] = []
    ) -> StoredTotal {
        StoredTotal(
            host: host, boot: boot, subject: TotalSubject(kind: kind, name: name),
            hourMilliseconds: hour,
            peak: TotalPeak(
                bytes: mebibytes << 20, atMilliseconds: hour + 5, runCount: 2, composition: shares))
    }

    @Test("a kill gets the name of its victim's run, whether that lives or is in the store")
    func kills() async throws {
        let store = try store { batch in
            for pid in [1, 2, 3] as [Int32] {
                var kill = OutOfMemoryKill(atMilliseconds: Int64(pid), evidence: .kernelLog)
                kill.run = run(pid)
                batch.kills.append(
                    StoredKill(
                        host: host, boot: boot, kill: kill,
                        atMilliseconds: testNow - Int64(pid) * 1_000))
            }
        }
        let lines = try await text(store) {
            try await $0.kills(matching: RangeQuery(), nowMilliseconds: testNow)
        }.split(separator: "\r\n")
        #expect(lines.count == 4)
        #expect(lines[1].contains(",1,p,"))
        #expect(lines[2].contains(",2,gone,"))
        #expect(lines[3].contains(",3,,"))
        #expect(lines[1].contains("web,web-1"), "the host has its name")
    }

    @Test("a cgroup gets unit and container of what lives in it, and filters find it by them")
    func cgroups() async throws {
        let store = try store { batch in
            for path in ["/a", "/b"] as [RawText] {
                var record = CgroupRecord(key: CgroupKey(path: path, inode: 1), version: 2)
                record.peak = CgroupPeak(
                    peak: Peak(bytes: 5 << 20, bracket: nil, source: .cgroup),
                    limitBytes: 5 << 20, anonymousBytes: nil, fileBytes: 1)
                batch.cgroups.append(StoredCgroup(host: host, boot: boot, record: record))
            }
        }
        let all = try await text(store) {
            try await $0.cgroups(matching: RangeQuery(), nowMilliseconds: testNow)
        }
        #expect(all.split(separator: "\r\n").count == 3)
        var query = RangeQuery()
        query.cgroup = Glob("/b")
        let one = try await text(store) {
            try await $0.cgroups(matching: query, nowMilliseconds: testNow)
        }
        #expect(one.split(separator: "\r\n").count == 2)
        #expect(one.contains("/b,,,2,5242880,cgroup,,,5242880,true,,1,"))
    }

    @Test("a composition names the runs that live and those in the store")
    func composition() async throws {
        let store = try store { batch in
            batch.totals = [
                total(
                    .hostUsed, mebibytes: 700,
                    shares: [1, 2, 3].map {
                        TotalShare(key: run($0), residentBytes: UInt64($0) << 20)
                    }), total(.host, mebibytes: 900),
            ]
        }
        let lines = try await text(store) {
            try await $0.composition(matching: RangeQuery(), nowMilliseconds: testNow)
        }.split(separator: "\r\n")
        #expect(lines.count == 4)
        #expect(lines[1].contains(",1,p,") && lines[2].contains(",2,gone,"))
        #expect(lines[3].contains(",3,,"))
    }

    @Test("a report has the sums of its range, what was missed in it, and what agents say")
    func report() async throws {
        let store = try store { batch in
            batch.totals = [
                total(.program, "p", mebibytes: 250), total(.host, mebibytes: 900),
                total(.user, "p", mebibytes: 1),
            ]
            for (epoch, at) in [(1, testNow), (2, testNow - 864_000_000)] as [(UInt64, Int64)] {
                batch.gaps.append(
                    StoredGap(
                        host: host, epoch: epoch,
                        gap: Gap(
                            ordinal: 0, reason: .exitRecordsLost,
                            bracket: TimeBracket(
                                notBeforeMilliseconds: at - 5, notAfterMilliseconds: at),
                            missedCount: 7)))
            }
            var health = AgentHealth(
                atMilliseconds: testNow, startedAtMilliseconds: testNow - 100_000)
            health.sources = .kernelLog
            health.askedIntervalMilliseconds = 1_000
            health.intervalMilliseconds = 2_000
            batch.health = [StoredHealth(host: host, epoch: 1, health: health)]
        }
        var query = ReportQuery()
        query.grouping = .program
        query.sinceMilliseconds = testNow - 86_400_000
        let report = query
        let json = try await text(store, as: .json) {
            try await $0.report(matching: report, nowMilliseconds: testNow)
        }
        #expect(json.contains("\"peak_of_sum_bytes\":\(300 << 20)"))
        #expect(json.contains("\"peak_of_sum_is_upper_bound\":false"))
        #expect(json.contains("\"gaps\":{\"exit_records_lost\":7,"))
        #expect(json.contains("\"agents_stretched\":1"))
        #expect(json.contains("\"oom_killed\":false"), "its agent reads the kernel's log")
        let summary = try await text(store, as: .table) {
            try await $0.summary(nowMilliseconds: testNow)
        }
        #expect(summary.contains("7 exit records lost"))
        #expect(summary.contains("1 looks less often than asked (web)"))
    }
}
