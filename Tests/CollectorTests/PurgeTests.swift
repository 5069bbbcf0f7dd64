import Logging
import MemoryModel
import NIOPosix
import PeakStore
import Synchronization
import TestSupport
import Testing
import Wire

@testable import Collector

@Suite("What was purged stays away")
struct PurgeTests {
    private let store = MemoryStore()
    private let fleet = Fleet(fleet: FleetState())
    private let told = Told()
    private let host = hostID("a")

    /// What the session of the host was told.
    private final class Told: Sendable {
        let commands = Mutex<[SessionCommand]>([])

        /// What was said to be durable, in its order.
        var acknowledged: [UInt64] {
            commands.withLock { commands in
                commands.compactMap { command in
                    guard case .committed(let sequence, _) = command else { return nil }
                    return sequence
                }
            }
        }

        /// The stretches of each RESET.
        var stretches: [[TimeBracket]] {
            commands.withLock { commands in
                commands.compactMap { command in
                    guard case .reset(let stretches) = command else { return nil }
                    return stretches
                }
            }
        }
    }

    private func open(epoch: UInt64 = 1, bootNumber: UInt64 = 1) -> SessionID {
        let session = fleet.open(
            .sample("a", bootNumber: bootNumber, epoch: epoch), at: .test(after: 60_000)
        ) { [told] command in told.commands.withLock { $0.append(command) } }
        apply(.host(.sample), session)
        return session
    }

    private func apply(_ events: SessionEvent..., session: SessionID) {
        for event in events { apply(event, session) }
    }

    private func apply(_ event: SessionEvent, _ session: SessionID) {
        let outcome = fleet.apply(
            event, to: host, by: session, sequence: 1, at: .test(after: 60_000))
        #expect(outcome == .taken)
    }

    /// Asks `requests` one after the other.
    private func ask(_ requests: ControlRequest...) async throws -> [ControlAnswer] {
        let thread = NIOThreadPool(numberOfThreads: 1)
        thread.start()
        let committer = Committer(
            fleet: fleet, store: store, thread: thread,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let desk = PurgeDesk(fleet: fleet, store: store, committer: committer, thread: thread)
        var answers: [ControlAnswer] = []
        for request in requests { answers.append(await desk.answer(request)) }
        try await thread.shutdownGracefully()
        return answers
    }

    private func purge(
        _ name: String = "a", from since: Int64 = 45_000, to until: Int64 = 55_000,
        isDryRun: Bool = false
    ) -> ControlRequest {
        .purge(
            host: name, sinceMilliseconds: wallMinusBoot + since,
            untilMilliseconds: wallMinusBoot + until, isDryRun: isDryRun)
    }

    private func peak(_ pid: Int32 = 1) -> UInt64? {
        fleet.read { $0.hosts[host]?.ledger[run(pid)]?.peak?.bytes }
    }

    private func storedPeak(_ pid: Int32 = 1) -> UInt64? {
        store.runs.values.first { $0.record.key == run(pid) }?.record.peak?.bytes
    }

    @Test("a copy of a purged peak does not come back, a true later one counts")
    func staysAway() async throws {
        let session = open()
        apply(.define([1]), .peak(1, bytes: 2 << 30, atMilliseconds: 50_000), session: session)
        let answers = try await ask(purge())
        guard case .done(let text) = answers[0] else { return #expect(Bool(false), "\(answers)") }
        #expect(text.contains("--undo 1") && text.contains("1 run"), "\(text)")
        #expect(peak() == nil && storedPeak() == nil)
        // The agent says all of it again, before it has learned of the purge or after.
        let again = open(epoch: 2)
        apply(.define([1]), .peak(1, bytes: 2 << 30, atMilliseconds: 50_000), session: again)
        #expect(peak() == nil)
        apply(.peak(1, bytes: 1 << 20, atMilliseconds: 58_000), session: again)
        #expect(peak() == 1 << 20)
        #expect(fleet.keptOutCount(of: host) == 1)
        _ = try await ask(.list)
        let commit = fleet.takeCommit(at: .test())
        try store.commit(commit.batch)
        #expect(storedPeak() == 1 << 20)
    }

    @Test("the host's agent is told at once, and each session of it after that, in boot time")
    func reset() async throws {
        _ = open()
        #expect(told.stretches.isEmpty)
        _ = try await ask(purge(), purge(from: 10_000, to: 20_000), purge(from: -90_000, to: -1))
        let first = TimeBracket(notBeforeMilliseconds: 45_000, notAfterMilliseconds: 55_000)
        let second = TimeBracket(notBeforeMilliseconds: 10_000, notAfterMilliseconds: 20_000)
        #expect(told.stretches.first == [first])
        #expect(told.stretches.last.map(Set.init) == [first, second])
        let count = told.stretches.count
        _ = open(epoch: 2)
        #expect(told.stretches.count == count + 1)
        // A clock that was set moves the stretches of boot time, too.
        let moved = HostDescription.sample.with { $0.wallMinusBootMilliseconds -= 5_000 }
        apply(.host(moved), SessionID(number: 2))
        #expect(told.stretches.last?.contains { $0.notBeforeMilliseconds == 50_000 } == true)
    }

    @Test("an agent is told of the newest purges, and of no more than it takes")
    func many() async throws {
        let session = open()
        for index in 0..<100 {
            let since = wallMinusBoot + Int64(index)
            let request = PurgeRequest(
                host: host, sinceMilliseconds: since, untilMilliseconds: since)
            fleet.purge(
                Tombstone(
                    id: Int64(index + 1), request: request,
                    createdAtMilliseconds: testNow + Int64(index)))
        }
        let last = try #require(told.stretches.last)
        #expect(last.count == 64)
        #expect(last.map(\.notBeforeMilliseconds).min() == 36)
        fleet.close(session, host: host)
    }

    @Test("an undo brings back what the store had, also in what is shown of the present")
    func undo() async throws {
        let session = open()
        apply(.define([1]), .peak(1, bytes: 2 << 30, atMilliseconds: 50_000), session: session)
        let answers = try await ask(purge(), .undo(tombstone: 1), .undo(tombstone: 1), .list)
        #expect(storedPeak() == 2 << 30 && peak() == 2 << 30)
        guard case .failed(let problem) = answers[2] else { return #expect(Bool(false)) }
        #expect(problem.contains("no tombstone 1") && problem.contains("--list"), "\(problem)")
        #expect(answers[3] == .done("Nothing is purged.\n"))
        apply(.peak(1, bytes: 3 << 30, atMilliseconds: 50_000), session: session)
        #expect(peak() == 3 << 30)
    }

    @Test("a dry run says what would go, and changes nothing")
    func dryRun() async throws {
        let session = open()
        apply(.define([1]), .peak(1, bytes: 2 << 30, atMilliseconds: 50_000), session: session)
        let answers = try await ask(purge(isDryRun: true), .list)
        guard case .done(let text) = answers[0] else { return #expect(Bool(false)) }
        #expect(text.contains("1 run") && text.contains("GiB"), "\(text)")
        #expect(answers[1] == .done("Nothing is purged.\n"))
        #expect(peak() == 2 << 30 && told.stretches.isEmpty)
    }

    @Test("a collector that starts again keeps out what was purged before")
    func restarted() async throws {
        let session = open()
        apply(.define([1]), .peak(1, bytes: 2 << 30, atMilliseconds: 50_000), session: session)
        _ = try await ask(purge())
        var again = try HostHarness(store: store)
        _ = again.fleet.sessionAccepted(
            SessionID(number: 5), host: host, boot: BootID(high: 0, low: 1), epoch: 1,
            agentVersion: "1", nowMilliseconds: testNow)
        for event in [SessionEvent.host(.sample), .define([1]), .peak(1, bytes: 2 << 30)] {
            _ = again.fleet.update(host, by: SessionID(number: 5), nowMilliseconds: testNow) {
                $0.apply(event, nowMilliseconds: testNow)
            }
        }
        #expect(again.fleet.hosts[host]?.ledger[run(1)]?.peak == nil)
    }

    @Test("what an agent left behind is purged and kept out, too")
    func past() {
        var harness = HostHarness()
        let past = SessionID(number: 77)
        harness.fleet.pastSessionAccepted(
            past, host: harness.id, boot: BootID(high: 0, low: 9), epoch: 3, agentVersion: "1",
            nowMilliseconds: testNow)
        func tell(_ event: SessionEvent) {
            _ = harness.fleet.update(harness.id, by: past, nowMilliseconds: testNow) {
                $0.apply(event, nowMilliseconds: testNow)
            }
        }
        tell(.host(.sample))
        tell(.define([1, 2]))
        tell(.peak(1, bytes: 1 << 30))
        let request = PurgeRequest(
            host: harness.id, sinceMilliseconds: wallMinusBoot + 49_000,
            untilMilliseconds: wallMinusBoot + 51_000)
        harness.fleet.purge(
            Tombstone(id: 1, request: request, createdAtMilliseconds: testNow))
        #expect(harness.fleet.pasts[past]?.ledger[run(1)]?.peak == nil)
        tell(.peak(2, bytes: 1 << 30))
        #expect(harness.fleet.pasts[past]?.ledger[run(2)]?.peak == nil)
        harness.open(epoch: 4)
        harness.apply(.host(.sample))
        harness.apply(.define([3]))
        harness.apply(.peak(3, bytes: 1 << 30))
        #expect(harness[3]?.peak == nil)
    }

    @Test("a host is found by its id, else by its name, and a name of several is refused")
    func hosts() async throws {
        _ = open()
        let other = fleet.open(.sample("b"))
        _ = fleet.apply(.host(.sample), to: hostID("b"), by: other, sequence: 1, at: .test())
        let answers = try await ask(
            purge("web", isDryRun: true), purge("b", isDryRun: true), purge("no\u{1B}ne"),
            purge(from: 2, to: 1))
        guard case .failed(let several) = answers[0], case .done(let one) = answers[1],
            case .failed(let none) = answers[2], case .failed(let turned) = answers[3]
        else { return #expect(Bool(false), "\(answers)") }
        #expect(several.contains("2 hosts have the name") && several.contains("a, b"))
        #expect(one.contains("web (b)"), "\(one)")
        #expect(none.contains("no host has the id or name") && !none.contains("\u{1B}"))
        #expect(turned.contains("before the beginning"))
    }

    @Test("while the disk is full nothing is purged, and the answer says so")
    func full() async throws {
        let session = open()
        apply(.define([1]), .peak(1, bytes: 2 << 30, atMilliseconds: 50_000), session: session)
        store.failure = .full(reason: "no room")
        let answers = try await ask(purge())
        guard case .failed = answers[0] else { return #expect(Bool(false)) }
        #expect(peak() == 2 << 30 && store.tombstones().isEmpty)
    }

    @Test(
        "after a failure that cannot pass, during a purge or in the store, nothing is acknowledged",
        arguments: [true, false])
    func failed(_ isDuringPurge: Bool) async throws {
        let session = open()
        apply(.define([1]), .peak(1, bytes: 2 << 30, atMilliseconds: 50_000), session: session)
        let thread = NIOThreadPool(numberOfThreads: 1)
        thread.start()
        let committer = Committer(
            fleet: fleet, store: store, thread: thread,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let desk = PurgeDesk(fleet: fleet, store: store, committer: committer, thread: thread)
        let failure = PeakStoreError.failed(reason: "disk I/O error")
        if isDuringPurge {
            store.failure = failure
            guard case .failed(let text) = await desk.answer(purge()) else {
                return #expect(Bool(false))
            }
            #expect(text.contains("disk I/O error"), "\(text)")
            // Even a store that forgot it would not help: the batch is gone.
            store.failure = nil
        } else {
            try await committer.commit()
            store.failure = failure
        }
        let before = told.acknowledged
        for _ in 0..<2 {
            // Nothing new came in, so that the batch is empty.
            await #expect(throws: failure) { try await committer.commit() }
        }
        #expect(told.acknowledged == before)
        #expect(before.isEmpty == isDuringPurge)
        try await thread.shutdownGracefully()
    }

    @Test("a request is what it was before it went over the socket, anything else is none")
    func lines() {
        let requests: [ControlRequest] = [
            purge("host with blanks"), purge(isDryRun: true), .undo(tombstone: 7), .list,
            .forget(host: "a b", isDryRun: true), .forget(host: "a", isDryRun: false),
            .prune(.usual, isDryRun: true), .prune(.usual, isDryRun: false),
        ]
        for request in requests {
            let line = ControlProtocol.line(request)
            #expect(line.hasSuffix("\n") && line.count { $0 == "\n" } == 1)
            #expect(ControlProtocol.request(String(line.dropLast())) == request)
        }
        for line in [
            "", "list", "highwater-control-1", "highwater-control-1\tlist\t",
            "highwater-control-1\tundo\tx", "highwater-control-1\tforget\ta\tlater",
            "highwater-control-1\tforget\ta", "highwater-control-1\tpurge\ta\t1\t2\tlater",
            "highwater-control-1\tprune\t1\t2\t-3\t4\t5\t6\tnow",
            "highwater-control-1\tprune\t1\t2\t3\t4\t5\t6\tlater",
            "highwater-control-1\tprune\t1\t2\t3\t4\tnow",
            "highwater-control-2\tlist", "highwater-control-1\tpurge\ta\tb\t1\t2\tnow",
        ] {
            #expect(ControlProtocol.request(line) == nil, "\(line)")
        }
        for answer in [ControlAnswer.done("a\nb"), .failed("")] {
            #expect(ControlAnswer(bytes: answer.bytes) == answer)
        }
        #expect(ControlAnswer(bytes: []) == nil)
    }
}
