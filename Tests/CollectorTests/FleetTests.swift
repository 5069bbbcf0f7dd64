import Collector
import Logging
import MemoryModel
import NIOPosix
import PeakStore
import Report
import Synchronization
import TestSupport
import Testing
import Wire

/// A session that notes what it is told.
private final class Listener: Sendable {
    private let heard = Mutex<[SessionCommand]>([])

    func tell(_ command: SessionCommand) { heard.withLock { $0.append(command) } }

    /// What it was told since it was last asked.
    func commands() -> [SessionCommand] {
        heard.withLock { heard in
            defer { heard = [] }
            return heard
        }
    }
}

extension Fleet {
    fileprivate func accept(_ host: String, _ listener: Listener, epoch: UInt64 = 1) -> SessionID {
        open(.sample(host, epoch: epoch)) { listener.tell($0) }
    }

    @discardableResult
    fileprivate func apply(
        _ host: String, _ session: SessionID, _ sequence: UInt64, _ event: SessionEvent
    ) -> Bool {
        apply(event, to: hostID(host), by: session, sequence: sequence, at: .test()) == .taken
    }
}

@Suite("The fleet that event loops, committer and views share")
struct FleetTests {
    private let fleet = Fleet(fleet: FleetState(), limits: FleetLimits(credit: 9))

    @Test("a host with a session is up until that is overdue, and a sign of life counts")
    func silence() {
        let listener = Listener()
        let session = fleet.accept("a", listener)
        fleet.apply("a", session, 1, .host(.sample))
        func state(after milliseconds: Int64) -> HostState? {
            fleet.read { fleet in
                fleet.hosts[hostID("a")]?.reported(nowMilliseconds: testNow + milliseconds)?.state
            }
        }
        #expect(state(after: 45_000) == .up)
        #expect(state(after: 45_001) == .late)
        fleet.heard(hostID("a"), by: session, at: .test(after: 30_000))
        #expect(state(after: 75_000) == .up)
        fleet.close(session, host: hostID("a"))
        #expect(state(after: 45_000) == .up)
        #expect(state(after: 46_000) == .late)
    }

    @Test("a session that is replaced is told so once, and is no session any more")
    func replaced() {
        let (first, second) = (Listener(), Listener())
        let old = fleet.accept("a", first)
        let new = fleet.accept("a", second)
        #expect(first.commands() == [.replaced(by: "10.0.0.1:4000")])
        #expect(second.commands().isEmpty)
        #expect(fleet.sessionCount == 1)
        #expect(!fleet.apply("a", old, 1, .host(.sample)))
        #expect(fleet.apply("a", new, 1, .host(.sample)))
        fleet.close(old, host: hostID("a"))
        #expect(fleet.apply("a", new, 2, .define([1])))
        #expect(fleet.sessionCount == 1)
    }

    @Test("what was applied before a batch was taken is acknowledged with it, and nothing after")
    func acknowledged() {
        let listener = Listener()
        let session = fleet.accept("a", listener)
        fleet.apply("a", session, 1, .host(.sample))
        let commit = fleet.takeCommit(at: .test())
        fleet.apply("a", session, 2, .define([1]))
        #expect(listener.commands().isEmpty)
        fleet.committed(commit, at: .test())
        #expect(listener.commands() == [.committed(throughSequence: 1, credit: 9)])
        fleet.committed(fleet.takeCommit(at: .test()), at: .test())
        #expect(listener.commands() == [.committed(throughSequence: 2, credit: 9)])
        fleet.committed(fleet.takeCommit(at: .test()), at: .test())
        #expect(listener.commands().isEmpty)
    }

    @Test("a session that took another's place meanwhile is not told of the other's frames")
    func acknowledgedToTheRightOne() {
        let (first, second) = (Listener(), Listener())
        let old = fleet.accept("a", first)
        fleet.apply("a", old, 7, .host(.sample))
        let commit = fleet.takeCommit(at: .test())
        _ = fleet.accept("a", second)
        _ = first.commands()
        fleet.committed(commit, at: .test())
        #expect(first.commands().isEmpty)
        #expect(second.commands().isEmpty)
    }

    @Test("with a full disk all are suspended, and with room again all have credit again")
    func suspended() {
        let (told, silent, late) = (Listener(), Listener(), Listener())
        let session = fleet.accept("a", told)
        _ = fleet.accept("b", silent)
        fleet.apply("a", session, 1, .host(.sample))
        fleet.commitFailed(
            fleet.takeCommit(at: .test()), error: .full(reason: "full"), at: .test())
        #expect(told.commands() == [.credit(0)])
        #expect(silent.commands() == [.credit(0)])
        #expect(fleet.health.0 == .stalled(.full(reason: "full"), sinceMilliseconds: testNow))
        fleet.commitFailed(
            fleet.takeCommit(at: .test()), error: .full(reason: "still"), at: .test(after: 5))
        #expect(fleet.health.0 == .stalled(.full(reason: "full"), sinceMilliseconds: testNow))
        _ = (told.commands(), silent.commands())
        let commit = fleet.takeCommit(at: .test())
        _ = fleet.accept("c", late)
        fleet.committed(commit, at: .test(after: 10))
        #expect(told.commands() == [.committed(throughSequence: 1, credit: 9)])
        #expect(silent.commands() == [.credit(9)])
        #expect(fleet.health.0 == .working)
        #expect(fleet.health.committedAtMilliseconds == testNow + 10)
    }

    @Test("on the way out every session is told another time to come back")
    func drain() {
        let listeners = (0..<5).map { _ in Listener() }
        for (index, listener) in listeners.enumerated() { _ = fleet.accept("h\(index)", listener) }
        fleet.drain()
        let delays = listeners.flatMap { $0.commands() }.compactMap { command -> UInt64? in
            guard case .drain(let delay) = command else { return nil }
            return delay
        }
        #expect(Set(delays).count == 5)
        #expect(delays.allSatisfy { (500...10_000).contains($0) })
        Fleet(fleet: FleetState(), limits: FleetLimits(credit: 1)).drain()
    }
}

@Suite("The committer")
struct CommitterTests {
    private let store = MemoryStore()
    private let fleet = Fleet(fleet: FleetState(), limits: FleetLimits(credit: 9))
    private let listener = Listener()

    /// Calls `body` with a committer that has threads.
    private func withCommitter(_ body: (Committer) async throws -> Void) async throws {
        let threads = NIOThreadPool(numberOfThreads: 1)
        threads.start()
        let committer = Committer(
            fleet: fleet, store: store, thread: threads,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        do {
            try await body(committer)
        } catch {
            try await threads.shutdownGracefully()
            throw error
        }
        try await threads.shutdownGracefully()
    }

    @Test("what is on the disk is acknowledged; without anything new nothing is written")
    func commits() async throws {
        let session = fleet.accept("a", listener)
        fleet.apply("a", session, 1, .host(.sample))
        fleet.apply("a", session, 2, .define([1]))
        try await withCommitter { committer in
            try await committer.commit()
            #expect(listener.commands() == [.committed(throughSequence: 2, credit: 9)])
            #expect(store.runs.count == 1)
            try await committer.commit()
            #expect(store.commitCount == 1)
            #expect(listener.commands().isEmpty)
        }
    }

    @Test(
        "what can pass acknowledges nothing and takes the credit, until it has passed",
        arguments: [
            PeakStoreError.full(reason: "no room"), .locked(reason: "somebody reads slowly"),
        ])
    func stalled(_ obstacle: PeakStoreError) async throws {
        let session = fleet.accept("a", listener)
        fleet.apply("a", session, 1, .host(.sample))
        store.failure = obstacle
        try await withCommitter { committer in
            try await committer.commit()
            #expect(listener.commands() == [.credit(0)])
            fleet.apply("a", session, 2, .define([1]))
            try await committer.commit()
            #expect(listener.commands().isEmpty)
            #expect(fleet.health.0 != .working)
            #expect(store.runs.isEmpty)
            store.failure = nil
            try await committer.commit()
            #expect(listener.commands() == [.committed(throughSequence: 2, credit: 9)])
            #expect(fleet.health.0 == .working)
            #expect(store.runs.count == 1)
        }
    }

    @Test("any other failure is thrown, and nothing is acknowledged")
    func failed() async throws {
        let session = fleet.accept("a", listener)
        fleet.apply("a", session, 1, .host(.sample))
        store.failure = .failed(reason: "the disk is broken")
        try await withCommitter { committer in
            await #expect(throws: PeakStoreError.failed(reason: "the disk is broken")) {
                try await committer.commit()
            }
            #expect(listener.commands().isEmpty)
        }
    }
}
