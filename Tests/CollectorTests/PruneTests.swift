import Logging
import MemoryModel
import NIOPosix
import PeakStore
import SQLiteStore
import TestSupport
import Testing

@testable import Collector

@Suite("What is old goes, and what is not stays")
struct PruneTests {
    private let hour: Int64 = 3_600_000

    /// A run that ended so many hours after the epoch.
    private func run(_ pid: Int32, endedAtHour end: Int64?) -> StoredRun {
        var record = RunRecord(
            key: ProcessKey(pid: pid, startTicks: 7),
            description: RunDescription(program: "p", comm: "p"))
        record.end = end.map { end in
            RunEnd(
                bracket: TimeBracket(
                    notBeforeMilliseconds: end * hour, notAfterMilliseconds: end * hour),
                reason: .exited, exitCode: 0, exitSignal: nil)
        }
        return StoredRun(host: hostID("a"), boot: BootID(high: 1, low: 1), record: record)
    }

    private func settings(runs hours: Int64) -> RetentionSettings {
        var settings = RetentionSettings.usual
        settings.runsMilliseconds = hours * hour
        return settings
    }

    @Test("a dry run says what would go, a prune removes it once, and open runs never go")
    func prune() async throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.path + "/data")
        var batch = CommitBatch()
        let now = WallClock.nowMilliseconds() / hour
        batch.runs = [
            run(1, endedAtHour: now - 9), run(2, endedAtHour: now - 3), run(3, endedAtHour: nil),
        ]
        try store.commit(batch)
        let thread = NIOThreadPool(numberOfThreads: 1)
        thread.start()
        let fleet = Fleet(fleet: FleetState())
        let committer = Committer(
            fleet: fleet, store: store, thread: thread,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let desk = PurgeDesk(
            fleet: fleet, store: store, committer: committer, thread: thread,
            prune: PruneDesk(store: store))
        func ask(_ hours: Int64, isDryRun: Bool) async -> ControlAnswer {
            await desk.answer(.prune(settings(runs: hours), isDryRun: isDryRun))
        }
        #expect(await ask(6, isDryRun: true) == .done("This removes 1 run.\n"))
        #expect(await ask(20, isDryRun: true) == .done("Nothing is older than it is kept.\n"))
        guard case .done(let text) = await ask(6, isDryRun: false) else {
            Issue.record("it was refused")
            return
        }
        #expect(text.hasPrefix("Removed 1 run.\n"), "\(text)")
        #expect(
            await ask(6, isDryRun: false) == .done("Nothing is older than it is kept.\n"))
        let left = try store.runs(batch.runs.map(\.key)).keys
        #expect(Set(left) == Set(batch.runs.dropFirst().map(\.key)))
        try await thread.shutdownGracefully()
    }

    @Test("a prune folds tiny short runs, says how many, and keeps the largest")
    func folding() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.path + "/data")
        let now = WallClock.nowMilliseconds()
        let ended = now / hour * hour - 60 * hour + 5_000
        let moment = TimeBracket(notBeforeMilliseconds: ended, notAfterMilliseconds: ended)
        var batch = CommitBatch()
        batch.runs = (1...5).map { (pid: Int32) in
            var run = run(pid, endedAtHour: 0)
            run.epoch = 9
            run.record.ordinal = UInt64(pid)
            run.record.description.startedAtMilliseconds = ended
            run.record.end?.bracket = moment
            run.record.peak = Peak(bytes: UInt64(pid) << 20, bracket: moment, source: .exit)
            return run
        }
        try store.commit(batch)
        let desk = PruneDesk(store: store)
        var off = RetentionSettings.usual
        off.foldBelowBytes = 0
        let nothing = "Nothing is older than it is kept.\n"
        #expect(try desk.preview(off.retention, at: now) == nothing)
        let usual = RetentionSettings.usual.retention
        #expect(
            try desk.preview(usual, at: now) == "This removes 4 tiny runs by folding.\n")
        let text = try desk.prune(usual, at: now) { _ in }
        #expect(text.hasPrefix("Removed 4 tiny runs by folding.\n"), "\(text)")
        #expect(try store.runs(batch.runs.map(\.key)).keys.map(\.process.pid) == [5])
        #expect(try desk.preview(usual, at: now) == nothing)
    }

    @Test("between commits the store is packed and pruned until nothing is left to do")
    func maintainer() async throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.path + "/data")
        let living = run(1, endedAtHour: nil)
        var batch = CommitBatch()
        batch.runs = [living, run(2, endedAtHour: 0)]
        let start = WallClock.nowMilliseconds() / hour * hour - 5 * hour
        batch.windows = [
            StoredWindow(
                run: living.key, length: .minute, startsAtMilliseconds: start,
                window: Window(atLeastBytes: 5, atMostBytes: 5))
        ]
        try store.commit(batch)
        let thread = NIOThreadPool(numberOfThreads: 1)
        thread.start()
        let maintainer = Maintainer(
            store: store, thread: thread, retention: .usual,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        // A commit that is due comes first.
        #expect(try await maintainer.work { true })
        #expect(try store.runs(batch.runs.map(\.key)).count == 2)
        while try await maintainer.work(unless: { false }) {}
        #expect(try store.runs(batch.runs.map(\.key)).count == 1)
        #expect(try store.sizes().whole.minutesBytes > 0)
        try await thread.shutdownGracefully()
    }
}
