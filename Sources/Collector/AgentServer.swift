import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Synchronization
import Wire

/// Listens for agents and gives each connection its session.
final class AgentServer: Sendable {
    private let group: any EventLoopGroup
    private let fleet: Fleet
    private let settings: CollectorSettings
    private let receiver: ReceiverSettings
    private let logger: Logger
    private let gate: Mutex<ConnectionGate>
    private let codecs: [ObjectIdentifier: NIOLoopBound<FrameCodec>]

    /// Prepares one encoder and decoder for each event loop of `group`.
    init(
        group: any EventLoopGroup, fleet: Fleet, settings: CollectorSettings,
        receiver: ReceiverSettings, logger: Logger
    ) async throws {
        self.group = group
        self.fleet = fleet
        self.settings = settings
        self.receiver = receiver
        self.logger = logger
        gate = Mutex(
            ConnectionGate(
                maximumConnections: settings.maximumConnections,
                maximumWaiting: settings.maximumWaitingConnections,
                maximumWaitingPerSource: settings.maximumWaitingConnectionsPerSource))
        var codecs: [ObjectIdentifier: NIOLoopBound<FrameCodec>] = [:]
        for loop in group.makeIterator() {
            codecs[ObjectIdentifier(loop)] = try await loop.submit {
                NIOLoopBound(try FrameCodec(), eventLoop: loop)
            }.get()
        }
        self.codecs = codecs
    }

    /// Binds the address; throws if that cannot be done.
    func bind() async throws -> any Channel {
        try await ServerBootstrap(group: group)
            // A whole fleet may come at once; what waits here costs the kernel little.
            .serverChannelOption(.backlog, value: 4_096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
            // One buffer a connection, no larger than a frame of an agent: buffers keep the size
            // of their largest time, and there are ten thousand of them.
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(
                    minimum: 1_024, initial: 2_048, maximum: WireLimits.agentWireBytes)
            )
            .childChannelOption(
                .writeBufferWaterMark,
                value: .init(
                    low: SessionHandler.maximumOutputBytes / 2,
                    high: SessionHandler.maximumOutputBytes)
            )
            .childChannelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture { try admit(channel) }
            }
            .bind(host: settings.listen.host, port: settings.listen.port)
            .get()
    }

    /// Gives a connection its session, or turns it away.
    ///
    /// A peer that is turned away is told nothing: it has not shown yet that it speaks frames.
    private func admit(_ channel: any Channel) throws {
        let source = channel.remoteAddress?.ipAddress ?? ""
        guard gate.withLock({ $0.open(from: source) }),
            let codec = codecs[ObjectIdentifier(channel.eventLoop)]
        else {
            fleet.statistics.refused(.connections)
            noteRefusal(from: source)
            throw TooManyConnections()
        }
        let isIdentified = NIOLockedValueBox(false)
        channel.closeFuture.whenComplete { [self] _ in
            let wasIdentified = isIdentified.withLockedValue { $0 }
            gate.withLock { $0.close(from: source, wasIdentified: wasIdentified) }
        }
        let now = WallClock.now()
        var receiver = receiver
        receiver.credit = fleet.credit(at: now)
        let address = AgentServer.text(of: channel.remoteAddress)
        var logger = logger
        logger[metadataKey: "from"] = "\(address)"
        let handler = SessionHandler(
            session: ReceiverSession(
                acceptedAtMilliseconds: now.monotonicMilliseconds, settings: receiver),
            codec: codec.value, fleet: fleet, address: address, credit: receiver.credit,
            logger: logger
        ) { [self] in
            isIdentified.withLockedValue { $0 = true }
            gate.withLock { $0.identified(from: source) }
        }
        try channel.pipeline.syncOperations.addHandler(handler)
    }

    /// An address as people write it.
    private static func text(of address: SocketAddress?) -> String {
        guard let address, let host = address.ipAddress, let port = address.port else {
            return "an unknown address"
        }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    private func noteRefusal(from source: String) {
        let (isNotable, count) = gate.withLock { ($0.isRefusalNotable, $0.refusedCount) }
        guard isNotable else { return }
        logger.warning(
            "too many connections; turned one away",
            metadata: ["from": "\(source)", "soFar": "\(count)"])
    }
}

/// Closes a connection that is turned away.
private struct TooManyConnections: Error {}
