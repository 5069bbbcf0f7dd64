import Foundation
import MemoryModel
import NIOPosix
import PeakStore
import Report
import SQLiteStore
import TestSupport
import Testing
import Wire

@testable import Collector

@Suite("What pages about one subject are made of")
struct SubjectPagesTests {
    private let boot = BootID(high: 0, low: 1)
    private let minute: Int64 = 60_000
    private let folder: TemporaryFolder
    private let store: SQLiteStore
    private let fleet = Fleet(fleet: FleetState(), limits: FleetLimits(credit: 64))

    /// The host web-1, on which run 1 of the program p lives, and 2 of the program job ended.
    init() throws {
        folder = try TemporaryFolder()
        store = try SQLiteStore(dataDirectory: folder.path + "/data")
        let host = hostID("web-1")
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
        try store.commit(batch(host))
    }

    private var start: Int64 { WindowLength.minute.start(of: testNow) - 10 * minute }

    private func batch(_ host: HostID) -> CommitBatch {
        var description = RunDescription(program: "job", comm: "job")
        description.cgroup = "/jobs"
        description.startedAtMilliseconds = start
        description.parentPid = 1
        var record = RunRecord(key: run(2), description: description)
        record.peak = Peak(
            bytes: 200 << 20,
            bracket: TimeBracket(
                notBeforeMilliseconds: start + minute, notAfterMilliseconds: start + minute),
            source: .exit)
        record.flags = [.killedForMemory, .peakIsFinal]
        let end = start + 5 * minute
        record.setEnd(
            RunEnd(
                bracket: TimeBracket(notBeforeMilliseconds: end, notAfterMilliseconds: end),
                reason: .exited, exitSignal: 9))
        let stored = StoredRun(host: host, boot: boot, record: record)
        var batch = CommitBatch()
        batch.runs = [stored]
        for (index, bytes) in [50, 200, 80].enumerated() {
            batch.windows.append(
                StoredWindow(
                    run: stored.key, length: .minute,
                    startsAtMilliseconds: start + Int64(index) * minute,
                    window: Window(
                        atLeastBytes: UInt64(bytes) << 20, atMostBytes: UInt64(bytes) << 20)))
        }
        batch.coverage = [0, 1, 2].map {
            StoredCoverage(
                host: host, boot: boot, startsAtMilliseconds: start + $0 * minute, liveCount: 1)
        }
        var kill = OutOfMemoryKill(atMilliseconds: 1, evidence: .kernelLog)
        kill.run = run(2)
        batch.kills = [StoredKill(host: host, boot: boot, kill: kill, atMilliseconds: end)]
        var cgroup = CgroupRecord(key: CgroupKey(path: "/jobs", inode: 4), version: 2)
        cgroup.peak = CgroupPeak(
            peak: Peak(bytes: 210 << 20, bracket: nil, source: .cgroup), limitBytes: 210 << 20,
            anonymousBytes: nil, fileBytes: nil)
        cgroup.seenAtMilliseconds = testNow
        batch.cgroups = [StoredCgroup(host: host, boot: boot, record: cgroup)]
        batch.totals = [
            StoredTotal(
                host: host, boot: boot, subject: TotalSubject(kind: .hostUsed, name: ""),
                hourMilliseconds: WindowLength.hour.start(of: start + minute),
                peak: TotalPeak(
                    bytes: 700 << 20, atMilliseconds: start + minute, runCount: 2,
                    composition: [TotalShare(key: run(2), residentBytes: 199 << 20)]))
        ]
        return batch
    }

    private func page(_ query: SubjectQuery) async throws -> [String: Any] {
        let threads = NIOThreadPool(numberOfThreads: 1)
        threads.start()
        let views = Views(fleet: fleet, store: store, threads: threads)
        let result: Result<any FleetView, any Error>
        do {
            result = .success(try await views.page(about: query, nowMilliseconds: testNow))
        } catch {
            result = .failure(error)
        }
        try await threads.shutdownGracefully()
        let json = try result.get().json
        return try #require(
            try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
    }

    private func name(_ pid: Int32) -> String {
        RunKey(host: hostID("web-1"), boot: boot, process: run(pid)).shortID
    }

    @Test("a run of the store is found by its id, with what its host, cgroup and minutes tell")
    func endedRun() async throws {
        for word in [name(2), String(name(2).prefix(6)), name(2).uppercased()] {
            let page = try await page(SubjectQuery(word))
            let run = try #require(page["run"] as? [String: Any])
            #expect(run["run_id"] as? String == name(2))
            #expect(run["peak_rss_bytes"] as? Int == 200 << 20)
            let kills = try #require(page["kills"] as? [[String: Any]])
            #expect(kills.count == 1)
            let cgroup = try #require(page["cgroup"] as? [String: Any])
            #expect(cgroup["cgroup"] as? String == "/jobs")
            let moment = try #require(page["host_moment"] as? [String: Any])
            #expect(run["parent_run_id"] as? String == name(1))
            #expect(moment["is_in_life"] as? Bool == true)
            #expect(moment["rss_bytes"] as? Int == 199 << 20)
            let history = try #require(page["history"] as? [[String: Any]])
            #expect(
                history.map { $0["at_least_bytes"] as? Int }.prefix(3) == [
                    50 << 20, 200 << 20, 80 << 20,
                ])
            #expect(history.last?["is_watched"] as? Bool == false, "the agent stopped before")
        }
    }

    @Test("a run that lives is found before it was ever committed")
    func liveRun() async throws {
        let page = try await page(SubjectQuery(name(1), kind: .run))
        let run = try #require(page["run"] as? [String: Any])
        #expect(run["state"] as? String == "live")
        #expect(run["peak_rss_bytes"] as? Int == 300 << 20)
        #expect(page["kind"] as? String == "run")
    }

    @Test(
        "a host is found by name and id, with its fullest moment and its runs",
        arguments: ["web", "web-1"])
    func host(word: String) async throws {
        let page = try await page(SubjectQuery(word))
        #expect(page["kind"] as? String == "host")
        let runs = try #require(page["largest_runs"] as? [[String: Any]])
        #expect(runs.map { $0["program"] as? String } == ["p", "job"])
        let peak = try #require(page["peak"] as? [String: Any])
        #expect(peak["used_bytes"] as? Int == 700 << 20)
        #expect((peak["runs"] as? [[String: Any]])?.first?["program"] as? String == "job")
        #expect((page["history"] as? [[String: Any]])?.isEmpty == false)
        #expect((page["kills"] as? [[String: Any]])?.count == 1)
    }

    @Test("a program is found by its name, by a pattern, in the store and among what lives")
    func program() async throws {
        for word in ["job", "jo*"] {
            let page = try await page(SubjectQuery(word))
            #expect(page["kind"] as? String == "program")
            #expect(page["name"] as? String == "job")
            let ends = try #require(page["ends"] as? [String: Any])
            #expect(ends["oom_killed"] as? Int == 1)
        }
        let live = try await page(SubjectQuery("p", kind: .program))
        #expect((live["program"] as? [String: Any])?["runs"] as? Int == 1)
    }

    @Test("what nobody knows, and a program that is only like it, are answered with a problem")
    func unknown() async throws {
        let problem = await #expect(throws: SubjectProblem.self) {
            try await page(SubjectQuery("jo"))
        }
        #expect(problem?.description.contains("did you mean job?") == true)
        await #expect(throws: SubjectProblem.self) {
            try await page(SubjectQuery("zzzzzzzzzzzz", kind: .run))
        }
    }
}
