import Logging
import MemoryModel
import NIOCore
import NIOPosix
import ProcessSampler
import Synchronization
import TestSupport
import Wire

@testable import Agent

/// A keeper on an event loop of its own, whose owner and looks a test chooses.
final class KeeperHarness: Sendable {
    /// What lives on the loop.
    final class Owner: StateOwner {
        var outbox = Outbox(host: TrueHost.description, memoryLimitBytes: 512 << 10)
        var isWelcomed = false
        var waitsSinceMilliseconds: Int64?
        var keeper: StateKeeper?
        private var nextPid: Int32 = 1
        private(set) var sequence: UInt64 = 0

        /// So many runs came and went, of one program.
        func pass(_ count: Int32, atMilliseconds at: Int64) {
            var snapshot = HostSnapshot(takenAtMilliseconds: at)
            let bracket = TimeBracket(notBeforeMilliseconds: at - 500, notAfterMilliseconds: at)
            for pid in nextPid..<nextPid + count {
                snapshot.completed.append(
                    CompletedRun(
                        start: StartedRun(
                            key: run(pid),
                            description: RunDescription(program: "p", comm: "c")),
                        end: EndedRun(
                            key: run(pid), end: RunEnd(bracket: bracket, reason: .exited),
                            record: ExitFigures(
                                markBytes: UInt64(pid) << 12, processorMilliseconds: 1,
                                faults: nil))))
            }
            nextPid += count
            outbox.apply(snapshot)
        }

        /// Tells all that may be told, and gives the runs that are in folds.
        func tell() -> UInt64 {
            var folded: UInt64 = 0
            while let frame = outbox.nextFrame() {
                sequence += 1
                outbox.sent(sequence: sequence)
                guard case .fold(let frame) = frame else { continue }
                folded += frame.folds.reduce(0) { $0 + $1.runCount }
            }
            return folded
        }

        /// A session begins.
        func connect() {
            isWelcomed = true
            sequence = 0
            outbox.sessionOpened(maximumRuns: 65_536, storeID: StoreID(high: 1, low: 1))
        }

        /// All that was told is durable.
        func acknowledge() {
            outbox.acknowledged(throughSequence: sequence)
            keeper?.acknowledged(throughSequence: sequence)
        }
    }

    let fixture: StateFixture
    let folder: StateFolder
    let tree: ProcTree
    let name = StateFileName.state(epoch: 99)
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let owner: NIOLoopBound<Owner>

    /// Begins at 1,000 ms since boot, when 1,000 processes had begun.
    init(_ calls: any StateFileCalls = SystemFileCalls()) async throws {
        fixture = try StateFixture()
        let folder = try fixture.open(calls)
        self.folder = folder
        tree = try ProcTree()
        try tree.write("cpu 1 2 3\nprocesses 1000\n", to: "stat")
        let loop = group.next()
        let marker = RunningMarker(
            boot: fixture.boot, epoch: 99, host: fixture.host,
            now: .init(atMilliseconds: 1_000, processCount: 1_000),
            safe: .init(atMilliseconds: 1_000, processCount: 1_000),
            wallMinusBootMilliseconds: 1_700_000_000_000)
        let path = tree.path
        owner = try await loop.submit {
            let owner = Owner()
            owner.keeper = StateKeeper(
                PastFolder(folder: folder, ownEpoch: 99, limitBytes: 64 << 20), marker: marker,
                hasToTell: false, facts: try HostFacts(root: ProcRoot(path: path)), owner: owner,
                loop: loop, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            return NIOLoopBound(owner, eventLoop: loop)
        }.get()
    }

    /// Does something on the loop.
    @discardableResult
    func on<Value: Sendable>(
        _ body: @escaping @Sendable (Owner) throws -> Value
    ) async throws -> Value {
        try await owner.eventLoop.submit { [owner] in try body(owner.value) }.get()
    }

    /// Takes note of a look, and waits until whatever came of it is done.
    func look(_ now: Int64) async throws {
        try await on { $0.keeper?.looked(atMilliseconds: now) }
        try await eventually("the disk has what it is to have") {
            try await on { $0.keeper?.isBusy == false }
        }
    }

    /// The marker, once it was written at that look.
    func marker(_ now: Int64) async throws -> RunningMarker {
        var found: RunningMarker?
        try await eventually("the marker of \(now) is there") {
            let bytes = try folder.beginning(
                of: StateFileName.running, maximumBytes: RunningMarker.byteCount)
            found = bytes.flatMap { RunningMarker.read($0) }
            return found?.now.atMilliseconds == now
        }
        guard let found else { throw Program.Failure(description: "there is no marker") }
        return found
    }

    func close() async throws {
        try await on { $0.keeper = nil }
        try await group.shutdownGracefully()
    }
}
