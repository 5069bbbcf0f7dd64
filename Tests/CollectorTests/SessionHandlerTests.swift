import Logging
import MemoryModel
import NIOCore
import NIOEmbedded
import PeakStore
import Synchronization
import TestSupport
import Testing
import Wire

@testable import Collector

@Suite("An agent's connection")
struct SessionHandlerTests {
    /// A connection to a collector, and what the agent's side of it needs.
    private final class Connection {
        let channel = EmbeddedChannel()
        let fleet: Fleet
        private let codec: FrameCodec
        private var sequence: UInt64 = 0
        private var unread: [UInt8] = []
        /// The numbers of the frames that the collector sent.
        private(set) var answeredSequences: [UInt64] = []

        init(
            fleet: Fleet, maximumRuns: UInt32 = 100,
            onIdentified: @escaping @Sendable () -> Void = {}
        ) throws {
            self.fleet = fleet
            codec = try FrameCodec()
            let settings = ReceiverSettings(
                storeID: StoreID(high: 7, low: 8), collectorVersion: "1",
                maximumRuns: maximumRuns)
            let handler = SessionHandler(
                session: ReceiverSession(
                    acceptedAtMilliseconds: WallClock.monotonicMilliseconds(), settings: settings),
                codec: try FrameCodec(), fleet: fleet, address: "10.0.0.1:4000",
                credit: settings.credit,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                onIdentified: onIdentified)
            try channel.pipeline.syncOperations.addHandler(handler)
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        }

        /// A frame as it is on the wire, with the next number.
        func bytes(_ frame: Frame) throws -> [UInt8] {
            var bytes: [UInt8] = []
            try codec.encode(frame, sequence: sequence, mayCompress: sequence > 0) {
                bytes = Array($0)
            }
            sequence += 1
            return bytes
        }

        /// HELLO and HOST.
        func beginning(
            _ host: RawText = "web-1", boot: BootID = BootID(high: 0, low: 1)
        ) throws -> [UInt8] {
            let hello = HelloFrame(
                lowestMajor: 1, highestMajor: 1, requiredFeatures: 0, offeredFeatures: 0, epoch: 1,
                boot: boot, hostID: host, hostName: host, agentVersion: "1")
            return try FrameEncoder.preface + bytes(.hello(hello)) + bytes(.host(.sample))
        }

        /// The whole beginning of a session, up to the end of the full state.
        func opening(_ host: RawText = "web-1") throws -> [UInt8] {
            let define = DefineFrame(runs: [
                .init(
                    slot: 0, key: run(1),
                    description: RunDescription(program: "p", comm: "c"))
            ])
            return try beginning(host) + bytes(.define(define))
                + bytes(.stateEnd(StateEndFrame(liveCount: 1)))
        }

        func receive(_ bytes: some Sequence<UInt8>) throws {
            try channel.writeInbound(ByteBuffer(bytes: bytes))
        }

        /// Every frame that the collector sent since it was last asked.
        func answers() throws -> [Frame] {
            channel.embeddedEventLoop.run()
            while let buffer = try channel.readOutbound(as: ByteBuffer.self) {
                unread += Array(buffer.readableBytesView)
            }
            var frames: [Frame] = []
            while let decoded = try unread.withUnsafeBytes({
                try codec.decode($0, isWelcomed: true)
            }) {
                frames.append(decoded.frame)
                answeredSequences.append(decoded.sequence)
                unread.removeFirst(decoded.consumedBytes)
            }
            return frames
        }

        /// The code of the ERROR that was sent; nil if there was none.
        func errorCode() throws -> ErrorCode? {
            for case .error(let error) in try answers() {
                return UInt16(exactly: error.code).flatMap(ErrorCode.init(rawValue:))
            }
            return nil
        }

        func end() throws { _ = try channel.finish(acceptAlreadyClosed: true) }
    }

    private let fleet = Fleet(fleet: FleetState(), limits: FleetLimits(credit: 64))

    private func knownRuns(of host: String = "web-1") -> [ProcessKey] {
        fleet.read { fleet in fleet.hosts[hostID(host)].map { Array($0.ledger.runs.keys) } ?? [] }
    }

    @Test("a session that comes byte by byte is the same as one that comes at once")
    func dripFeed() throws {
        for isSlow in [true, false] {
            let fleet = Fleet(fleet: FleetState(), limits: FleetLimits(credit: 64))
            let connection = try Connection(fleet: fleet)
            let bytes = try connection.opening()
            if isSlow {
                for byte in bytes { try connection.receive([byte]) }
            } else {
                try connection.receive(bytes)
            }
            #expect(try connection.answers().map(\.type) == [.welcome])
            #expect(connection.channel.isActive)
            #expect(fleet.read { $0.hosts[hostID("web-1")]?.ledger.runs.count } == 1)
            try connection.end()
        }
    }

    @Test("random pieces of a session are taken as they come")
    func randomPieces() throws {
        var random = SeededGenerator()
        for _ in 0..<50 {
            let fleet = Fleet(fleet: FleetState(), limits: FleetLimits(credit: 64))
            let connection = try Connection(fleet: fleet)
            var bytes = try connection.opening()[...]
            while !bytes.isEmpty {
                let count = Int.random(in: 1...bytes.count, using: &random)
                try connection.receive(bytes.prefix(count))
                bytes = bytes.dropFirst(count)
            }
            #expect(try connection.answers().map(\.type) == [.welcome], "\(random)")
            #expect(fleet.sessionCount == 1, "\(random)")
            try connection.end()
        }
    }

    @Test("what is committed is acknowledged on the connection it came by")
    func acknowledged() throws {
        let connection = try Connection(fleet: fleet)
        try connection.receive(try connection.opening())
        _ = try connection.answers()
        fleet.committed(fleet.takeCommit(at: .test()), at: .test())
        let acknowledgement = AcknowledgementFrame(sequence: 3, credit: 64)
        #expect(try connection.answers() == [.acknowledgement(acknowledgement)])
        fleet.commitFailed(
            fleet.takeCommit(at: .test()), error: .full(reason: "full"), at: .test())
        let suspension = AcknowledgementFrame(sequence: 3, credit: 0)
        #expect(try connection.answers() == [.acknowledgement(suspension)])
        try connection.end()
    }

    @Test("a host that connects again has no more to define than it had left")
    func reconnected() throws {
        func defines(_ slots: Range<UInt32>) -> Frame {
            .define(
                DefineFrame(
                    runs: slots.map {
                        .init(
                            slot: $0, key: run(Int32($0) + 1),
                            description: RunDescription(program: "p", comm: "c"))
                    }))
        }
        var errors: [ErrorCode?] = []
        for _ in 0..<4 {
            let connection = try Connection(fleet: fleet, maximumRuns: 40_000)
            try connection.receive(try connection.beginning())
            for first in stride(from: UInt32(0), to: 30_000, by: 3_000) {
                try connection.receive(try connection.bytes(defines(first..<first + 3_000)))
            }
            errors.append(try connection.errorCode())
            try connection.end()
        }
        #expect(errors.prefix(2).allSatisfy { $0 == nil })
        #expect(errors.suffix(2).contains(.limitExceeded), "\(errors)")
    }

    @Test("a machine that is turned away gets ERROR instead of WELCOME, with the first number")
    func refused() throws {
        let first = try Connection(fleet: fleet)
        try first.receive(try first.opening())
        let second = try Connection(fleet: fleet)
        try second.receive(try second.beginning(boot: BootID(high: 0, low: 2)))
        let answers = try second.answers()
        #expect(answers.map(\.type) == [.error])
        #expect(second.answeredSequences == [0])
        #expect(!second.channel.isActive)
        #expect(try first.answers().map(\.type) == [.welcome])
        try first.end()
        try second.end()
    }

    @Test("a purge reaches the agent as RESET")
    func reset() throws {
        let connection = try Connection(fleet: fleet)
        try connection.receive(try connection.opening())
        _ = try connection.answers()
        let request = PurgeRequest(
            host: hostID("web-1"), sinceMilliseconds: wallMinusBoot + 5,
            untilMilliseconds: wallMinusBoot + 9)
        fleet.purge(Tombstone(id: 1, request: request, createdAtMilliseconds: testNow))
        let stretch = TimeBracket(notBeforeMilliseconds: 5, notAfterMilliseconds: 9)
        #expect(try connection.answers() == [.reset(ResetFrame(stretches: [stretch]))])
        try connection.end()
        let again = try Connection(fleet: fleet)
        try again.receive(try again.opening())
        #expect(try again.answers().map(\.type) == [.welcome, .reset])
        try again.end()
    }

    @Test("what does not begin like an agent gets ERROR, then the end, and no memory is kept of it")
    func garbage() throws {
        let connection = try Connection(fleet: fleet)
        try connection.receive(Array("GET / HTTP/1.1\r\n\r\n".utf8))
        #expect(try connection.errorCode() == .notHighwater)
        #expect(!connection.channel.isActive)
        #expect(fleet.sessionCount == 0)
        try connection.end()
    }

    @Test("a broken frame is answered with ERROR before the connection is closed, for itself alone")
    func brokenFrame() throws {
        let good = try Connection(fleet: fleet)
        try good.receive(try good.opening("good"))
        let bad = try Connection(fleet: fleet)
        try bad.receive(try bad.opening("bad"))
        _ = (try good.answers(), try bad.answers())
        var bytes = try bad.bytes(.counters(CountersFrame(values: [.vanished: 1])))
        bytes[bytes.count - 1] ^= 1
        try bad.receive(bytes)
        #expect(try bad.errorCode() == .badChecksum)
        #expect(!bad.channel.isActive)
        #expect(fleet.sessionCount == 1)
        try good.receive(try good.bytes(.ping(token: 5)))
        #expect(try good.answers() == [.pong(token: 5)])
        try bad.end()
        try good.end()
    }

    @Test("after ERROR nothing that still comes in is taken")
    func nothingAfterError() throws {
        let connection = try Connection(fleet: fleet)
        let bytes = try connection.opening()
        let second = DefineFrame(runs: [
            .init(slot: 1, key: run(2), description: RunDescription(program: "p", comm: "c"))
        ])
        let broken = try connection.bytes(.stateEnd(StateEndFrame(liveCount: 1)))
        try connection.receive(bytes + broken + connection.bytes(.define(second)))
        #expect(try connection.errorCode() == .unexpectedFrame)
        #expect(knownRuns() == [run(1)])
        try connection.end()
    }

    @Test("a connection that ends frees its host, whose runs stay known")
    func closed() throws {
        let connection = try Connection(fleet: fleet)
        try connection.receive(try connection.opening())
        #expect(fleet.sessionCount == 1)
        try connection.end()
        #expect(fleet.sessionCount == 0)
        #expect(knownRuns() == [run(1)])
    }

    @Test("a newer connection of the same host ends the older one, which is told why")
    func replaced() throws {
        let first = try Connection(fleet: fleet)
        try first.receive(try first.opening())
        _ = try first.answers()
        let second = try Connection(fleet: fleet)
        try second.receive(try second.opening())
        #expect(try first.errorCode() == .replaced)
        #expect(!first.channel.isActive)
        #expect(try second.answers().map(\.type) == [.welcome])
        #expect(second.channel.isActive)
        #expect(fleet.sessionCount == 1)
        try first.end()
        #expect(fleet.sessionCount == 1)
        try second.end()
    }

    @Test("a collector that stops says GOODBYE and when to come back")
    func drained() throws {
        let connection = try Connection(fleet: fleet)
        try connection.receive(try connection.opening())
        _ = try connection.answers()
        fleet.drain()
        let answers = try connection.answers()
        guard case .goodbye(let goodbye)? = answers.first else {
            Issue.record("GOODBYE comes first: \(answers)")
            return
        }
        #expect(goodbye.reason == .collectorStops)
        #expect(goodbye.retryAfterMilliseconds >= 500)
        #expect(!connection.channel.isActive)
        try connection.end()
    }

    @Test("who it is is said once, with its HELLO")
    func identified() throws {
        let count = Counter()
        let connection = try Connection(fleet: fleet) { count.add() }
        let bytes = try connection.opening()
        try connection.receive(bytes.prefix(FrameEncoder.preface.count))
        #expect(count.value == 0)
        try connection.receive(bytes.dropFirst(FrameEncoder.preface.count))
        #expect(count.value == 1)
        try connection.end()
    }
}

/// A number that a closure of another thread may raise.
private final class Counter: Sendable {
    private let count = Mutex(0)

    var value: Int { count.withLock { $0 } }

    func add() { count.withLock { $0 += 1 } }
}
