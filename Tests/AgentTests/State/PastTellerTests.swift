import Foundation
import Logging
import MemoryModel
import NIOCore
import NIOPosix
import Synchronization
import TestSupport
import Testing
import Wire

@testable import Agent

@Suite("Telling what earlier agents left")
struct PastTellerTests {
    private let fixture: StateFixture
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    init() throws { fixture = try StateFixture() }

    private final class Owner: StateOwner {
        var outbox = Outbox(host: TrueHost.description)
        var isWelcomed = true
        var waitsSinceMilliseconds: Int64?
    }

    /// A teller with its owner, which it does not keep alive.
    private struct Telling {
        let owner: Owner
        let teller: PastTeller
    }

    /// Leaves a file of an agent that had so many runs, and says what is to be told of it.
    private func leave(epoch: UInt64, runs: Int32, names: Bool = false) throws -> PastReport {
        let outbox = StateFixture.outbox(liveCount: runs, names: names)
        let folder = try fixture.open()
        _ = try fixture.save(outbox, in: folder, epoch: epoch)
        let file = try #require(
            try PastFile.read(StateFileName.state(epoch: epoch), in: folder))
        let gap = Gap(
            ordinal: PastClosing.downGapOrdinal, reason: .agentDown, bracket: nil,
            missedCount: nil)
        let bracket = TimeBracket(notBeforeMilliseconds: 0, notAfterMilliseconds: 1)
        var known = gap
        known.bracket = bracket
        return try PastClosing(file: file, gaps: [known]).write(in: folder)
    }

    /// Has `reports` told to the collector at `port`.
    private func tell(
        _ reports: [PastReport], to collector: FakeCollector, by calls: any StateFileCalls,
        during body: (NIOLoopBound<Telling>) async throws -> Void
    ) async throws {
        let folder = try fixture.open(calls)
        let loop = group.next()
        let hello = HelloFrame(
            lowestMajor: 1, highestMajor: 1, requiredFeatures: 0, offeredFeatures: 0, epoch: 99,
            boot: fixture.boot, hostID: "one", hostName: "one", agentVersion: "1")
        let address = try #require(CollectorAddress("127.0.0.1:\(collector.port)"))
        let bound = try await loop.submit {
            let owner = Owner()
            let teller = PastTeller(
                PastFolder(folder: folder, ownEpoch: 99, limitBytes: 64 << 20), hello: hello,
                codec: try FrameCodec(), python: PythonSettings(), owner: owner, loop: loop,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            teller.liveSessionStands(at: address)
            teller.tell(reports)
            return NIOLoopBound(Telling(owner: owner, teller: teller), eventLoop: loop)
        }.get()
        try await body(bound)
        try await loop.submit { bound.value.teller.stop() }.get()
        try await group.shutdownGracefully()
    }

    private func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: fixture.path)
            .filter { $0.hasPrefix("state-") }.sorted()
    }

    @Test("a link that closes while a told file is removed takes the next file along under no name")
    func slowRemoval() async throws {
        let reports = [
            try leave(epoch: 5, runs: 4), try leave(epoch: 6, runs: 8),
            try leave(epoch: 7, runs: 2),
        ]
        let goodbye = Frame.goodbye(
            GoodbyeFrame(reason: .collectorStops, retryAfterMilliseconds: 1))
        let collector = try FakeCollector { hello, _ in
            hello.epoch == 5 ? .takeThrough(.gap, goodbye) : .take
        }
        let isRemoving = Atomic(false)
        let mayRemove = DispatchSemaphore(value: 0)
        let calls = HookedCalls { call throws(FileFailure) in
            guard call == .remove, !isRemoving.exchange(true, ordering: .relaxed) else { return }
            mayRemove.wait()
        }
        try await tell(reports, to: collector, by: calls) { bound in
            try await eventually("the first file is told") {
                isRemoving.load(ordering: .relaxed)
            }
            // A teller that began anew would have done so by then: it was asked to wait 1 ms.
            try await bound.eventLoop.scheduleTask(in: .milliseconds(200)) {}.futureResult.get()
            mayRemove.signal()
            try await eventually("all is told") { try names().isEmpty }
        }
        #expect(collector.sessions.map(\.hello.epoch) == [5, 6, 7])
        let counts = collector.sessions.map { $0.frames.flatMap(\.defines).count }
        #expect(counts == [6, 12, 3])
    }

    @Test("a file that cannot be read to its end for now stays, and is told whole the next time")
    func readError() async throws {
        let report = try leave(epoch: 5, runs: 9_000, names: true)
        let collector = try FakeCollector { _, _ in .take }
        let reads = Atomic(0)
        let calls = HookedCalls { call throws(FileFailure) in
            guard call == .read, reads.wrappingAdd(1, ordering: .relaxed).newValue == 3 else {
                return
            }
            throw FileFailure("cannot read", code: EIO)
        }
        try await tell([report], to: collector, by: calls) { _ in
            try await eventually("all is told") { try names().isEmpty }
        }
        let sessions = collector.sessions
        #expect(sessions.count == 2)
        #expect(sessions.first?.frames.contains { $0.type == .gap } == false)
        #expect(sessions.last?.frames.contains { $0.type == .gap } == true)
        #expect(sessions.last?.frames.flatMap(\.defines).count == 13_500)
    }

    @Test("in the place of a file that is refused again and again a gap is told, and it is kept")
    func refused() async throws {
        let report = try leave(epoch: 5, runs: 4)
        let collector = try FakeCollector { _, count in
            count < 3 ? .end(FakeCollector.error(.badPayload)) : .take
        }
        let kept = StateFileName.state(epoch: 5) + StateFileName.refusedSuffix
        try await tell([report], to: collector, by: SystemFileCalls()) { _ in
            try await eventually("the gap is told") {
                try collector.sessions.count == 4 && names() == [kept]
            }
        }
        let last = try #require(collector.sessions.last)
        #expect(last.hello.epoch == 5 && last.hello.boot == fixture.boot)
        #expect(last.frames.prefix(3).map(\.type) == [.host, .stateEnd, .gap])
        guard case .gap(let gap) = last.frames[2] else { return }
        #expect(gap.gaps.map(\.reason) == [.dropped])
        #expect(gap.gaps.map(\.missedCount) == [nil])
        #expect(gap.gaps.map(\.bracket?.notAfterMilliseconds) == [5_000])
    }
}
