import MemoryModel
import NIOPosix
import PeakStore
import Report
import SQLiteStore
import TestSupport
import Testing
import Wire

@testable import Collector

@Suite("Reports of fleet and store")
struct PeakViewsTests {
    private let folder: TemporaryFolder
    private let store: SQLiteStore
    private let host = hostID("web-1")
    private let boot = BootID(high: 0, low: 1)
    private let hour: Int64 = testNow / 3_600_000 * 3_600_000

    init() throws {
        folder = try TemporaryFolder()
        store = try SQLiteStore(dataDirectory: folder.path + "/data")
    }

    /// A run of the store that peaked so many hours ago.
    private func stored(
        _ pid: Int32, _ program: RawText, mebibytes: UInt64, hoursAgo: Int64, isLive: Bool = false
    ) -> StoredRun {
        var record = RunRecord(
            key: run(pid), description: RunDescription(program: program, comm: program))
        let at = testNow - hoursAgo * 3_600_000
        record.peak = Peak(
            bytes: mebibytes << 20,
            bracket: TimeBracket(notBeforeMilliseconds: at, notAfterMilliseconds: at),
            source: .hwm)
        if !isLive { record.setEnd(RunEnd(bracket: nil, reason: .exited, exitCode: 0)) }
        return StoredRun(host: host, boot: boot, record: record)
    }

    /// The fleet knows one host, on which run 1 lives with 300 MiB.
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

    private func report(
        _ change: (inout ReportQuery) -> Void
    ) async throws -> ReportResult {
        var query = ReportQuery()
        change(&query)
        let threads = NIOThreadPool(numberOfThreads: 1)
        threads.start()
        let view = try await Views(fleet: fleet(), store: store, threads: threads)
            .report(matching: query, nowMilliseconds: testNow)
        try await threads.shutdownGracefully()
        return view.result
    }

    /// What the last hour is beside the one before.
    private func comparison() async throws -> ComparisonView {
        let query = try ReportQuery(
            pairs: [QueryPair("since", "1h"), QueryPair("compare", "previous")],
            nowMilliseconds: testNow)
        let threads = NIOThreadPool(numberOfThreads: 1)
        threads.start()
        let view = try await Views(fleet: fleet(), store: store, threads: threads)
            .answer(to: query, nowMilliseconds: testNow)
        try await threads.shutdownGracefully()
        return try #require(view as? ComparisonView)
    }

    @Test("what was not there before is new only where somebody watched before")
    func newOrUnknown() async throws {
        let minute: Int64 = 60_000
        let lately = testNow / minute * minute - 20 * minute
        var late = stored(7, "late", mebibytes: 90, hoursAgo: 0)
        late.record.description.startedAtMilliseconds = lately
        try commit([late], covered: [lately])
        let unknown = try await comparison()
        func group(_ view: ComparisonView) -> ComparedGroup? {
            view.groups.first { $0.name == "late" }
        }
        #expect(group(unknown)?.state == .unknown)
        #expect(group(unknown)?.changeBytes == nil)
        let text = unknown.text(style: TextStyle())
        #expect(text.contains("Coverage before: the host was not watched."))
        #expect(text.contains("the host was watched, "))
        #expect(!text.contains(" new"))
        #expect(
            unknown.json.contains(
                "\"compared_watched\":{\"hosts\":1,\"hosts_watched\":0,"
                    + "\"host_seconds_watched\":0.000,\"host_seconds\":3600.000}"))
        #expect(unknown.coverageLine?.hasSuffix("the host was not watched.") == true)
        try commit([], covered: [lately - 60 * minute])
        let known = try await comparison()
        #expect(group(known)?.state == .new && group(known)?.changeBytes == 90 << 20)
        #expect(known.text(style: TextStyle()).contains("was watched, 1.7 % of the time."))
    }

    private func commit(
        _ runs: [StoredRun], _ windows: [StoredWindow] = [], covered: [Int64] = []
    ) throws {
        var batch = CommitBatch()
        batch.runs = runs
        batch.windows = windows
        batch.coverage = covered.map {
            StoredCoverage(host: host, boot: boot, startsAtMilliseconds: $0, liveCount: 1)
        }
        try store.commit(batch)
    }

    @Test("a run of both fleet and store is counted once, with the greater peak")
    func once() async throws {
        let program = try #require(try await report { _ in }.rows.first?.program)
        try commit([
            stored(1, program, mebibytes: 400, hoursAgo: 1, isLive: true),
            stored(2, program, mebibytes: 100, hoursAgo: 1),
        ])
        for grouping in ReportQuery.Grouping.allCases where grouping != .run {
            let rows = try await report { $0.grouping = grouping }.rows
            #expect(rows.reduce(0) { $0 + $1.runs } == 2, "\(grouping)")
            #expect(rows.first?.peak?.bytes == 400 << 20, "\(grouping)")
            #expect(rows.reduce(0) { $0 + $1.liveRuns } == 1, "\(grouping)")
        }
        let single = try await report { _ in }
        #expect(single.rows.map(\.peak?.bytes) == [400 << 20, 100 << 20])
        #expect(single.coverage.hiddenRowCount == 0)
    }

    @Test("a program that only the fleet knows has its name and its row")
    func onlyInFleet() async throws {
        try commit([stored(2, "other", mebibytes: 900, hoursAgo: 1)])
        let rows = try await report { $0.grouping = .program }.rows
        #expect(rows.count == 2 && rows.first?.group == "other")
        #expect(rows.last?.group == rows.last?.program && rows.last?.group != nil)
    }

    @Test("of runs that peaked before the range the windows decide, however many there are")
    func windows() async throws {
        let quiet = (Int32(10)..<310).map {
            stored($0, "old", mebibytes: 1_000 + UInt64($0), hoursAgo: 50, isLive: true)
        }
        let start = hour - 3_600_000
        let minutes = (0..<10).map { start + Int64($0) * 60_000 }
        let quietWindows = quiet.map {
            StoredWindow(
                run: $0.key, length: .minute, startsAtMilliseconds: start,
                window: Window(atLeastBytes: 5 << 20, atMostBytes: 5 << 20))
        }
        try commit(
            quiet + [stored(2, "new", mebibytes: 100, hoursAgo: 0)], quietWindows,
            covered: minutes)
        let query: (inout ReportQuery) -> Void = {
            $0.sinceMilliseconds = start
            $0.untilMilliseconds = testNow
            $0.patterns[.program] = Glob("[on]*")
            $0.top = 1
        }
        let single = try await report(query)
        #expect(single.rows.first?.program == "new")
        #expect(single.rows.first?.isPeakUpperBound == false)
        #expect(single.coverage.hiddenRowCount == 300 && single.coverage.unreadRunCount == 0)
        let grouped = try await report {
            query(&$0)
            ($0.grouping, $0.top) = (.program, 5)
        }
        let old = try #require(grouped.rows.first { $0.group == "old" })
        #expect(old.runs == 300 && old.peak?.bytes == 5 << 20)
    }

    @Test("a check finds a run that held too much in the range although it peaked before")
    func check() async throws {
        let start = hour - 3_600_000
        // Many that peaked higher and hold little, and one that is the last to be looked at.
        let quiet = (Int32(10)..<260).map {
            stored($0, "old", mebibytes: 1_000 + UInt64($0), hoursAgo: 50, isLive: true)
        }
        let busy = stored(9, "busy", mebibytes: 1_000, hoursAgo: 50, isLive: true)
        try commit(
            quiet + [busy],
            (quiet + [busy]).map { run in
                let held: UInt64 = run.record.key.pid == 9 ? 900 : 5
                return StoredWindow(
                    run: run.key, length: .minute, startsAtMilliseconds: start,
                    window: Window(atLeastBytes: held << 20, atMostBytes: held << 20))
            }, covered: (0..<10).map { start + Int64($0) * 60_000 })
        let threads = NIOThreadPool(numberOfThreads: 1)
        threads.start()
        let views = Views(fleet: fleet(), store: store, threads: threads)
        for (threshold, status) in [
            ("800M", CheckStatus.critical), ("900M", .ok), ("200M", .critical),
        ] {
            var query = try CheckQuery(
                pairs: [QueryPair("peak_critical", threshold)], nowMilliseconds: testNow)
            query.sinceMilliseconds = start
            let result = try views.check(query, at: .test())
            #expect(result.status == status, "\(threshold): \(result.line)")
            #expect(result.line.contains("900 MiB") && result.line.contains("busy, pid 9 on web"))
        }
        try await threads.shutdownGracefully()
    }

    @Test("inherited peaks are counted, not shown, also by program")
    func inherited() async throws {
        var forked = stored(2, "forked", mebibytes: 700, hoursAgo: 1)
        forked.record.description.inheritedBytes = 700 << 20
        try commit([forked])
        for grouping in [ReportQuery.Grouping.run, .program] {
            let result = try await report { $0.grouping = grouping }
            #expect(result.coverage.inheritedRunCount == 1 && result.rows.count == 1)
            let all = try await report { ($0.grouping, $0.includesInherited) = (grouping, true) }
            #expect(all.coverage.inheritedRunCount == 0 && all.rows.count == 2)
        }
    }

    @Test("an empty report says which filter leaves nothing, and the name that was meant")
    func emptyReason() async throws {
        try commit([
            stored(2, "postgres", mebibytes: 100, hoursAgo: 1),
            stored(3, "postgres", mebibytes: 200, hoursAgo: 1),
        ])
        func text(_ change: (inout ReportQuery) -> Void) async throws -> String {
            let result = try await report(change)
            #expect(result.rows.isEmpty)
            return ReportView(result).text(style: TextStyle())
        }
        let mistyped = try await text { $0.program = Glob("postgras") }
        #expect(mistyped.contains("without program \"postgras\" 2 runs do."))
        #expect(mistyped.contains("Did you mean postgres?"))
        let large = try await text { ($0.program, $0.minimumPeakBytes) = (Glob("post*"), 8 << 30) }
        #expect(large.contains("No run matches; without min_peak 8 GiB 2 runs do."))
        let few = try await text { ($0.grouping, $0.minimumRuns) = (.program, 9) }
        #expect(few.contains("without min_runs 9 2 runs do."))
    }
}
